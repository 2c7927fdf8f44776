"""How do recorded amounts become those of the organisation's currency, as of a moment?

A closed deal is worth the rate of its closing day, an open one the newest known; all that its history says of
the amount takes the same rate, so that changes of the amount are those of its own currency.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.frames import codes_in, event_text, micros
from crm.instants import NEVER
from crm.money import Rates, currency_of, foreign_codes
from crm.organisation import Organisation
from crm.standing_rows import put_values

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
# The amounts of each table, and the time that ends its rate's moving.
_AMOUNTS: Mapping[str, tuple[str, str | None]] = {
    "deals": ("amount", "closed_at"),
    "contracts": ("monthly_amount", "ended_at"),
    "products": ("unit_price", None),
    "deal_products": ("amount", None),
}


@dataclass(frozen=True)
class Unconverted:
    """Amounts of one table in one currency that have no rate: how many, and their total in that currency.

    `kinds`: the kinds of rates that are known of the currency, of which none counts.
    """

    table: str
    currency: str
    rows: int
    total: float
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Original:
    """An amount as recorded (NaN = none), and the rate taken (NaN = none is known), since when it holds."""

    amount: float
    currency: str
    rate: float
    rate_at: int

    @property
    def lacks_rate(self) -> bool:
        """Whether there is an amount that no rate converts."""
        return self.amount == self.amount and self.rate != self.rate


@dataclass(frozen=True)
class ForeignMoney:
    """What a log holds in other currencies than the organisation's.

    `deals`: by deal_id the amount and currency as recorded, the rate taken (NaN = none is known) and since
    when that rate holds (microseconds UTC).
    """

    rates: Rates
    unconverted: tuple[Unconverted, ...] = ()
    deals: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=["amount", "currency", "rate", "rate_at"])
    )

    def original(self, deal_id: str) -> Original | None:
        """The amount of a deal as recorded; None where it is of the organisation's currency."""
        at = int(self.deals.index.get_indexer(pd.Index([deal_id]))[0])
        if at < 0:
            return None
        amount, currency, rate, rate_at = self.deals.iloc[[at]].to_numpy(object)[0]
        return Original(float(amount), str(currency), float(rate), int(rate_at))

    def unconverted_rows(self, table: str, rows: pd.DataFrame) -> Bools:
        """Which rows (n,) of a table of a log are of another currency and have no amount in the own one."""
        lacking = np.zeros(len(rows), bool)
        if table in _AMOUNTS:
            for mask in foreign_codes(rows["currency"], self.rates.organisation.currency).values():
                lacking |= mask
            lacking &= rows[_AMOUNTS[table][0]].isna().to_numpy()
        return lacking

    def lack_rate(self, deal_ids: pd.Series | pd.Index) -> Bools:
        """Which deals (n,) have an amount that no rate makes one of the organisation's currency."""
        lacking = self.deals.index[self.deals["rate"].isna() & self.deals["amount"].notna()]
        return np.asarray(codes_in(pd.Series(deal_ids), lacking) >= 0)


