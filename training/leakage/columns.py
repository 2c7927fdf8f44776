"""What does each column say about each deal at its creation, as a model would be told?

A column of deals: its value before anything changed, by its history; without one, its present value. Columns
of accounts, people, leads and activities: what they say of the deal that they belong to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from crm.eventlog import EventLog
from crm.frames import codes_in, micros
from crm.instants import DAY, NEVER
from crm.schema import TABLES
from features.arrays import Flags, Floats, Ints
from features.attribute_history import EventTable, FieldEvents
from features.catalogue import CATALOGUE
from features.levels import Coded
from training.leakage.facts import DealFacts
from training.leakage.readings import Reading, read, read_texts

# What a deal's own times and its ending tell is used by rule; names of rows are no statements.
_NOT_ASKED = (
    "deals.created_at",
    "deals.closed_at",
    "deals.outcome",
    "deals.lost_reason",
    "deals.stage",
    "leads.deal_id",
    "activities.actor_id",
)
_READ = {column for feature in CATALOGUE for column in feature.reads}
LINKS = {"accounts": ("account_id", "account_id"), "people": ("person_id", "owner_id")}
"""By table: its key, and the deals' column that names a row of it."""
MAX_KINDS = 12  # the most frequent names of an activity's column that are asked about


@dataclass(frozen=True, kw_only=True)
class AskedColumn:
    """A column as the deals (n,) show it at creation.

    `groups`: deals of one group share a value by construction, such as those of one account. `fresh`: deals
    whose outcome cannot have been known to the column when they began. `shares`: for columns of activities,
    how often each of their names occurs early in the deal (n, names), NaN where the deal was too short.
    `changes`: of columns of deals.
    """

    table: str
    name: str
    reading: Reading
    applies: Flags
    groups: Ints
    fresh: Flags
    shares: dict[str, Floats] = field(default_factory=dict)
    changes: FieldEvents | None = None

    @property
    def canonical(self) -> bool:
        """Whether it is one of the schema's columns."""
        return self.name in TABLES[self.table].by_name


def is_asked(table: str, name: str) -> bool:
    """Whether the screen asks about a column: a company's own ones, and those that a feature reads."""
    column = f"{table}.{name}"
    return column not in _NOT_ASKED and (name not in TABLES[table].by_name or column in _READ)


def asked_columns(log: EventLog, events: EventTable, facts: DealFacts, rows: Ints) -> Iterator[AskedColumn]:
    """Every column that may reach a feature; `rows` are the deals of the log that `facts` are about."""
    deals = log["deals"].iloc[rows]
    for name in deals.columns:
        if is_asked("deals", name):
            yield _of_deals(name, deals[name], events, facts)
    yield from _of_linked(log, deals, events, facts)
    yield from _of_leads(log, deals, facts)
    yield from _of_activities(log, deals, facts)


def changed(events: EventTable, name: str) -> Flags:
    """Deals (n,) with a recorded change of an attribute."""
    out: Flags = np.diff(events.of(name).start) > 0
    return out


def at_creation(name: str, series: pd.Series, events: EventTable, facts: DealFacts) -> Reading:
    """A column of deals as it was known just after each was created: present value without events."""
    if not changed(events, name).any():
        return read(series, facts.zone)
    return read_texts(_texts_at_creation(name, series, events, facts), facts.zone)


def _texts_at_creation(name: str, series: pd.Series, events: EventTable, facts: DealFacts) -> Coded:
    found = events.of(name)
    some = found.first
    start, stop = found.start[some], found.start[some + 1]
    begun = np.zeros(len(found.at) + 1, np.int64)
    begun[1:] = np.cumsum(found.at <= np.repeat(facts.created, np.diff(found.start)))
    count = begun[stop] - begun[start]
    texts = Coded.of(series)
    names = pd.Index(np.unique(np.concatenate([texts.names, found.value.names, found.old.names]).astype(str)))
    codes = texts.within(names)
    value, old = found.value.within(names), found.old.within(names)
    last = np.maximum(start + count - 1, 0)
    codes[some] = np.where(count > 0, value[last], old[start])
    return Coded(codes, names.to_numpy(dtype=object))


def _of_deals(name: str, series: pd.Series, events: EventTable, facts: DealFacts) -> AskedColumn:
    everyone = np.ones(len(series), bool)
    return AskedColumn(
        table="deals",
        name=name,
        reading=at_creation(name, series, events, facts),
        applies=everyone,
        groups=np.arange(len(series)),
        fresh=everyone,
        changes=events.of(name),
    )


