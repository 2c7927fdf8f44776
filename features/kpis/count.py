"""What happened when, and who is it attributed to? The events that KPIs count, from a log as of a moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.eventlog import EventLog
from crm.frames import codes_in, micros
from crm.i18n import Text
from crm.instants import DAY, NEVER
from crm.schema import TABLES
from features.arrays import Flags, Floats, Ints
from features.kpis.definition import Count
from features.kpis.repeat_purchase import HORIZON_WEEKS, Purchases, RepeatPurchaseModel, fit_repeat_purchase

Conditions = tuple[tuple[str, tuple[str, ...]], ...]

ANY = "*"


@dataclass(frozen=True)
class KpiEvent:
    """A kind of event: rows of a table, each at an instant and of a person. `at` and `person` are columns."""

    label: Text
    table: str
    at: str
    person: str


# What can be counted. `at` and `person` are columns of the table as `KpiEvents` prepares it.
KPI_EVENTS: Mapping[str, KpiEvent] = MappingProxyType(
    {
        "deals.created": KpiEvent(Text("商談の作成", "deals created"), "deals", "created_at", "owner_id"),
        "deals.won": KpiEvent(Text("受注", "deals won"), "deals", "won_at", "owner_id"),
        "deals.closed": KpiEvent(Text("受注と失注", "deals closed"), "deals", "closed_at", "owner_id"),
        "deals.appointment": KpiEvent(
            Text("アポイント到達", "deals that reached an appointment"), "deals", "appointment", "owner_id"
        ),
        "deals.first_visit": KpiEvent(
            Text("初回訪問到達", "deals that reached the first visit"), "deals", "first_visit", "owner_id"
        ),
        "deals.proposal": KpiEvent(
            Text("提案到達", "deals that reached a proposal"), "deals", "proposal", "owner_id"
        ),
        "deals.closing": KpiEvent(
            Text("クロージング到達", "deals that reached closing"), "deals", "closing", "owner_id"
        ),
        "activities": KpiEvent(Text("活動", "activities"), "activities", "at", "actor_id"),
        "leads.created": KpiEvent(Text("リードの獲得", "leads created"), "leads", "created_at", "owner_id"),
        "leads.contacted": KpiEvent(
            Text("リードへの初回接触", "leads contacted"), "leads", "contacted_at", "owner_id"
        ),
        "leads.appointment": KpiEvent(
            Text("リードのアポイント獲得", "leads with an appointment"), "leads", "appointment_at", "owner_id"
        ),
        "leads.meeting": KpiEvent(
            Text("リードの商談化", "leads that became a meeting"), "leads", "meeting_at", "owner_id"
        ),
        "leads.qualified": KpiEvent(
            Text("リードの案件化", "leads that were qualified"), "leads", "qualified_at", "owner_id"
        ),
        "leads.handed": KpiEvent(
            Text("リードの引き継ぎ", "leads handed over"), "leads", "handed_at", "owner_id"
        ),
        "leads.closed": KpiEvent(
            Text("引き継いだリードの受注と失注", "deals of leads handed over, closed"),
            "leads",
            "deal_closed_at",
            "owner_id",
        ),
        "contracts.started": KpiEvent(
            Text("契約の開始", "contracts started"), "contracts", "started_at", "keeper"
        ),
    }
)
# Columns that a table has here besides those of the schema.
EXTRA_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType({"leads": ("deal_outcome",)})
STAGE_STEPS = ("appointment", "first_visit", "proposal", "closing")


@dataclass(frozen=True, kw_only=True)
class CountedEvents:
    """The events of one count, oldest first: instant, person (number), weight, all of shape (n,).

    `key`: code of the distinct value, for distinct counts. `until`: end, for events with a duration.
    `reached`: when the row reached the count's `reached` step, NEVER = not yet. `completeness`: share of rows
    with all needed columns filled in (None = no rows), `least_complete` the column most often blank.
    """

    at: Ints
    person: Ints
    weight: Floats
    key: Ints | None
    until: Ints | None
    reached: Ints | None
    completeness: float | None
    least_complete: str | None

    @property
    def ever_recorded(self) -> bool:
        """Whether such an event has ever been recorded."""
        return len(self.at) > 0 and (self.reached is None or bool((self.reached != NEVER).any()))

    def by_person(self, first: int, end: int, people: int) -> Floats:
        """Total weight in [first, end), by person: (people,)."""
        lo, hi = np.searchsorted(self.at, [first, end])
        return np.bincount(self.person[lo:hi], self.weight[lo:hi], people).astype(np.float64)

    def total_between(self, first: int, end: int, members: Flags) -> float:
        """Total weight, or number of distinct keys, in [first, end) of the `members` (people + 1,)."""
        lo, hi = np.searchsorted(self.at, [first, end])
        selected = members[self.person[lo:hi]]
        if self.key is not None:
            keys = self.key[lo:hi][selected]
            return float(len(np.unique(keys[keys >= 0])))
        return float(self.weight[lo:hi][selected].sum())

    def active(self, at: int, members: Flags) -> float:
        """Total weight, or number of distinct keys, of events active at `at` (begun, not ended)."""
        if self.key is not None:
            return float(len(self.active_keys(at, members)))
        return float(self.weight[self._active(at, members)].sum())

    def active_keys(self, at: int, members: Flags) -> Ints:
        """The distinct keys of events active at `at` (begun, not ended), sorted."""
        assert self.key is not None  # noqa: S101 - only for distinct counts
        keys = self.key[self._active(at, members)]
        return np.unique(keys[keys >= 0])

    def _active(self, at: int, members: Flags) -> Ints:
        assert self.until is not None  # noqa: S101 - only for events with a duration
        end = int(np.searchsorted(self.at, at, side="right"))
        return np.flatnonzero(members[self.person[:end]] & (self.until[:end] > at))


_PREPARED = ("deals", "leads", "contracts")  # tables that are counted with columns of others


@dataclass(frozen=True)
class KpiEvents:
    """The events before a moment, ready to be counted.

    `known`: the log as of the moment. `people`: ids in the order of their numbers; anyone else
    has the number len(people).
    """

    known: EventLog
    people: tuple[str, ...]
    _frames: dict[str, pd.DataFrame] = field(default_factory=dict)
    _tallies: dict[tuple[Count, bool], CountedEvents] = field(default_factory=dict)
    _repeats: dict[tuple[Count, int], RepeatPurchaseModel | None] = field(default_factory=dict)

    @classmethod
    def after(cls, known: EventLog, people: tuple[str, ...], before: KpiEvents | None) -> KpiEvents:
        """The events of a log, with what is counted already of tables that are the very ones of before."""
        events = cls(known, people)
        if before is None or before.people != people:
            return events
        if known.money is not None or before.known.money is not None:
            return events
        for (count, without), tally in list(before._tallies.items()):
            table = KPI_EVENTS[count.of].table
            if table not in _PREPARED and known[table] is before.known[table]:
                events._tallies[count, without] = tally
        return events

    def counted(self, count: Count, of_money: bool = False) -> CountedEvents:
        """The events of a count; `of_money`: for amounts, without rows that no exchange rate converts."""
        without = of_money and self.known.money is not None
        if (count, without) not in self._tallies:
            self._tallies[count, without] = self._tally(count, without)
        return self._tallies[count, without]

    def meets_conditions(self, table: str, ids: NDArray[np.object_], where: Conditions) -> Flags:
        """Whether each row of a table, by its id (n,), meets conditions; False without such a column."""
        if not where:
            return np.ones(len(ids), bool)
        rows = self._frame(table)
        at = codes_in(pd.Series(ids, dtype=object), pd.Index(rows[TABLES[table].key[0]].astype(object)))
        return np.asarray(np.append(rows_that_meet(rows, where), False)[at], np.bool_)

    def reached(self, column: str, ids: NDArray[np.object_]) -> Flags:
        """Whether each deal, by its id (n,), has reached one of STAGE_STEPS."""
        deals = self._frame("deals")
        at = codes_in(pd.Series(ids, dtype=object), pd.Index(deals["deal_id"].astype(object)))
        return np.asarray(np.append(micros(deals[column]) != NEVER, False)[at], np.bool_)

    def checkpoint_times(self, names: tuple[str, ...]) -> tuple[Ints, Ints, Ints]:
        """Of each deal: person (number), when closed, and when it reached each checkpoint, (names, deals)."""
        deals = self._frame("deals")
        number = codes_in(deals["owner_id"], pd.Index(self.people, dtype=object))
        person = np.where(number < 0, len(self.people), number)
        return person, micros(deals["closed_at"]), np.array([micros(deals[name]) for name in names])

    def deal_times(self) -> tuple[Ints, Ints, Ints, Ints]:
        """Of each deal: when it was created and won; of its lead: when created and when appointed."""
        deals, leads = self._frame("deals"), self._frame("leads")
        own = leads[leads["deal_id"].notna().to_numpy()].drop_duplicates("deal_id")
        own = own.set_index(own["deal_id"].astype(object)).reindex(deals["deal_id"].astype(object))
        return (
            micros(deals["created_at"]),
            micros(deals["won_at"]),
            micros(own["created_at"]),
            micros(own["appointment_at"]),
        )

    def wins_after(self, count: Count, since: int, until: int) -> tuple[Floats, Floats]:
        """Of each event of a count in [since, until): (days to the win of its deal, its amount), each (n,).

        NaN and 0 where its deal is not won, or it has none. Empty for events that belong to no deal.
        """
        event, deals = KPI_EVENTS[count.of], self._frame("deals")
        rows = self._frame(event.table)
        if "deal_id" not in rows:
            return np.zeros(0), np.zeros(0)
        at = micros(rows[event.at])
        chosen = (at != NEVER) & (at >= since) & (at < until)
        for column, allowed in count.where:
            chosen &= _is_allowed(rows[column], allowed) if column in rows else False
        place = codes_in(rows["deal_id"][chosen], pd.Index(deals["deal_id"].astype(object)))
        won_at = np.append(micros(deals["won_at"]), NEVER)[place]
        amount = np.append(_numbers(deals["amount"], len(deals)), 0.0)[place]
        later = (won_at != NEVER) & (won_at >= at[chosen])
        return np.where(later, (won_at - at[chosen]) / DAY, np.nan), np.where(later, amount, 0.0)

    def repeat_value(self, count: Count, until: int, moment: int, members: Flags) -> tuple[float, float]:
        """(purchases expected in the year after `until`, customers) of customers last sold to by `members`.

        The models are fitted to all purchases before `moment`, and applied to purchases up to `until`.
        """
        tally = self.counted(count, of_money=True)
        assert tally.key is not None  # noqa: S101 - purchases are counted by customer
        known = tally.key >= 0
        who, amount, when = tally.key[known], tally.weight[known], tally.at[known]  # noqa: PD008 - no frame
        if not len(when):
            return 0.0, 0.0
        if (count, moment) not in self._repeats:
            self._repeats[count, moment] = fit_repeat_purchase(Purchases.of(who, when, amount, moment))
        fitted, bought = self._repeats[count, moment], Purchases.of(who, when, amount, until)
        if fitted is None or not len(bought.customer):
            return 0.0, 0.0
        early = int(np.searchsorted(when, until))
        seller = np.full(int(who.max()) + 1, len(self.people))
        seller[who[:early]] = tally.person[known][:early]  # the last one stays
        selected = members[seller[bought.customer]]
        worth = fitted.purchases(bought, HORIZON_WEEKS) * fitted.value(bought)
        selected &= np.isfinite(worth)
        return float(worth[selected].sum()), float(selected.sum())

    def _tally(self, count: Count, without_unconverted: bool) -> CountedEvents:
        event = KPI_EVENTS[count.of]
        rows = self._frame(event.table)
        at = micros(rows[event.at])
        happened = at != NEVER
        if without_unconverted and self.known.money is not None:
            happened = happened & ~self.known.money.unconverted_rows(event.table, rows)
        complete, lacking = _completeness(rows, happened, count, event)
        for column, allowed in count.where:
            happened &= _is_allowed(rows[column], allowed) if column in rows else False
        use = np.flatnonzero(happened)
        use = use[np.argsort(at[use], kind="stable")]
        needed = {event.person, "ended_at", count.total, count.distinct, count.reached}
        chosen = rows[[name for name in rows.columns if name in needed]].iloc[use]
        number = codes_in(chosen[event.person], pd.Index(self.people, dtype=object))
        person = np.where(number < 0, len(self.people), number)
        weight = np.ones(len(use))
        if count.total is not None:
            weight = _numbers(chosen.get(count.total), len(use))
        key = None
        if count.distinct is not None and count.distinct in chosen:
            key = pd.factorize(chosen[count.distinct].astype(object))[0].astype(np.int64)
        until = None
        if event.table == "contracts":
            ended = micros(chosen["ended_at"])
            until = np.where(ended == NEVER, np.iinfo(np.int64).max, ended)
        reached = None if count.reached is None else micros(chosen[count.reached])
        return CountedEvents(
            at=at[use],
            person=person,
            weight=weight,
            key=key,
            until=until,
            reached=reached,
            completeness=complete,
            least_complete=lacking,
        )

    def _frame(self, table: str) -> pd.DataFrame:
        if table not in self._frames:
            prepared = {
                "deals": self._deals,
                "leads": self._leads,
                "contracts": self._contracts,
            }
            self._frames[table] = prepared[table]() if table in prepared else self.known[table]
        return self._frames[table]

    def _deals(self) -> pd.DataFrame:
        """Deals with when they were won and when they first reached each checkpoint stage."""
        deals = self.known["deals"]
        won = (deals["outcome"] == "won").to_numpy()
        steps = {name: _instants(at) for name, at in self._first_reached().items()}
        return deals.assign(won_at=deals["closed_at"].where(won), **steps)

    def _first_reached(self) -> dict[str, Ints]:
        """When each deal first reached each of STAGE_STEPS, (deals,); by its stage events."""
        events, stages = self.known["deal_events"], self.known["stages"]
        moved = events[(events["field"] == "stage").to_numpy()]
        deal = codes_in(moved["deal_id"], pd.Index(self.known["deals"]["deal_id"]))
        step_of = dict(zip(stages["stage"].astype(object), stages["kpi"].astype(object), strict=True))
        step = moved["value"].astype(object).map(step_of).to_numpy(object)
        at = micros(moved["at"])
        out = {}
        for name in STAGE_STEPS:
            selected = (step == name) & (deal >= 0)
            first = np.full(len(self.known["deals"]), np.iinfo(np.int64).max)
            np.minimum.at(first, deal[selected], at[selected])
            out[name] = np.where(first == np.iinfo(np.int64).max, NEVER, first)
        return out

    def _leads(self) -> pd.DataFrame:
        """Leads with when they were handed over, and the outcomes of their deals."""
        leads, deals = self.known["leads"], self._frame("deals")
        handed = leads["handed_to"].notna() & (
            leads["handed_to"].astype(object) != leads["owner_id"].astype(object)
        )
        at = leads["appointment_at"].fillna(leads["meeting_at"])
        known = deals.set_index(deals["deal_id"].astype(object))[["closed_at", "outcome"]]
        of_lead = known.reindex(leads["deal_id"].astype(object)).reset_index(drop=True)
        closed, outcome = of_lead["closed_at"], of_lead["outcome"].astype(object)
        over = handed & outcome.notna()
        return leads.assign(
            handed_at=at.where(handed),
            deal_closed_at=closed.where(over),
            deal_outcome=outcome.where(over),
        )

    def _contracts(self) -> pd.DataFrame:
        """Contracts with their account's owner: the owner of the account's last won deal."""
        contracts, deals = self.known["contracts"], self._frame("deals")
        won = deals[deals["won_at"].notna().to_numpy()].sort_values("won_at", kind="stable")
        last = won.drop_duplicates("account_id", keep="last")
        keeper = pd.Series(last["owner_id"].astype(object).to_numpy(), last["account_id"].astype(object))
        return contracts.assign(keeper=contracts["account_id"].astype(object).map(keeper))


def _numbers(values: pd.Series | None, count: int) -> Floats:
    """Values (count,) as numbers, 0 where there is none."""
    if values is None:
        return np.zeros(count)
    return pd.to_numeric(values.astype(object), errors="coerce").fillna(0.0).to_numpy(np.float64)


def _instants(at: Ints) -> pd.Series:
    return pd.Series(at.view("datetime64[us]")).dt.tz_localize("UTC")


def rows_that_meet(rows: pd.DataFrame, where: Conditions) -> Flags:
    """Whether each row (n,) meets conditions; False without such a column."""
    met = np.ones(len(rows), bool)
    for column, allowed in where:
        met &= _is_allowed(rows[column], allowed) if column in rows else False
    return met


def _is_allowed(values: pd.Series, allowed: tuple[str, ...]) -> Flags:
    """Whether each value is one of those allowed."""
    if ANY in allowed:
        return np.asarray(values.notna(), np.bool_)
    if pd.api.types.is_bool_dtype(values.dtype):
        wanted = [word.lower() == "true" for word in allowed]
        return np.asarray(values.isin(wanted).fillna(False), np.bool_)
    if pd.api.types.is_numeric_dtype(values.dtype):
        return np.asarray(values.isin([float(word) for word in allowed]), np.bool_)
    return np.asarray(values.isin(list(allowed)), np.bool_)


def _completeness(
    rows: pd.DataFrame, happened: Flags, count: Count, event: KpiEvent
) -> tuple[float | None, str | None]:
    """Share of rows with all needed columns filled in, and the column most often blank.

    Of activities, a column is needed only for the kinds that mostly have it filled in.
    """
    if not happened.any():
        return None, None
    named = [*(name for name, _ in count.where), count.total, count.distinct]
    named += [event.person] if event.person != "keeper" else []
    needed = [name for name in named if name in rows and name not in ("outcome", "deal_outcome")]
    whole, blank_most, most = np.ones(int(happened.sum()), bool), None, 0
    for name in dict.fromkeys(needed):
        column = rows[name][happened]
        blank = np.array(column.isna(), np.bool_)
        if event.table == "activities" and name not in ("kind", event.person):
            kind = pd.factorize(rows["kind"][happened])[0]
            share = np.bincount(kind, blank) / np.bincount(kind)
            blank &= share[kind] < 0.5
        if blank.sum() > most:
            blank_most, most = name, int(blank.sum())
        whole &= ~blank
    return float(whole.mean()), blank_most
