"""What had happened in the organisation before a moment? From deals over time to running totals per group."""

from __future__ import annotations

from typing import Any

import numpy as np

from crm.instants import HOUR, NEVER
from features.arrays import (
    ACCOUNT,
    AMOUNT,
    AMOUNTS,
    COMPANY,
    CYCLE,
    CYCLES,
    GAINED,
    LOST,
    NET,
    OUTCOME,
    PRICED,
    PRODUCT,
    SELLER,
    UNKNOWN,
    WON,
    Activities,
    Array,
    Closings,
    Context,
    Deals,
    Ints,
    Presence,
    RunningTotals,
    Stages,
    Status,
    Track,
    ints,
)
from features.as_of import (
    closing,
    days,
    last_before,
    quantised,
    sorted_by,
    status_before,
)
from features.kernel_cache import compiled

SHORTEST_GAP = HOUR
"""Activities less than this apart count as one contact."""


def running_totals(group: Ints, at: Ints, values: Array, groups: int) -> RunningTotals:
    """Running totals of `values` (entries, columns) per group; entries of group -1 are left out."""
    return ordered_running_totals(group, at, values, groups)[0]


def ordered_running_totals(group: Ints, at: Ints, values: Array, groups: int) -> tuple[RunningTotals, Ints]:
    """The same, and the input entry of each entry of the totals."""
    start, order = sorted_by(ints(group), ints(at), groups + 1)
    total = np.zeros((len(order) + 1, values.shape[1]), np.int64)
    np.cumsum(values[order], axis=0, out=total[1:])
    return RunningTotals(start, ints(at[order]), total), ints(order)


@compiled
def _status_entries(
    created: Any, stage: Any, outcome_of: Any, said: Any, start: Any, at: Any, entry: Any
) -> None:
    """Count (at is empty) or fill the changes of each deal's status. See EventLog.as_of for the rule."""
    count = len(at) == 0
    for deal in range(len(created)):
        position = start[deal]
        made = 0
        i, high = stage.start[deal], stage.start[deal + 1]
        k, last = said.start[deal], said.start[deal + 1] - 1
        now, state = created[deal], -1
        while True:
            while i < high and stage.at[i] <= now:
                i += 1
            while k < last and said.known[k + 1] <= now:
                k += 1
            end = said.closed[k] if said.outcome[k] >= 0 else NEVER
            over = end != NEVER and end <= now
            new = -1
            if over:
                new = said.outcome[k]
            elif i > stage.start[deal] and not np.isnan(stage.value[i - 1]):
                new = outcome_of[np.int64(stage.value[i - 1])]
            if new != state and state >= 0:
                if not count:
                    at[position + made], entry[position + made, OUTCOME] = now, -1
                made += 1
            if new != state and new >= 0:
                if not count:
                    at[position + made], entry[position + made, OUTCOME] = now, new
                made += 1
            state = new
            later = NEVER
            if i < high and not over:
                later = stage.at[i]
            if end != NEVER and not over and (later == NEVER or end < later):
                later = end
            if k < last and (later == NEVER or said.known[k + 1] < later):
                later = said.known[k + 1]
            if later == NEVER:
                break
            now = later
        if count:
            start[deal + 1] = made
    if count:
        for deal in range(len(created)):
            start[deal + 1] += start[deal]


@compiled
def _attribute(created: Any, track: Any, column: Any, status: Any) -> None:
    """Fill the group of each closing, as of the instant after it."""
    for deal in range(len(created)):
        for i in range(status.start[deal], status.start[deal + 1]):
            if status.entry[i, OUTCOME] < 0:
                status.entry[i, column] = status.entry[i - 1, column]
                continue
            value = last_before(track, deal, status.at[i] + 1)
            status.entry[i, column] = -1 if np.isnan(value) else np.int64(value)


@compiled
def _worth(created: Any, amount: Any, status: Any) -> None:
    """Fill the cycle and the amount of each closing, as of the instant after it."""
    for deal in range(len(created)):
        for i in range(status.start[deal], status.start[deal + 1]):
            if status.entry[i, OUTCOME] < 0:
                status.entry[i, CYCLE] = status.entry[i - 1, CYCLE]
                status.entry[i, AMOUNT] = status.entry[i - 1, AMOUNT]
                continue
            value = last_before(amount, deal, status.at[i] + 1)
            status.entry[i, CYCLE] = quantised(days(status.at[i] - created[deal]))
            status.entry[i, AMOUNT] = UNKNOWN if np.isnan(value) else quantised(value)