def in_own_currency(
    tables: dict[str, pd.DataFrame], organisation: Organisation, moment: int, zone: ZoneInfo
) -> tuple[dict[str, pd.DataFrame], ForeignMoney | None]:
    """The tables with all amounts in the organisation's currency, as far as there are rates.

    `tables` as of the moment. Without money in other currencies they come back as they are, with None.
    `currency` columns keep the currency in which an amount was recorded; targets stay as they were set
    (`worth_of_targets`), since only those of money have one.
    """
    own = organisation.currency
    foreign = {name: foreign_codes(tables[name]["currency"], own) for name in _AMOUNTS}
    relabelled = _relabelled(tables["deal_events"])
    set_abroad = foreign_codes(tables["targets"]["currency"], own)
    if not (any(foreign.values()) or set_abroad or len(relabelled)):
        return tables, None
    rates = Rates.of(tables["rates"], organisation, moment, zone)
    changed = dict(tables)
    unconverted: list[Unconverted] = []
    deals = tables["deals"]
    rate, since = _rates_of(deals, foreign["deals"], "closed_at", rates)
    abroad = np.zeros(len(deals), bool)
    for mask in foreign["deals"].values():
        abroad |= mask
    if abroad.any() or len(relabelled):
        changed["deals"] = deals.assign(amount=deals["amount"] * rate)
        changed["deal_events"] = _events(tables["deal_events"], deals, rate, relabelled, rates)
    for name, (column, until) in _AMOUNTS.items():
        frame = tables[name]
        if name == "deals":
            factor, counts = rate, (frame["outcome"] != "lost").to_numpy(bool)
        elif name == "deal_products":
            factor, masks = _lines(frame, deals, foreign["deals"], rate, rates)
            foreign[name], counts = masks, np.zeros(len(frame), bool)  # their deals are told already
        elif foreign[name]:
            factor, _ = _rates_of(frame, foreign[name], until, rates)
            counts = np.full(len(frame), name == "contracts")
        if not foreign[name]:
            continue
        if name != "deals":
            changed[name] = frame.assign(**{column: frame[column] * factor})
        unconverted += _lacking(name, frame[column], foreign[name], counts & np.isnan(factor), rates)
    targets = tables["targets"]
    worth, _ = _rates_of(targets, set_abroad, "set_at", rates)
    unconverted += _lacking("targets", targets["value"], set_abroad, np.isnan(worth), rates)
    originals = pd.DataFrame(
        {
            "amount": deals["amount"].to_numpy(np.float64)[abroad],
            "currency": _names(len(deals), foreign["deals"])[abroad],
            "rate": rate[abroad],
            "rate_at": since[abroad],
        },
        index=pd.Index(deals["deal_id"][abroad].astype(object)),
    )
    return changed, ForeignMoney(rates, tuple(unconverted), originals)


def worth_of_targets(targets: pd.DataFrame, money: ForeignMoney | None) -> Floats:
    """The values of targets (n,) of money in the organisation's currency: at the rate known when set.

    NaN where no rate was known then; one without a time takes the newest.
    """
    values = targets["value"].to_numpy(np.float64)
    if money is None:
        return values
    foreign = foreign_codes(targets["currency"], money.rates.organisation.currency)
    return values * _rates_of(targets, foreign, "set_at", money.rates)[0] if foreign else values


def _rates_of(
    frame: pd.DataFrame, foreign: Mapping[str, Bools], until: str | None, rates: Rates
) -> tuple[Floats, NDArray[np.int64]]:
    """The rate of each row (n,) and since when it holds: of the day of `until` where that is known."""
    rate, since = np.ones(len(frame)), np.full(len(frame), NEVER)
    ended = np.full(len(frame), NEVER) if until is None else micros(frame[until])
    for name, mask in foreign.items():
        over, going = mask & (ended != NEVER), mask & (ended == NEVER)
        rate[over], since[over] = rates.of_days(name, ended[over])
        rate[going], since[going] = rates.newest(name, int(going.sum()))
    return rate, since


def _lacking(
    table: str, amounts: pd.Series, foreign: Mapping[str, Bools], lacking: Bools, rates: Rates
) -> list[Unconverted]:
    """What is told of the rows (n,) that have an amount and lack a rate."""
    values = amounts.to_numpy(np.float64)
    told = []
    for name, mask in foreign.items():
        rows = mask & lacking & ~np.isnan(values)
        if rows.any():
            total = float(values[rows].sum())
            told.append(Unconverted(table, name, int(rows.sum()), total, rates.kinds.get(name, ())))
    return told


def _lines(
    lines: pd.DataFrame, deals: pd.DataFrame, of_deals: Mapping[str, Bools], rate: Floats, rates: Rates
) -> tuple[Floats, dict[str, Bools]]:
    """The rates of the lines of deals, and their currencies: a blank one is its deal's, as is its rate."""
    own = rates.organisation.currency
    row = codes_in(lines["deal_id"], pd.Index(deals["deal_id"]))
    of_deal = np.append(_names(len(deals), of_deals), np.array([None], object))[row]
    said = lines["currency"].astype(object).map(lambda text: currency_of(str(text)) or str(text), "ignore")
    names = said.to_numpy(object, copy=True)
    names[said.isna()] = of_deal[said.isna()]
    names[names == own] = None
    masks = {str(name): np.asarray(names == name) for name in sorted(set(names) - {None})}
    if not masks:
        return np.ones(len(lines)), {}
    closed = pd.Series(deals["closed_at"]).reset_index(drop=True)
    ends = lines.assign(ended_at=closed.reindex(row).set_axis(lines.index))
    factor, _ = _rates_of(ends, masks, "ended_at", rates)
    same = np.asarray(names == of_deal)
    return np.where(same, np.append(rate, np.nan)[row], factor), masks