def _of_linked(
    log: EventLog, deals: pd.DataFrame, events: EventTable, facts: DealFacts
) -> Iterator[AskedColumn]:
    for table, (key, link) in LINKS.items():
        frame = log[table]
        names = _texts_at_creation(link, deals[link], events, facts)
        row = names.within(pd.Index(frame[key].astype(str)))
        if not (row >= 0).any():
            continue
        fresh = _before_any_win(row, facts) if table == "accounts" else row >= 0
        of_row = np.where(row >= 0, row, len(frame) + np.arange(len(row)))
        groups = np.unique(of_row, return_inverse=True)[1]
        for name in frame.columns:
            if not is_asked(table, name):
                continue
            values = frame[name].reset_index(drop=True).reindex(np.where(row >= 0, row, len(frame)))
            yield AskedColumn(
                table=table,
                name=name,
                reading=read(values.reset_index(drop=True), facts.zone),
                applies=row >= 0,
                groups=groups,
                fresh=fresh & (row >= 0),
            )


def _before_any_win(account: Ints, facts: DealFacts) -> Flags:
    """Deals that began before their account had won anything."""
    first_win = np.full(account.max() + 1, np.iinfo(np.int64).max)
    won = facts.won & (account >= 0)
    np.minimum.at(first_win, account[won], facts.closed[won])
    out: Flags = (account >= 0) & (facts.created < first_win[account])
    return out


def _of_leads(log: EventLog, deals: pd.DataFrame, facts: DealFacts) -> Iterator[AskedColumn]:
    leads = log["leads"]
    deal = codes_in(leads["deal_id"], pd.Index(deals["deal_id"]))
    row = np.full(len(deals), -1)
    row[deal[deal >= 0]] = np.flatnonzero(deal >= 0)
    if not (row >= 0).any():
        return
    for name in (name for name in leads.columns if is_asked("leads", name)):
        values = leads[name].reindex(np.where(row >= 0, row, len(leads))).reset_index(drop=True)
        yield AskedColumn(
            table="leads",
            name=name,
            reading=read(values, facts.zone),
            applies=row >= 0,
            groups=np.arange(len(row)),
            fresh=row >= 0,
        )


def _of_activities(log: EventLog, deals: pd.DataFrame, facts: DealFacts) -> Iterator[AskedColumn]:
    """Columns of the activities in a deal's first days, among deals that lived as long or longer."""
    frame = log["activities"]
    deal = codes_in(frame["deal_id"], pd.Index(deals["deal_id"]))
    lived = facts.life[facts.done]
    if not len(lived) or not (deal >= 0).any():
        return
    days = float(np.quantile(lived, 0.4))
    since = micros(frame["at"]) - np.append(facts.created, NEVER)[deal]
    early = np.flatnonzero((deal >= 0) & (since >= 0) & (since < days * DAY))
    deal = deal[early]
    age = np.where(facts.done, np.nan_to_num(facts.life), (facts.as_of - facts.created) / DAY)
    count = np.bincount(deal, minlength=len(deals)).astype(np.float64)
    applies = (age >= days) & (count > 0)
    if applies.sum() < 1:
        return
    for name in (name for name in frame.columns if is_asked("activities", name)):
        reading = read(frame[name].iloc[early].reset_index(drop=True), facts.zone)
        yield AskedColumn(
            table="activities",
            name=name,
            reading=Reading("category", Coded(np.full(len(deals), -1), np.array([], dtype=object)),
                            np.full(len(deals), np.nan)),
            applies=applies,
            groups=np.arange(len(deals)),
            fresh=applies,
            shares=_shares(reading, deal, count, applies),
        )  # fmt: skip


def _shares(reading: Reading, deal: Ints, count: Floats, applies: Flags) -> dict[str, Floats]:
    def mean(values: Floats) -> Floats:
        total = np.bincount(deal, values, len(count))
        return np.where(applies, total / np.maximum(count, 1.0), np.nan)

    out = {"": mean(reading.filled.astype(np.float64))}
    if reading.meaning == "number":
        out["#"] = mean(np.nan_to_num(reading.measured))
        return out
    counts = reading.texts.counts().sort_values(ascending=False, kind="stable")
    for name in counts.index[:MAX_KINDS]:
        code = int(np.flatnonzero(reading.texts.names == name)[0])
        out[str(name)] = mean((reading.texts.codes == code).astype(np.float64))
    return out
