"""What do all base models of a win model say of a few questions about one deal? One compiled call.

The base models are data: a list of rows, each a table, a regression or an ensemble of trees. `answer` reads
it, and gives the log-odds of every base model at every horizon and what each feature adds to them, together.
The formulas are those of `models.win.base_models`, which answers for many deals and is the referee in tests.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crm.instants import DAY
from features.arrays import Floats, Ints
from features.horizon import EVER_DAYS
from features.kernel_cache import compiled
from models.explain.kernels import add_contributions
from models.explain.layout import TableLayout
from models.explain.splits import NEAR_ZERO
from models.logistic import LOGIT_LIMIT
from models.win.base_models import LOG_ODDS_LIMIT
from models.win.encoder import LIMIT
from models.win.horizons import ALMOST, CLOSE_REACH_DAYS
from models.win.tree_scores import Nodes

TABLE, LINEAR, TREES = range(3)  # kinds of base models
TAIL = 6  # the trees' columns after the features: two horizons, three period ends, days past the close date
ONE, TWO = np.uint64(1), np.uint64(2)


class Days(NamedTuple):
    """The calendar and the horizons: what of `HorizonWindows` the kernel needs."""

    start: Ints
    business: Floats
    months: Ints
    quarters: Ints
    fiscal_end: Ints
    ever_days: float
    longest_days: float


class Special(NamedTuple):
    """Where the features are that base models treat specially, -1 = nowhere."""

    stage: int
    age: int
    close: int


class Tables(NamedTuple):
    """Tables of rates by stage, age and days: `rates` (tables, stages, ages, grid), 0 at day 0 included."""

    stages: Floats
    ages: Floats
    grid: Floats
    rates: Floats
    stage_share: Floats
    age_share: Floats


class Regressions(NamedTuple):
    """Regressions on the same columns: `coefficients` (regressions, p), the covariance of the first."""

    value: Ints
    logged: NDArray[np.bool_]
    centre: Floats
    scale: Floats
    level: Ints
    code: Floats
    gap: Ints
    edges: Floats
    stages: Floats
    top: Floats
    coefficients: Floats
    covariance: Floats
    mean: Floats
    stage_mean: Floats
    close_reference: Floats


class Forests(NamedTuple):
    """Ensembles: number i has the trees begin[i] ... begin[i + 1] of `nodes`, which have `width` columns.

    `explained[i]`: its number among those of `shap`, -1 = it is never explained.
    """

    begin: Ints
    nodes: Nodes
    explained: Ints
    shap: TableLayout
    width: int


class BaseModels(NamedTuple):
    """The base models of a win model. A row of `listed`: outcome, column, kind, number among its kind."""

    listed: Ints
    days: Days
    special: Special
    tables: Tables
    regressions: Regressions
    forests: Forests


class Questions(NamedTuple):
    """What is asked of rows (r, k) of features: horizons in days, of row i those from start[i] on.

    The horizons of a row ascend. `why` are the questions to be explained.
    """

    x: Floats
    moments: Ints
    start: Ints
    days: Floats
    why: Ints


class Said(NamedTuple):
    """Of all questions the horizons in business days (q,) and the base models' log-odds (outcomes, q, b).

    Of those to be explained the regression's variance (why,) and the contributions (why, b, k).
    """

    clock: Floats
    log_odds: Floats
    variance: Floats
    contributions: Floats


@compiled
def answer(models: BaseModels, asked: Questions, said: Said) -> None:
    """Fill horizons and log-odds of all base models, then variance and contributions of some questions."""
    listed, calendar, special, tables, linear, forests = models
    width = asked.x.shape[1]
    fixed = np.empty(1 + len(linear.value) + len(linear.level) + len(linear.gap))
    rising = len(linear.edges)
    moving = np.empty(rising + 6 + len(linear.stages) * rising)
    columns, by_trees = np.empty((1, width + TAIL)), np.empty((1, len(forests.explained) * forests.width + 1))
    for row in range(len(asked.x)):
        first, end = asked.start[row], asked.start[row + 1]
        clock, tail = said.clock[first:end], np.empty((end - first, TAIL))
        x, moment = asked.x[row], asked.moments[row]
        _encode(linear, x, fixed)
        for i in range(end - first):
            clock[i] = _horizon_terms(calendar, special.close, x, moment, asked.days[first + i], tail[i])
        for number in range(len(listed)):
            side, column, kind, which = listed[number]
            out = said.log_odds[side, first:end, column]
            if kind == TABLE:
                at, band = _cell(tables, special, x)
                for i in range(end - first):
                    out[i] = _clipped(_read(tables.grid, tables.rates[which, at, band], clock[i]))
            elif kind == LINEAR:
                for i in range(end - first):
                    reached = clock[i] >= calendar.ever_days
                    _moving(linear, special, reached, x, clock[i], asked.days[first + i], tail[i], moving)
                    out[i] = _score(linear.coefficients[which], fixed, moving)
            else:
                trees = forests.nodes.trees[forests.begin[which] : forests.begin[which + 1]]
                _tree_scores(forests.nodes, trees, forests.width, x, tail, out)
        for place in range(len(asked.why)):
            question = asked.why[place]
            if not first <= question < end:
                continue
            i = question - first
            if len(linear.coefficients):
                reached = clock[i] >= calendar.ever_days
                _moving(linear, special, reached, x, clock[i], asked.days[question], tail[i], moving)
                said.variance[place] = _variance(linear.covariance, fixed, moving)
            if len(forests.shap.inputs):
                columns[0, :width], columns[0, width:], by_trees[:] = x, tail[i], 0.0
                add_contributions(forests.shap, columns, by_trees)
            for number in range(len(listed)):
                side, column, kind, which = listed[number]
                if side != 0:
                    continue
                out = said.contributions[place, column]
                if kind == TABLE:
                    _add_rate_shares(tables, special, which, x, clock[i], out)
                elif kind == LINEAR:
                    of_model = linear.coefficients[which]
                    _add_linear_parts(linear, special, of_model, asked.days[question], fixed, moving, out)
                elif forests.explained[which] >= 0:
                    begin = forests.explained[which] * forests.width
                    out += by_trees[0, begin : begin + width]
                    if special.close >= 0:
                        # The last column, horizon minus days to the expected close, counts for that feature.
                        out[special.close] += by_trees[0, begin + forests.width - 1]


@compiled
def _day_of(calendar: Days, moment: Any) -> Any:
    day = np.searchsorted(calendar.start, moment, side="right") - 1
    return min(max(day, 0), len(calendar.start) - 2)


@compiled
def _business(calendar: Days, moment: Any) -> Any:
    """Business days until an instant."""
    day = _day_of(calendar, moment)
    begin, end = calendar.start[day], calendar.start[day + 1]
    share = min(max((moment - begin) / (end - begin), 0.0), 1.0)
    return calendar.business[day] + share * (calendar.business[day + 1] - calendar.business[day])


@compiled
def _horizon_terms(calendar: Days, close: int, x: Floats, moment: int, days: float, tail: Floats) -> Any:
    """The horizon in business days; fills the trees' columns of the horizon."""
    end = moment + np.int64(min(days, EVER_DAYS) * DAY)
    clock = min(_business(calendar, end) - _business(calendar, moment), calendar.ever_days * ALMOST)
    clock = calendar.ever_days if days >= calendar.ever_days else clock
    capped = min(max(days, 1e-6), calendar.longest_days)
    first = _day_of(calendar, moment)
    last = _day_of(calendar, moment + np.int64(min(capped, EVER_DAYS) * DAY))
    tail[0], tail[1] = np.log1p(clock), np.log1p(days)
    tail[2] = calendar.months[last] - calendar.months[first]
    tail[3] = calendar.quarters[last] - calendar.quarters[first]
    tail[4] = last > calendar.fiscal_end[first]
    tail[5] = 0.0
    if close >= 0:
        past = days - x[close]
        tail[5] = past if math.isnan(past) else min(max(past, -400.0), 400.0)
    return clock