def _names(size: int, foreign: Mapping[str, Bools]) -> NDArray[np.object_]:
    """The currency of each row (n,), None where it is the organisation's."""
    names = np.full(size, None, object)
    for name, mask in foreign.items():
        names[mask] = name
    return names


def _relabelled(events: pd.DataFrame) -> NDArray[np.int64]:
    """The positions of the events by which a deal's currency changed."""
    fields = events["field"].cat.categories
    if "currency" not in fields:
        return np.zeros(0, np.int64)
    return np.flatnonzero((events["field"] == "currency").to_numpy(bool))


def _events(
    events: pd.DataFrame, deals: pd.DataFrame, rate: Floats, relabelled: NDArray[np.int64], rates: Rates
) -> pd.DataFrame:
    """The history of amounts at the rates (deals,) of their deals."""
    row = codes_in(events["deal_id"], pd.Index(deals["deal_id"]))
    of_amount = (events["field"] == "amount").to_numpy(bool) & (row >= 0)
    of_value, of_old = np.append(rate, 1.0)[row], np.append(rate, 1.0)[row]
    if len(relabelled):
        _follow_currencies(events, deals, row, relabelled, (of_value, of_old), rates)
    changed = {}
    for name, factor in (("value", of_value), ("old_value", of_old)):
        rows = np.flatnonzero(of_amount & (factor != 1.0) & events[name].notna().to_numpy())
        if len(rows):
            numbers = pd.to_numeric(events[name].iloc[rows].astype(object), errors="coerce").to_numpy(float)
            worth = (numbers * factor[rows]).tolist()
            texts = [None if number != number else event_text(number) for number in worth]
            changed[name] = put_values(events[name], rows, pd.Series(texts, dtype=object))
    return events.assign(**changed) if changed else events


def _follow_currencies(
    events: pd.DataFrame,
    deals: pd.DataFrame,
    row: NDArray[np.int64],
    relabelled: NDArray[np.int64],
    factors: tuple[Floats, Floats],
    rates: Rates,
) -> None:
    """Sets the factors of amounts that a deal had in another currency than it has now.

    A currency that changed together with the amount is a new price: what was before stays in the currency
    before. One that changed alone puts right what the amounts were all along.
    """
    of_value, of_old = factors
    at, own = micros(events["at"]), rates.organisation.currency
    amounts = np.flatnonzero((events["field"] == "amount").to_numpy(bool) & (row >= 0))
    amounts = amounts[np.argsort(row[amounts], kind="stable")]
    changes = relabelled[row[relabelled] >= 0]
    together = _pairs(row[changes], at[changes]).isin(_pairs(row[amounts], at[amounts]))
    ended, old = micros(deals["closed_at"]), events["old_value"].astype(object)
    # The last change first: each says in which currency all before it was.
    changes = changes[together][np.argsort(at[changes[together]], kind="stable")][::-1]
    for change in changes:
        first, end = np.searchsorted(row[amounts], [row[change], row[change] + 1])
        ours = amounts[first:end]
        factor = _factor(old.iloc[change], own, int(ended[row[change]]), rates)
        of_old[ours[at[ours] <= at[change]]] = factor
        of_value[ours[at[ours] < at[change]]] = factor


def _pairs(row: NDArray[np.int64], at: NDArray[np.int64]) -> pd.MultiIndex:
    return pd.MultiIndex.from_arrays([row, at])


def _factor(text: object, own: str, ended: int, rates: Rates) -> float:
    """The rate of one currency, as a text of events gives it, for a deal that closed at an instant."""
    code = (currency_of(text) or text) if isinstance(text, str) and text else own
    if code == own:
        return 1.0
    rate, _ = rates.newest(code, 1) if ended == NEVER else rates.of_days(code, np.array([ended]))
    return float(rate[0])