@compiled
def _presence_entries(
    created: Any, track: Any, status: Any, start: Any, at: Any, group: Any, step: Any
) -> None:
    """Count (at is empty) or fill when open deals were assigned to a group and left it."""
    count = len(at) == 0
    for deal in range(len(created)):
        position, made, here = start[deal], 0, -1
        i, high = track.start[deal], track.start[deal + 1]
        j, end = status.start[deal], status.start[deal + 1]
        now = created[deal]
        while True:
            while i < high and track.at[i] <= now:
                i += 1
            while j < end and status.at[j] <= now:
                j += 1
            new = -1
            if status_before(status, deal, now + 1) < 0:
                value = last_before(track, deal, now + 1)
                new = -1 if np.isnan(value) else int(value)
            if new != here:
                if here >= 0:
                    if not count:
                        at[position + made], group[position + made], step[position + made] = now, here, -1
                    made += 1
                if new >= 0:
                    if not count:
                        at[position + made], group[position + made], step[position + made] = now, new, 1
                    made += 1
                here = new
            if i < high and j < end:
                now = min(track.at[i], status.at[j])
            elif i < high:
                now = track.at[i]
            elif j < end:
                now = status.at[j]
            else:
                break
        if count:
            start[deal + 1] = made
    if count:
        for deal in range(len(created)):
            start[deal + 1] += start[deal]


@compiled
def _closing_columns(entry: Any, out: Any) -> None:
    for i in range(len(entry)):
        sign, won = closing(entry, i)
        out[i, WON], out[i, LOST] = sign * won, sign * (1 - won)
        out[i, CYCLES] = sign * won * entry[i, CYCLE]
        if entry[i, AMOUNT] != UNKNOWN:
            out[i, PRICED], out[i, AMOUNTS] = sign, sign * entry[i, AMOUNT]


@compiled
def activity_gap(created: Any, at: Any, first: Any, i: Any) -> Any:
    """The gap that activity i of a deal ends: (when it was known, quantised log days; -1 = none)."""
    length = at[i] - at[i - 1] if i > first else 0
    if length < SHORTEST_GAP:
        return NEVER, -1
    return max(at[i], created), quantised(days(length))


@compiled
def _gap_entries(created: Any, start: Any, at: Any, known: Any, size: Any) -> None:
    for deal in range(len(created)):
        for i in range(start[deal], start[deal + 1]):
            known[i], size[i] = activity_gap(created[deal], at, start[deal], i)


@compiled
def stage_stay(created: Any, track: Any, stages: Any, deal: Any, i: Any, since: Any) -> Any:
    """What stage event i ends: (stage advanced from or -1, when, quantised log days, start of the new stage).

    `since` is when the deal entered the previous stage; a stay is complete only if the deal advanced.
    """
    was = track.value[i - 1] if i > track.start[deal] else track.first[deal]
    now = track.value[i]
    at = max(track.at[i], created)
    if was == now:
        return -1, at, 0, since
    if np.isnan(was) or np.isnan(now):
        return -1, at, 0, at
    old, new = np.int64(was), np.int64(now)
    if stages.outcome[new] == 0 or not stages.position[new] > stages.position[old]:
        return -1, at, 0, at
    return old, at, quantised(days(at - since)), at


@compiled
def _stay_entries(created: Any, track: Any, stages: Any, group: Any, at: Any, size: Any) -> None:
    for deal in range(len(created)):
        since = created[deal]
        for i in range(track.start[deal], track.start[deal + 1]):
            group[i], at[i], size[i], since = stage_stay(created[deal], track, stages, deal, i, since)


def status_of(created: Ints, stage: Track, stages: Stages, said: Closings) -> Status:
    """When each deal closed and reopened; the closings are not attributed yet."""
    start = ints(np.zeros(len(created) + 1))
    nothing = np.zeros((0, 7), np.int64)
    _status_entries(created, stage, stages.outcome, said, start, ints([]), nothing)
    at, entry = ints(np.zeros(start[-1])), np.zeros((start[-1], 7), np.int64)
    if len(at):
        _status_entries(created, stage, stages.outcome, said, start, at, entry)
    return Status(start, at, entry)


def empty_presence(deals: int) -> Presence:
    """The presence of that many deals, without entries."""
    return Presence(ints(np.zeros(deals + 1)), ints([]), ints([]), ints([]))