@compiled
def _cell(tables: Tables, special: Special, x: Floats) -> Any:
    """Row and column of the tables."""
    row = len(tables.stages)
    if special.stage >= 0:
        for number in range(len(tables.stages)):
            if tables.stages[number] == x[special.stage]:
                row = number
    age = x[special.age] if special.age >= 0 else 0.0
    age = 0.0 if math.isnan(age) else age
    return row, np.searchsorted(tables.ages, age, side="right")


@compiled
def _read(grid: Floats, rates: Floats, days: float) -> Any:
    """A rate by days of the grid, interpolated; 0 at day 0, flat beyond the grid."""
    inside = min(max(days, 0.0), grid[-1])
    right = min(max(np.searchsorted(grid, inside), 1), len(grid) - 1)
    part = (inside - grid[right - 1]) / (grid[right] - grid[right - 1])
    return rates[right - 1] + (rates[right] - rates[right - 1]) * part


@compiled
def _clipped(chance: float) -> float:
    edge = 1.0 / (1.0 + math.exp(LOGIT_LIMIT))
    inside = min(max(chance, edge), 1.0 - edge)
    log_odds = math.log(inside / (1.0 - inside))
    return min(max(log_odds, -LOG_ODDS_LIMIT), LOG_ODDS_LIMIT)


