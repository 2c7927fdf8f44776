"""What was known at a moment? The canonical tables in memory, and their as-of view.

The one module that decides it: training, backtest and the live request all call it or read the arrays that
`features` compiles from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from crm.conversion import ForeignMoney, in_own_currency, worth_of_targets
from crm.errors import SanchoError
from crm.frames import codes_in, event_text, micros, moments, own_columns_as_stored, typed, with_own_columns
from crm.i18n import Text
from crm.instants import NEVER
from crm.known_rows import deals_as_of, leads_as_of, people_as_of, rows_known
from crm.money import Rates
from crm.organisation import COMPANY, Organisation, OrganisationHistory, organisation_of
from crm.schema import DEFAULT_STAGES, OBSERVER, TABLES
from crm.standing_rows import standing_rows
from crm.versions import LATEST, Versions


@dataclass(frozen=True)
class EventLog:
    """The canonical tables as frames, one per table of the schema, in the schema's column types (`typed`).

    `zone` is the organisation's time zone, which gives naive times and plain dates their meaning: that of the
    table `organisation` as of `moment`, else that of `given`.
    `versions` are those of the rows that changed, went or came late, by table; `recorded` are all recorded
    rows, the deleted and merged ones too, where `tables` are only a view of them as of `moment`.
    `given` is the organisation where its row in `organisation` does not say it (None: the defaults, and
    `zone`). Amounts of `tables` are in the organisation's currency (their `currency` columns say in which
    they were recorded), those of `recorded` as they were recorded; `money` is what there is in other
    currencies, None where there is none.
    """

    tables: Mapping[str, pd.DataFrame]
    zone: ZoneInfo
    versions: Mapping[str, Versions] = field(default_factory=dict)
    recorded: Mapping[str, pd.DataFrame] | None = None
    moment: int = LATEST
    given: Organisation | None = None
    money: ForeignMoney | None = None

    @classmethod
    def of(
        cls,
        tables: Mapping[str, pd.DataFrame],
        zone: ZoneInfo,
        versions: Mapping[str, Versions] | None = None,
        given: Organisation | None = None,
    ) -> EventLog:
        """A log from frames; tables not given are empty, stages not given are the default pipeline.

        `zone`, and `given` of all else: the organisation's where the table `organisation` does not say it.
        """
        given = replace(given or Organisation(), time_zone=str(zone))
        said = typed(tables.get("organisation", pd.DataFrame()), TABLES["organisation"], zone)
        zone = organisation_of({"organisation": said}, given).zone
        full = {
            name: typed(tables[name], table, zone) if name in tables else _empty(name, zone).copy()
            for name, table in TABLES.items()
        }
        if full["stages"].empty:
            columns = ["stage", "position", "outcome", "kpi"]
            full["stages"] = typed(pd.DataFrame(DEFAULT_STAGES, columns=columns), TABLES["stages"], zone)
        full["deals"] = _with_lost_attributes(full["deals"], full["deal_events"])
        return cls._standing(full, versions or {}, given)

    @classmethod
    def _standing(
        cls, recorded: dict[str, pd.DataFrame], versions: Mapping[str, Versions], given: Organisation
    ) -> EventLog:
        """All that is recorded, as it stands in the end."""
        standing = standing_rows(recorded, versions, LATEST, given.zone) if versions else recorded
        organisation = organisation_of(standing, given)
        converted, money = in_own_currency(standing, organisation, LATEST, organisation.zone)
        whole = None if converted is recorded else recorded
        return cls(converted, organisation.zone, versions, whole, given=given, money=money)

    def __getitem__(self, table: str) -> pd.DataFrame:
        return self.tables[table]

    def as_of(self, moment: int) -> EventLog:
        """The log as it stood at an instant (microseconds UTC): nothing known at or after it exists.

        Asking twice changes nothing, and `log.as_of(b).as_of(a)` equals `log.as_of(a)` for a <= b.
        """
        moment = min(moment, self.moment)
        recorded = self.tables if self.recorded is None else self.recorded
        log = standing_rows(recorded, self.versions, moment, self.zone)
        given = self.default_organisation
        organisation = organisation_of(log, given)
        zone = organisation.zone
        deals = deals_as_of(log["deals"], log["deal_events"], log["stages"], moment)
        known = {
            "deals": deals,
            "leads": leads_as_of(log["leads"], deals, moment),
            "people": people_as_of(log["people"], moment, zone),
        }
        known |= {n: rows_known(log[n], table, moment) for n, table in TABLES.items() if n not in known}
        known["accounts"] = own_columns_as_stored(known["accounts"], TABLES["accounts"])
        converted, money = in_own_currency(known, organisation, moment, zone)
        return EventLog(converted, zone, self.versions, recorded, moment, given, money)

    @cached_property
    def organisations(self) -> OrganisationHistory:
        """What the organisation said about itself, and since when."""
        recorded = self.tables if self.recorded is None else self.recorded
        versions = self.versions.get("organisation")
        return OrganisationHistory.of(
            recorded["organisation"], versions, self.default_organisation, self.moment
        )

    @property
    def organisation(self) -> Organisation:
        """What the organisation says about itself, as of the moment of the log."""
        return organisation_of(self, self.default_organisation)

    @property
    def default_organisation(self) -> Organisation:
        """What holds where the organisation's row does not say it."""
        return self.given or Organisation(time_zone=str(self.zone))

    def instant(self, as_of: str | date | datetime | int | None) -> int:
        """The as-of moment a user means: a plain date means its end, by the time zone known then."""
        return self.organisations.instant(as_of)

    def with_organisation(self, **said: Any) -> EventLog:
        """The same log with an organisation that has always said the same: as here, but for what is given.

        `said` are columns of the table `organisation`. Stored instants stay as they are; amounts are in its
        currency.
        """
        given = Organisation(**{**vars(self.organisation), **said})
        row, table = pd.DataFrame([{"organisation_id": COMPANY, **vars(given)}]), TABLES["organisation"]
        recorded = self.tables if self.recorded is None else self.recorded
        versions = {name: of_table for name, of_table in self.versions.items() if name != table.name}
        own = {**recorded, table.name: typed(row, table, given.zone)}
        whole = EventLog._standing(own, versions, given)
        return whole if self.moment == LATEST else whole.as_of(self.moment)

    @property
    def currency_since(self) -> int:
        """Since when the organisation's currency is what it is (microseconds UTC); NEVER = all along."""
        known = self.organisations.known
        changed = [at for (_, before), (at, now) in pairwise(known) if before.currency != now.currency]
        return max(changed, default=NEVER)

    @property
    def rates(self) -> Rates:
        """The exchange rates known at the moment of the log."""
        if self.money is not None:
            return self.money.rates
        return Rates.of(self["rates"], self.organisation, self.moment, self.zone)

    def worth_of_targets(self) -> np.ndarray:
        """The values (n,) of the rows of targets as money of the organisation's currency, NaN = no rate."""
        return worth_of_targets(self["targets"], self.money)

    @cached_property
    def _revaluations(self) -> np.ndarray:
        """When amounts became worth something else (ascending): by a new rate, or by another currency."""
        if self.money is None:
            return np.zeros(0, np.int64)
        events = self["deal_events"]
        of_currency = micros(events["at"])[(events["field"] == "currency").to_numpy(bool)]
        return np.sort(np.concatenate([micros(self["rates"]["at"]), of_currency]))

    def next_revision(self, moment: int) -> int | None:
        """When, at a moment or later, something said before was first changed, taken back or added late.

        A new exchange rate changes what amounts in other currencies are worth, and so does a deal's currency.
        """
        later = [at for each in self.versions.values() if (at := each.first_since(moment)) is not None]
        revalued = self._revaluations
        later += revalued[revalued >= moment][:1].tolist()
        first = min(later, default=None)
        return first if first is not None and first < self.moment else None

    def without(self, *tables: str) -> EventLog:
        """The same log without the rows of some tables."""

        def emptied(frames: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
            return {**frames, **{name: frames[name].iloc[:0] for name in tables}}

        recorded = None if self.recorded is None else emptied(self.recorded)
        return replace(self, tables=emptied(self.tables), recorded=recorded)

    def of_deal(self, deal_id: str) -> EventLog:
        """The same log with one deal, and what happened to it, in place of all of them."""

        def narrowed(frames: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
            about = ("deals", "deal_events", "activities")
            rows = {name: frames[name][(frames[name]["deal_id"] == deal_id).to_numpy(bool)] for name in about}
            return {**frames, **rows}

        recorded = None if self.recorded is None else narrowed(self.recorded)
        return replace(self, tables=narrowed(self.tables), recorded=recorded)

    def changes(self, table: str) -> pd.DataFrame:
        """What changed in the rows of a table (not deals) by the moment of the log, like `deal_events`.

        Columns key, at, field, value, old_value (texts), in order of key and time.
        """
        versions = self.versions.get(table)
        changed = [] if versions is None else list(versions.known_before(self.moment).changes())
        frame = pd.DataFrame(changed, columns=["key", "at", "field", "value", "old_value"])
        frame["at"] = pd.to_datetime(frame["at"].astype("int64"), unit="us", utc=True)
        for name in ("value", "old_value"):
            frame[name] = pd.Series([event_text(value) for value in frame[name]], dtype=object)
        return frame

    def first_known(self, table: str) -> Mapping[str, int]:
        """Since when the rows of a table are known whose own times do not say it."""
        versions = self.versions.get(table)
        return {} if versions is None else versions.known_before(self.moment).first_known()

    def gone_between(self, table: str, first: int, last: int) -> frozenset[str]:
        """Keys of the rows of a table that were deleted or merged in [first, last)."""
        versions = self.versions.get(table)
        if versions is None:
            return frozenset()
        gone = versions.gone & (versions.known_from >= first) & (versions.known_from < min(last, self.moment))
        return frozenset(str(key) for key in versions.keys[gone])

    def merged(self, table: str) -> Mapping[str, str]:
        """Rows of a table that another has taken the place of, as of the moment of the log."""
        versions = self.versions.get(table)
        return {} if versions is None else versions.merged_at(self.moment)

    def with_attribute(self, name: str, changes: pd.DataFrame, before: str | float | None = None) -> EventLog:
        """The same log with one more attribute of deals and its history: for a feature of your own.

        `changes` (deal_id, at, value) has a row for each time it changed; `before` is what it was until then,
        and is for deals without a change (None = unknown). As of a moment only changes before it are seen.
        """
        if name in TABLES["deals"].by_name:
            raise SanchoError(
                Text(
                    "「{name}」は商談の標準項目です。別の名前を付けてください。",
                    "{name} is a standard column of deals; give the attribute another name.",
                ).format(name=name),
                "bad_attribute",
            )
        unknown = changes.loc[codes_in(changes["deal_id"], pd.Index(self["deals"]["deal_id"])) < 0, "deal_id"]
        if len(unknown):
            raise SanchoError(
                Text(
                    "変更履歴{n}件（{first} など）に対応する商談がありません。deal_id を確認してください。",
                    "{n} changes refer to unknown deals (first: {first}); check deal_id.",
                ).format(first=unknown.iloc[0], n=len(unknown)),
                "unknown_deal",
            )
        ordered = changes.assign(at=moments(changes["at"], self.zone)).sort_values("at", kind="stable")
        text = ordered["value"].astype(object).map(str, na_action="ignore")
        deal = ordered["deal_id"].astype(object)
        first = ~deal.duplicated()
        was = text.groupby(deal).shift().mask(first, None if before is None else str(before))
        events = pd.DataFrame(
            {"deal_id": deal, "at": ordered["at"], "field": name, "value": text, "old_value": was}
        )
        last = ordered.drop_duplicates("deal_id", keep="last").set_index("deal_id")["value"]
        new_events = _uncoded(typed(events, TABLES["deal_events"], self.zone))

        def grown(frames: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
            ids = frames["deals"]["deal_id"].astype(object)
            values = ids.map(last).where(ids.isin(last.index), before)
            logs = pd.concat([_uncoded(frames["deal_events"]), new_events])
            return {
                **frames,
                "deals": typed(frames["deals"].assign(**{name: values}), TABLES["deals"], self.zone),
                "deal_events": typed(logs, TABLES["deal_events"], self.zone),
            }

        recorded = None if self.recorded is None else grown(self.recorded)
        return replace(self, tables=grown(self.tables), recorded=recorded)


@lru_cache(maxsize=256)
def _empty(name: str, zone: ZoneInfo) -> pd.DataFrame:
    """A table without rows, in the types of the schema: making one takes milliseconds."""
    return typed(pd.DataFrame(), TABLES[name], zone)


def _uncoded(frame: pd.DataFrame) -> pd.DataFrame:
    coded = frame.columns[[isinstance(kind, pd.CategoricalDtype) for kind in frame.dtypes]]
    return frame.astype(dict.fromkeys(coded, object))


def _with_lost_attributes(deals: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """The deals with blank columns for custom attributes that no row has any more, but imports once saw."""
    if not isinstance(events["field"].dtype, pd.CategoricalDtype):
        return deals
    known = events["field"].cat.categories.isin([*deals.columns, ""])
    if known.all():
        return deals
    foreign = ~np.append(known, True)[events["field"].cat.codes]
    observed = foreign & (events["actor_id"] == OBSERVER).to_numpy(bool)
    seen = events["field"][observed].astype(str).unique()
    blank = pd.Series(pd.Categorical([None] * len(deals)), index=deals.index)
    return with_own_columns(deals, TABLES["deals"], {str(name): blank for name in seen})
