"""What is the history once the rows of some deals have changed? Their slices are exchanged, no other is made.

The deals that changed are compiled alone, by the same functions as all of them, and put in the places of
their old entries; totals of the organisation's past are summed anew from the arrays. What comes of it equals
the whole log compiled, array for array. Where a change reaches further than its deals (a name that nobody
had before, another column, a merge, money in another currency), nothing is said, and all is compiled.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from crm.eventlog import EventLog
from crm.exchanged_rows import rows_named
from crm.frames import codes_in, micros
from crm.versions import Versions
from features.arrays import Activities, Context, Deals, Ints, Leads, Presence, Status, Track, ints
from features.as_of import sorted_by
from features.attribute_history import EventTable
from features.attributes import Attribute, deal_attribute
from features.history import (
    Groups,
    History,
    Vocabulary,
    acts_in,
    compile_deals,
    contracts_of,
    final_amounts,
    names_in,
)
from features.levels import Coded
from features.organisation import acts_of, closings_of, gaps_of, load_of, stays_of

MOST = 0.2  # share of the deals from which on all are compiled
_SHARED = ("people", "accounts", "stages", "teams", "products", "organisation")  # read by all deals
_MERGED = ("deals", *_SHARED[:-1])
_READ = ("deals", "deal_events", "activities", "leads", "contracts")
_COLUMNS = {"stages": "stage", "people": "owner_id", "accounts": "account_id", "products": "product"}
A = TypeVar("A", bound=np.ndarray)


@dataclass(frozen=True)
class Change:
    """What differs between two logs: by table the keys of rows (an event's is its deal), and whose they are.

    `deals` names every deal of which any row differs, as an old or a new row says.
    """

    touched: Mapping[str, Collection[str]]
    deals: frozenset[str]


def activity_rows(history: History, log: EventLog) -> Ints:
    """The row of each activity of a history's deals among all activities of the log it was compiled from."""
    table = log["activities"]
    deal = ints(codes_in(table["deal_id"], history.deal_ids))
    return ints(sorted_by(deal, micros(table["at"]), len(history.deal_ids))[1])


def changed_history(
    before: History, rows: Ints, old: EventLog, log: EventLog, change: Change
) -> tuple[History, Ints] | None:
    """The history of `log` and its `activity_rows`, from those of the log before (`old`).

    None where all has to be compiled. `before` was compiled with the levels of a model, which still holds.
    """
    if not _is_of_deals(old, log, change):
        return None
    if not change.deals and not any(change.touched.get(name) for name in _READ):
        return before, rows
    survivors, zone = log.merged("deals"), before.calendar.zone
    # Rows of a deal that was merged are those of the one that took its place.
    merged = {survivors[deal] for deal in change.deals if deal in survivors}
    change = replace(change, deals=change.deals | merged)
    old, log = replace(old, zone=zone), replace(log, zone=zone)
    places = _Places.of(before.deal_ids, pd.Index(log["deals"]["deal_id"]), change.deals)
    moved = _moved_rows(old["activities"], log["activities"], change.touched.get("activities", ()))
    if places is None or moved is None:
        return None
    (was, _), (some, activities) = _only(old, change), _only(log, change)
    ids = pd.Index(some["deals"]["deal_id"])
    events = EventTable(some["deal_events"], ids)
    names = Vocabulary(before.stages, before.people, before.accounts, before.products)
    used, gone = (
        names_in(
            each.without("accounts"), EventTable(each["deal_events"], pd.Index(each["deals"]["deal_id"]))
        )
        for each in (some, was)
    )
    if not _is_same_vocabulary(names, gone, used, log):
        return None
    past = before.context.past
    groups = Groups(past.stages, past.people, past.accounts, past.products)
    alone = compile_deals(some, ids, events, names, groups, before.levels)
    deals = places.deals(past, alone.deals)
    start, start_alone = past.activities.start, alone.deals.activities.start
    is_active = bool(change.touched.get("activities"))
    if is_active or deals.activities is not past.activities:
        moved_rows = moved[rows] if is_active else rows
        rows = places.entries(start, start_alone, moved_rows, activities[alone.acts_row])
    attributes = tuple(
        one if one.of_account else _attribute(one, places, some, events, before) for one in before.attributes
    )
    history = replace(
        before,
        deal_ids=places.ids,
        created=deals.created,
        closed=places.rows(before.closed, alone.closed),
        outcome=places.rows(before.outcome, alone.outcome),
        final_amount=final_amounts(deals.amount),
        deals=deals,
        context=_context(before.context, deals, alone.deals, rows, places, change, log, names),
        attributes=attributes,
    )
    return history, rows


@dataclass(frozen=True)
class _Places:
    """Where the deals (n,) of a history come from: runs of those before, and of those that changed.

    A run is (of those that changed, first, end).
    """

    ids: pd.Index
    runs: list[tuple[bool, int, int]]
    changed_before: Ints  # where those that changed were
    is_same: bool  # whether no deal has come or gone

    @classmethod
    def of(cls, before: pd.Index, ids: pd.Index, changed: Collection[str]) -> _Places | None:
        """None where the others are not the same in the same order, or too many have changed."""
        keys = sorted(changed)
        is_old, is_new = np.asarray(before.isin(keys), bool), np.asarray(ids.isin(keys), bool)
        left, kept = np.flatnonzero(~is_old), np.flatnonzero(~is_new)
        if is_new.sum() > MOST * len(ids) or not before[left].equals(ids[kept]):
            return None
        place = np.empty(len(ids), np.int64)
        place[kept] = left
        place[is_new] = np.arange(int(is_new.sum()))
        was = ints(np.flatnonzero(is_old))
        is_same = len(before) == len(ids) and np.array_equal(is_old, is_new)
        is_same = is_same and before[was].equals(ids[was])
        if not len(ids):
            return cls(ids, [], was, is_same)
        breaks = np.flatnonzero((np.diff(place) != 1) | (np.diff(is_new.astype(np.int8)) != 0)) + 1
        firsts = np.append(0, breaks)
        lengths = np.diff(np.append(firsts, len(ids)))
        begin = place[firsts]
        runs = zip(is_new[firsts].tolist(), begin.tolist(), (begin + lengths).tolist(), strict=True)
        return cls(before if is_same else ids, list(runs), was, is_same)

    def moved(self, size: int) -> Ints:
        """Where each of the deals before (size,) is now, -1 = it has changed."""
        out, at = np.full(size, -1), 0
        for new, first, end in self.runs:
            if not new:
                out[first:end] = np.arange(at, at + end - first)
            at += end - first
        return ints(out)

    def rows(self, before: A, changed: A) -> A:
        """One row for each deal."""
        parts = [(changed if new else before)[first:end] for new, first, end in self.runs]
        return np.concatenate(parts) if parts else changed[:0]  # type: ignore[return-value]

    def entries(self, start: Ints, start_changed: Ints, before: A, changed: A) -> A:
        """The entries of each deal, which begin at `start` (n + 1,)."""
        parts = [
            changed[start_changed[first] : start_changed[end]] if new else before[start[first] : start[end]]
            for new, first, end in self.runs
        ]
        return np.concatenate(parts) if parts else changed[:0]  # type: ignore[return-value]

    def starts(self, start: Ints, start_changed: Ints) -> Ints:
        """Where the entries of each deal begin, (n + 1,)."""
        return np.append(0, np.cumsum(self.rows(np.diff(start), np.diff(start_changed))))

    def keeps(self, before: Any, changed: Any) -> bool:
        """Whether no deal has come or gone, and those that changed say what they did: no array is copied."""
        return self.is_same and _says_same(before, changed, self.changed_before)

    def track(self, before: Track, changed: Track) -> Track:
        """An attribute over time."""
        if self.keeps(before, changed):
            return before
        of = before.start, changed.start
        return Track(
            start=self.starts(*of),
            at=self.entries(*of, before.at, changed.at),
            value=self.entries(*of, before.value, changed.value),
            first=self.rows(before.first, changed.first),
        )

    def presence(self, before: Presence, changed: Presence) -> Presence:
        """When the deals were whose."""
        if self.keeps(before, changed):
            return before
        of = before.start, changed.start
        return Presence(
            self.starts(*of),
            *(self.entries(*of, *pair) for pair in zip(before[1:], changed[1:], strict=True)),
        )

    def deals(self, before: Deals, changed: Deals) -> Deals:
        """Everything recorded about the deals."""
        status, acts, leads = ((before[at].start, changed[at].start) for at in _CSR)  # type: ignore[union-attr]
        return before._replace(
            created=self.rows(before.created, changed.created),
            stage=self.track(before.stage, changed.stage),
            amount=self.track(before.amount, changed.amount),
            close=self.track(before.close, changed.close),
            owner=self.track(before.owner, changed.owner),
            account=self.track(before.account, changed.account),
            product=self.track(before.product, changed.product),
            status=before.status
            if self.keeps(before.status, changed.status)
            else Status(
                self.starts(*status),
                self.entries(*status, before.status.at, changed.status.at),
                self.entries(*status, before.status.entry, changed.status.entry),
            ),
            owned=self.presence(before.owned, changed.owned),
            held=self.presence(before.held, changed.held),
            activities=before.activities
            if self.keeps(before.activities, changed.activities)
            else Activities(
                self.starts(*acts),
                self.entries(*acts, before.activities.at, changed.activities.at),
                self.entries(*acts, before.activities.entry, changed.activities.entry),
            ),
            leads=before.leads
            if self.keeps(before.leads, changed.leads)
            else Leads(
                self.starts(*leads),
                self.entries(*leads, before.leads.at, changed.leads.at),
                self.entries(*leads, before.leads.source, changed.leads.source),
            ),
            own=ints(np.arange(len(self.ids))),
        )


def _context(
    before: Context,
    deals: Deals,
    alone: Deals,
    rows: Ints,
    places: _Places,
    change: Change,
    log: EventLog,
    names: Vocabulary,
) -> Context:
    """The organisation's past: what the deals that changed say as they did is not summed anew."""
    past, which = before.past, places.changed_before
    is_same = places.is_same and np.array_equal(past.created[which], alone.created)
    fields: dict[str, Any] = {"past": deals}

    def differs(part: str) -> bool:
        of_past, now = getattr(past, part), getattr(alone, part)
        if not len(now.at) and not (of_past.start[which + 1] - of_past.start[which]).any():
            return False  # of deals that come and go it says nothing
        return not (is_same and _says_same(of_past, now, which))

    if differs("status"):
        fields |= closings_of(deals)
    elif not places.is_same:
        fields["account_deal"] = places.moved(len(past.created))[before.account_deal]
    if differs("owned"):
        fields["seller_load"] = load_of(deals.owned, len(deals.people.group))
    if differs("held"):
        fields["account_load"] = load_of(deals.held, len(deals.accounts.group))
    if differs("stage"):
        fields["stage_stays"] = stays_of(deals)
    is_active = bool(change.touched.get("activities"))
    if is_active or differs("activities"):
        at, actor = acts_in(log, names)
        people = len(deals.people.group)
        fields["seller_gaps"] = gaps_of(deals.created, deals.activities, actor, rows, people)
        if is_active:
            fields["seller_acts"] = acts_of(at, actor, people)
    if change.touched.get("contracts"):
        fields["contracts"] = contracts_of(log, names)
    return before._replace(**fields)


def _says_same(before: Any, now: Any, which: Ints) -> bool:
    """Whether some deals (`which`, ascending) had the entries that they have now, compiled alone."""
    first, end = before.start[which], before.start[which + 1]
    if not np.array_equal(end - first, np.diff(now.start)):
        return False
    entries = np.concatenate([np.arange(0), *(np.arange(*span) for span in zip(first, end, strict=True))])
    for name, values, others in zip(before._fields, before, now, strict=True):
        if name == "start":
            continue
        mine = values[which if name == "first" else entries]
        if not np.array_equal(mine, others, equal_nan=mine.dtype.kind == "f"):
            return False
    return True


_CSR = tuple(Deals._fields.index(name) for name in ("status", "activities", "leads"))


def _attribute(
    one: Attribute, places: _Places, some: EventLog, events: EventTable, before: History
) -> Attribute:
    changed = deal_attribute(one.feature, some, events, before.levels)
    return replace(one, track=places.track(one.track, changed.track))


def _is_of_deals(old: EventLog, log: EventLog, change: Change) -> bool:
    """Whether nothing has changed that other deals read too, nor what the columns hold."""
    if any(change.touched.get(name) for name in _SHARED) or old.money is not None or log.money is not None:
        return False
    if any(old.merged(name) != log.merged(name) for name in _MERGED):
        return False
    return _columns(old) == _columns(log)


def _columns(log: EventLog) -> list[tuple[str, str]]:
    """The columns of deals, and what each holds."""
    return [
        (str(name), "category" if isinstance(kind, pd.CategoricalDtype) else str(kind))
        for name, kind in log["deals"].dtypes.items()
    ]


def _is_same_vocabulary(names: Vocabulary, gone: Vocabulary, used: Vocabulary, log: EventLog) -> bool:
    """Whether every name that changed rows use has a code, and every name that they used is still in use."""
    for field, column in _COLUMNS.items():
        now, known = set(getattr(used, field)), getattr(names, field)
        if (known.get_indexer(pd.Index(list(now), dtype=object)) < 0).any():
            return False
        left = set(getattr(gone, field)) - now
        if field == "accounts":  # that has a row of its own
            accounts = log["accounts"]["account_id"]
            left -= set(accounts[accounts.isin(sorted(left))])
        if left and not left <= _named(log["deals"][column], left):
            return False
    return True


def _named(column: pd.Series, names: Collection[str]) -> set[str]:
    """Which of some names a column of codes has."""
    coded = Coded.of(column)
    places = np.flatnonzero(pd.Index(coded.names).isin(list(names)))
    return {str(coded.names[place]) for place in places if (coded.codes == place).any()}


def _moved_rows(old: pd.DataFrame, new: pd.DataFrame, keys: Collection[str]) -> Ints | None:
    """The row that each old row of a table has now, -1 where it has changed; None where others have too."""
    if not keys:
        return ints(np.arange(len(old))) if len(old) == len(new) else None
    left, kept = (
        np.flatnonzero(~table["activity_id"].isin(sorted(keys)).to_numpy(bool)) for table in (old, new)
    )
    if len(left) != len(kept):
        return None
    moved = np.full(len(old), -1)
    moved[left] = kept
    return ints(moved)


def _only(log: EventLog, change: Change) -> tuple[EventLog, Ints]:
    """The log with the rows of the deals that changed alone, and where its activities were in the whole."""
    deals, own = pd.Index(sorted(change.deals), dtype=object), dict(log.tables)
    activities = log["activities"]
    of_table = {name: _mask(log[name], change.deals) for name in _READ[1:-1]}
    of_table["deals"] = log["deals"]["deal_id"].isin(deals).to_numpy(bool)
    keys = change.touched.get("activities", ())
    if keys:  # also those of no deal
        of_table["activities"] |= activities["activity_id"].isin(sorted(keys)).to_numpy(bool)
    for name, mask in of_table.items():
        own[name] = _few(log[name], mask)
    versions = {name: of for name, of in log.versions.items() if name != "deals"}
    if (of_deals := log.versions.get("deals")) is not None:
        kept = np.asarray(pd.Index(of_deals.keys).isin(deals), bool)
        versions["deals"] = Versions(
            of_deals.keys[kept], of_deals.known_from[kept], of_deals.gone[kept], of_deals.merged_into[kept],
            of_deals.texts[kept],
        )  # fmt: skip
    return replace(log, tables=own, versions=versions), np.flatnonzero(of_table["activities"])


def _mask(table: pd.DataFrame, deals: Collection[str]) -> np.ndarray:
    mask = np.zeros(len(table), bool)
    mask[rows_named(table["deal_id"], deals)] = True
    return mask


def _few(table: pd.DataFrame, mask: np.ndarray) -> pd.DataFrame:
    """Some rows of a table, without the names that none of them has."""
    few = table[mask].reset_index(drop=True)
    coded = [name for name, kind in few.dtypes.items() if isinstance(kind, pd.CategoricalDtype)]
    return few.assign(**{str(name): few[name].cat.remove_unused_categories() for name in coded})