@compiled
def _encode(linear: Regressions, x: Floats, out: Floats) -> None:
    """The regressions' columns that do not depend on the horizon, after the intercept."""
    out[0] = 1.0
    first = 1
    for j in range(len(linear.value)):
        raw = x[linear.value[j]]
        if linear.logged[j]:
            raw = math.copysign(np.log1p(abs(raw)), raw)
        scaled = (raw - linear.centre[j]) / linear.scale[j]
        out[first + j] = 0.0 if math.isnan(scaled) else min(max(scaled, -LIMIT), LIMIT)
    first += len(linear.value)
    for j in range(len(linear.level)):
        out[first + j] = x[linear.level[j]] == linear.code[j]
    first += len(linear.level)
    for j in range(len(linear.gap)):
        out[first + j] = math.isnan(x[linear.gap[j]])


@compiled
def _moving(
    linear: Regressions,
    special: Special,
    reached: bool,
    x: Floats,
    clock: float,
    days: float,
    tail: Floats,
    out: Floats,
) -> None:
    """The regressions' columns that depend on the horizon: ramps, period ends, close date, ramps by stage."""
    rising = len(linear.edges)
    log = np.log1p(clock)
    for j in range(rising - 1):
        low, high = linear.edges[j], linear.edges[j + 1]
        out[j] = min(max((log - low) / (high - low), 0.0), 1.0)
    out[rising - 1] = reached
    for j in range(3):
        out[rising + j] = tail[2 + j] / linear.top[j]
    _close_columns(x[special.close] if special.close >= 0 else math.nan, days, out[rising + 3 : rising + 6])
    at = rising + 6
    for number in range(len(linear.stages)):
        here = special.stage >= 0 and linear.stages[number] == x[special.stage]
        for j in range(rising):
            out[at] = out[j] if here else 0.0
            at += 1


@compiled
def _close_columns(close: float, days: float, out: Floats) -> None:
    past = days - close
    if math.isnan(past):
        out[:] = 0.0
        return
    out[0] = min(max((past + CLOSE_REACH_DAYS) / (2.0 * CLOSE_REACH_DAYS), 0.0), 1.0)
    out[1] = past >= 0.0
    out[2] = past >= CLOSE_REACH_DAYS / 2.0


@compiled
def _score(coefficients: Floats, fixed: Floats, moving: Floats) -> float:
    total, cut = 0.0, len(fixed)
    for j in range(cut):
        total += fixed[j] * coefficients[j]
    for j in range(len(moving)):
        total += moving[j] * coefficients[cut + j]
    return min(max(total, -LOG_ODDS_LIMIT), LOG_ODDS_LIMIT)


@compiled
def _variance(covariance: Floats, fixed: Floats, moving: Floats) -> float:
    """The variance of a design's log-odds, over the columns in which it is not 0."""
    design = np.concatenate((fixed, moving))
    used = np.flatnonzero(design)
    total = 0.0
    for place in range(len(used)):
        j = used[place]
        of_column = 0.5 * covariance[j, j] * design[j]
        for k in used[:place]:
            of_column += covariance[j, k] * design[k]
        total += 2.0 * design[j] * of_column
    return total