def presence_of(created: Ints, track: Track, status: Status) -> Presence:
    """When each open deal was assigned to the groups of a track and left them."""
    start = ints(np.zeros(len(created) + 1))
    _presence_entries(created, track, status, start, ints([]), ints([]), ints([]))
    at, group, step = (ints(np.zeros(start[-1])) for _ in range(3))
    if len(at):
        _presence_entries(created, track, status, start, at, group, step)
    return Presence(start, at, group, step)


def with_closings_attributed(deals: Deals) -> Deals:
    """The deals with their closings attributed and their presence at sellers and accounts computed."""
    created, status = deals.created, deals.status
    for track, column in ((deals.owner, SELLER), (deals.account, ACCOUNT), (deals.product, PRODUCT)):
        _attribute(created, track, column, status)
    _worth(created, deals.amount, status)
    return deals._replace(
        owned=presence_of(created, deals.owner, status), held=presence_of(created, deals.account, status)
    )


def context_of(
    deals: Deals, contracts: RunningTotals, acts_at: Ints, acts_actor: Ints, acts_row: Ints
) -> Context:
    """The organisation's past from all of its deals (`with_closings_attributed`), contracts and activities.

    `acts_at` and `acts_actor` are of all activities of the log, `acts_row` is the position of each of
    `deals.activities` among them.
    """
    sellers, accounts = len(deals.people.group), len(deals.accounts.group)
    return Context(
        past=deals,
        **closings_of(deals),
        seller_load=load_of(deals.owned, sellers),
        account_load=load_of(deals.held, accounts),
        seller_acts=acts_of(acts_at, acts_actor, sellers),
        seller_gaps=gaps_of(deals.created, deals.activities, acts_actor, acts_row, sellers),
        stage_stays=stays_of(deals),
        contracts=contracts,
    )


def closings_of(deals: Deals) -> dict[str, Any]:
    """What `Context` has of the deals' closings, by its fields."""
    sellers, accounts = len(deals.people.group), len(deals.accounts.group)
    by_time = np.argsort(deals.status.at, kind="stable")
    at, entry = deals.status.at[by_time], deals.status.entry[by_time]
    columns = np.zeros((len(at), 5), np.int64)
    _closing_columns(deals.status.entry, columns)
    columns = columns[by_time]
    deal_of = np.repeat(np.arange(len(deals.created)), np.diff(deals.status.start))
    by_account, order = ordered_running_totals(entry[:, ACCOUNT], at, columns, accounts)
    return {
        "by_company": running_totals(entry[:, COMPANY], at, columns, 1),
        "by_seller": running_totals(entry[:, SELLER], at, columns, sellers),
        "by_account": by_account,
        "by_product": running_totals(entry[:, PRODUCT], at, columns, len(deals.products.group)),
        "account_deal": ints(deal_of[by_time[order]]),
        "account_latest": _latest(by_account),
    }


def acts_of(at: Ints, actor: Ints, sellers: int) -> RunningTotals:
    """The activities of each seller."""
    return running_totals(actor, at, np.zeros((len(at), 0), np.int64), sellers)


def load_of(presence: Presence, groups: int) -> RunningTotals:
    """The open deals of each group."""
    columns = np.zeros((len(presence.at), 2), np.int64)
    columns[:, NET], columns[:, GAINED] = presence.step, presence.step > 0
    return running_totals(presence.group, presence.at, columns, groups)


def gaps_of(created: Ints, activities: Activities, actor: Ints, row: Ints, groups: int) -> RunningTotals:
    """The time between activities on a deal, of each seller; inputs as in `context_of`."""
    known, size = np.zeros((2, len(activities.at)), np.int64)
    _gap_entries(created, activities.start, activities.at, known, size)
    at, length = np.full((2, len(actor)), -1)
    at[row], length[row] = known, size
    some = np.flatnonzero((length >= 0) & (actor >= 0))
    return running_totals(ints(actor[some]), ints(at[some]), length[some, None], groups)


def stays_of(deals: Deals) -> RunningTotals:
    """The time that deals stayed in each stage before they advanced."""
    group, at, size = np.zeros((3, len(deals.stage.at)), np.int64)
    _stay_entries(deals.created, deals.stage, deals.stages, group, at, size)
    return running_totals(group, at, size[:, None], len(deals.stages.group))


def _latest(totals: RunningTotals) -> Ints:
    """For each entry, the last one up to it that was won, lost (perhaps of an earlier group)."""
    entry = np.arange(len(totals.at))
    increased = np.diff(totals.total[:, [WON, LOST]], axis=0) > 0
    return ints(np.maximum.accumulate(np.where(increased, entry[:, None], -1), axis=0))
