"""What are a deal's stage, progress, amount and expected close date at a moment?"""

from __future__ import annotations

from typing import Any

import numpy as np

from features.arrays import OUTCOME, QUANTUM
from features.as_of import count_before, days, last_before, stage_before
from features.catalogue import columns
from features.kernel_cache import compiled
from features.organisation import stage_stay

(PRODUCT, AGE) = columns("product", "age_days")
(STAGE, POSITION, IN_STAGE, LONGEST, MOVES, BACK, PER_STAGE, REOPENED) = columns(
    "stage", "stage_position", "days_in_stage", "longest_stage_days", "stage_moves", "stage_moves_back",
    "days_per_stage", "reopened",
)  # fmt: skip
(PRICE, VS_FIRST, LAST_CHANGE, CHANGES, CUTS, SINCE_CHANGE) = columns(
    "amount", "amount_vs_first", "amount_last_change", "amount_changes", "amount_cuts",
    "days_since_amount_change",
)  # fmt: skip
(TO_CLOSE, PAST_DUE, PUSHES, PUSHED, PULLS, SLIP, SINCE_PUSH, TO_QUARTER_END, TO_FISCAL_END) = columns(
    "days_to_close_date", "days_past_due", "close_date_pushes", "close_date_pushed_days", "close_date_pulls",
    "close_date_slip", "days_since_close_date_change", "close_date_to_quarter_end",
    "close_date_to_fiscal_end",
)  # fmt: skip


@compiled
def stage_rows(
    created: Any, track: Any, stages: Any, status: Any, which: Any, moments: Any, group: Any, x: Any
) -> None:
    """Fill stage and progress; `group` receives the group of each deal's stage, -1 = unknown."""
    for row in range(len(which)):
        deal, t = which[row], moments[row]
        created_at = created[deal]
        age = days(t - created_at)
        low = track.start[deal]
        end = count_before(track.at, low, track.start[deal + 1], t)
        since, longest, moves, back, advanced = created_at, 0, 0, 0, 0
        for i in range(low, end):
            was = track.value[i - 1] if i > low else track.first[deal]
            now = track.value[i]
            _, at, _, after = stage_stay(created_at, track, stages, deal, i, since)
            if was != now:
                longest = max(longest, at - since)
            if was != now and not np.isnan(was) and not np.isnan(now):
                moves += 1
                old, new = stages.position[np.int64(was)], stages.position[np.int64(now)]
                back += new < old
                advanced += new > old
            since = after
        reopened = 0
        for i in range(
            status.start[deal], count_before(status.at, status.start[deal], status.start[deal + 1], t)
        ):
            reopened += status.entry[i, OUTCOME] < 0
        x[row, AGE], x[row, MOVES], x[row, BACK], x[row, REOPENED] = age, moves, back, reopened
        x[row, LONGEST] = days(max(longest, t - since))
        x[row, PER_STAGE] = age / (advanced + 1)
        stage = stage_before(track, stages.outcome, status, deal, t)
        group[row] = -1
        if stage >= 0:
            group[row] = stages.group[stage]
            x[row, STAGE], x[row, POSITION] = stages.level[stage], stages.position[stage]
            x[row, IN_STAGE] = days(t - since)


@compiled
def log_amount(amount: Any) -> Any:
    """log1p of an amount, rounded like the totals of amounts; a negative amount counts as 0."""
    return np.rint(np.log1p(max(amount, 0.0)) * QUANTUM) / QUANTUM


@compiled
def amount_rows(track: Any, which: Any, moments: Any, x: Any) -> None:
    """Fill the amount and its changes."""
    for row in range(len(which)):
        deal, t = which[row], moments[row]
        low = track.start[deal]
        end = count_before(track.at, low, track.start[deal + 1], t)
        first, now, changes, cuts = track.first[deal], track.first[deal], 0, 0
        for i in range(low, end):
            was, now = now, track.value[i]
            if np.isnan(first):
                first = now
            if was != now and not np.isnan(was) and not np.isnan(now):
                changes += 1
                cuts += now < was
                x[row, LAST_CHANGE] = log_amount(now) - log_amount(was)
                x[row, SINCE_CHANGE] = days(t - track.at[i])
        x[row, CHANGES], x[row, CUTS] = changes, cuts
        if not np.isnan(now):
            x[row, PRICE] = log_amount(now)
            x[row, VS_FIRST] = log_amount(now) - log_amount(first)


@compiled
def close_rows(
    track: Any, day_start: Any, quarter_end: Any, fiscal_end: Any, which: Any, moments: Any, over: Any, x: Any
) -> None:
    """Fill the expected close date, its changes and its position in the calendar.

    `over` receives the end of the expected day, 0 where there is none.
    """
    for row in range(len(which)):
        deal, t = which[row], moments[row]
        low = track.start[deal]
        end = count_before(track.at, low, track.start[deal + 1], t)
        first, now, pushes, pulls, pushed = track.first[deal], track.first[deal], 0, 0, 0.0
        for i in range(low, end):
            was, now = now, track.value[i]
            if np.isnan(first):
                first = now
            if was != now and not np.isnan(was) and not np.isnan(now):
                pushes += now > was
                pulls += now < was
                pushed += max(now - was, 0.0)
                x[row, SINCE_PUSH] = days(t - track.at[i])
        x[row, PUSHES], x[row, PULLS], x[row, PUSHED] = pushes, pulls, pushed
        over[row] = 0
        if np.isnan(now):
            continue
        day = np.int64(min(max(now, 0.0), len(quarter_end) - 1.0))
        over[row] = day_start[day + 1]
        x[row, TO_CLOSE] = days(over[row] - t)
        x[row, PAST_DUE] = max(days(t - over[row]), 0.0)
        x[row, SLIP] = now - first
        x[row, TO_QUARTER_END] = quarter_end[day] - day
        x[row, TO_FISCAL_END] = fiscal_end[day] - day


@compiled
def code_rows(track: Any, which: Any, moments: Any, codes: Any) -> None:
    """Fill the known value of an attribute as a local code, -1 = unknown."""
    for row in range(len(which)):
        value = last_before(track, which[row], moments[row])
        codes[row] = -1 if np.isnan(value) else np.int64(value)


@compiled
def product_rows(track: Any, products: Any, which: Any, moments: Any, group: Any, x: Any) -> None:
    """Fill the product; `group` receives its group, -1 = unknown."""
    for row in range(len(which)):
        value = last_before(track, which[row], moments[row])
        group[row] = -1
        if not np.isnan(value):
            group[row] = products.group[np.int64(value)]
            x[row, PRODUCT] = products.level[np.int64(value)]


@compiled
def value_rows(track: Any, which: Any, moments: Any, values: Any) -> None:
    """Fill the known value of an attribute, NaN = unknown."""
    for row in range(len(which)):
        values[row] = last_before(track, which[row], moments[row])


@compiled
def status_rows(
    track: Any, outcome_of: Any, status: Any, which: Any, moments: Any, stage: Any, outcome: Any
) -> None:
    """Fill the local code of each deal's stage (-1 = unknown) and its status: 1 won, 0 lost, -1 open."""
    for row in range(len(which)):
        deal, t = which[row], moments[row]
        stage[row] = stage_before(track, outcome_of, status, deal, t)
        low = status.start[deal]
        end = count_before(status.at, low, status.start[deal + 1], t)
        outcome[row] = status.entry[end - 1, OUTCOME] if end > low else -1