@compiled
def _tree_scores(
    nodes: Nodes, trees: NDArray[np.uint32], wide: int, x: Floats, tail: Floats, out: Floats
) -> None:
    """The sum of the trees' values at ascending horizons (h,), as `tree_scores.raw_scores` has it.

    No column of the horizon falls as it grows: a question about one parts the horizons in two. So a row goes
    once through a tree, whatever the number of horizons.
    """
    column, threshold, after, category, bits, value, _ = nodes
    count, width = len(tail), len(x)
    deepest: Any = 1
    for tree in range(len(trees)):
        deepest = max(deepest, np.int64(trees[tree, 1]) + 1)
    pending, span = np.empty(deepest, np.uint64), np.empty((deepest, 2), np.int64)
    for tree in range(len(trees)):
        pending[0], span[0, 0], span[0, 1] = trees[tree, 0], 0, count
        waiting = 1
        while waiting:
            waiting -= 1
            node, low, high = pending[waiting], span[waiting, 0], span[waiting, 1]
            while np.uint64(after[TWO * node]) != node:
                asks = np.int64(column[node])
                low_unknown = asks >= wide
                if low_unknown:
                    asks -= wide
                limit = threshold[node]
                if asks < width:
                    has = x[asks]
                    if abs(has) <= NEAR_ZERO:
                        has = 0.0
                    goes_low: Any = False
                    if math.isnan(limit):
                        begin, end = np.int64(category[node, 0]), np.int64(category[node, 1])
                        # As in C, a category is truncated to a whole number: -0.5 is category 0.
                        if -1.0 < has < float(end - begin):
                            goes_low = bits[begin + np.int64(max(has, 0.0))] > 0
                    else:
                        goes_low = low_unknown if math.isnan(has) else has <= limit
                    node = np.uint64(after[TWO * node + (np.uint64(0) if goes_low else ONE)])
                    continue
                cut = low
                while cut < high:
                    has = tail[cut, asks - width]
                    if not (low_unknown if math.isnan(has) else has <= limit):
                        break
                    cut += 1
                if low < cut < high:
                    pending[waiting] = np.uint64(after[TWO * node + ONE])
                    span[waiting, 0], span[waiting, 1] = cut, high
                    waiting += 1
                    high = cut
                node = np.uint64(after[TWO * node + (np.uint64(0) if cut > low else ONE)])
            for i in range(low, high):
                out[i] += value[node]
    for i in range(count):
        out[i] = min(max(out[i], -LOG_ODDS_LIMIT), LOG_ODDS_LIMIT)


@compiled
def _add_rate_shares(
    tables: Tables, special: Special, which: int, x: Floats, clock: float, out: Floats
) -> None:
    """Log-odds of a table, split between stage and age by Shapley values."""
    rates = tables.rates[which]
    row, band = _cell(tables, special, x)
    average, by_stage, by_age = 0.0, 0.0, 0.0
    for i in range(rates.shape[0]):
        of_stage = 0.0
        for j in range(rates.shape[1]):
            whole = _clipped(_read(tables.grid, rates[i, j], clock))
            of_stage += whole * tables.age_share[j]
            if j == band:
                by_age += tables.stage_share[i] * whole
        average += tables.stage_share[i] * of_stage
        if i == row:
            by_stage = of_stage
    here = _clipped(_read(tables.grid, rates[row, band], clock))
    stage_part = 0.5 * (by_stage - average) + 0.5 * (here - by_age)
    if special.stage >= 0:
        out[special.stage] += stage_part
    if special.age >= 0:
        out[special.age] += here - average - stage_part


@compiled
def _add_linear_parts(
    linear: Regressions,
    special: Special,
    coefficients: Floats,
    days: float,
    fixed: Floats,
    moving: Floats,
    out: Floats,
) -> None:
    """Log-odds of a regression by feature, relative to the average training moment at the same horizon."""
    at = 0
    for sources in (linear.value, linear.level, linear.gap):
        for j in range(len(sources)):
            out[sources[j]] += (fixed[1 + at] - linear.mean[at]) * coefficients[1 + at]
            at += 1
    rising, cut = len(linear.edges), len(fixed)
    if special.close >= 0:
        usual, one = np.zeros(3), np.empty(3)
        for reference in linear.close_reference:
            _close_columns(reference, days, one)
            usual += one
        if len(linear.close_reference):
            usual /= len(linear.close_reference)
        for j in range(3):
            out[special.close] += (moving[rising + 3 + j] - usual[j]) * coefficients[cut + rising + 3 + j]
    if special.stage >= 0:
        at = rising + 6
        for number in range(len(linear.stages)):
            for j in range(rising):
                usually = linear.stage_mean[number] * moving[j]
                out[special.stage] += (moving[at] - usually) * coefficients[cut + at]
                at += 1
