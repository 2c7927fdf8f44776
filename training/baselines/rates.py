"""Which rates would a table give: of all deals, by stage, by stage and days in it?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from features.arrays import Flags, Floats
from models.snapshot_rows import SnapshotRows
from models.win.base_models import FeatureLayout
from models.win.horizons import ALMOST
from models.win.stage_rates import fit_stage_rates, horizon_grid
from training.baselines.past_moments import Incidence, PastMoments, RipeSums, deal_votes

Horizons = tuple[float, ...]  # that will be asked about; empty where each question has its own
Baseline = Callable[[SnapshotRows], Floats]  # chances (m,) to be won, for each question of rows
Fit = Callable[[PastMoments, Horizons], Baseline]

IN_STAGE = "days_in_stage"
Share = Callable[[Floats], Floats]  # of horizons (m,)


def share_of_ripe(past: PastMoments) -> Share:
    """The share won among moments ripe for exactly the horizon; where none is, by `share_of_all`."""
    sums, every = RipeSums.of(past), Incidence.of(past)

    def share(horizons: Floats) -> Floats:
        ripe = sums.ripe_weight(horizons) * deal_votes(past)
        won = sums.won_weight(horizons) * deal_votes(past)
        # Where hardly a deal is ripe, what is known of the others as well counts like two deals.
        return _within((won + 2.0 * every(horizons)) / (ripe + 2.0))

    return share


def share_of_all(past: PastMoments) -> Share:
    """The share won within the horizon by all moments, each as long as it was seen (Aalen-Johansen)."""
    every, deals = Incidence.of(past), len(np.unique(past.rows.deal))
    return lambda horizons: _within((every(horizons) * deals + 0.5) / (deals + 1.0))


def base_rate(share_of: Callable[[PastMoments], Share]) -> Fit:
    """The share of all moments that was won within exactly the horizon."""

    def fit(past: PastMoments, _: Horizons) -> Baseline:
        share = share_of(past)
        return lambda rows: share(rows.horizon)

    return fit


def stage_table(layout: FeatureLayout, prior: float, of_all: bool = False) -> Fit:
    """The share by stage, shrunk to that of all as if `prior` deals more had gone like all deals.

    `of_all`: by Aalen-Johansen, else among ripe moments.
    """

    def fit(past: PastMoments, _: Horizons) -> Baseline:
        overall = (share_of_all if of_all else share_of_ripe)(past)
        code = _codes(layout.column(past.rows.x, layout.stage))
        tables: dict[float, tuple[PastMoments, Incidence | RipeSums]] = {}
        for one in np.unique(code):
            inside = past.where(code == one)
            tables[float(one)] = inside, Incidence.of(inside) if of_all else RipeSums.of(inside)

        def chance(rows: SnapshotRows) -> Floats:
            stage = _codes(layout.column(rows.x, layout.stage))[rows.row]
            out = overall(rows.horizon)
            for one in np.unique(stage):
                if float(one) not in tables:
                    continue
                asked = np.flatnonzero(stage == one)
                inside, table = tables[float(one)]
                votes, horizon = deal_votes(inside), rows.horizon[asked]
                if isinstance(table, RipeSums):
                    deals, won = table.ripe_weight(horizon) * votes, table.won_weight(horizon) * votes
                else:
                    deals = np.full(len(asked), float(len(np.unique(inside.rows.deal))))
                    won = deals * table(horizon)
                out[asked] = (won + prior * out[asked]) / (deals + prior)
            return _within(out)

        return chance

    return fit


def life_table(layout: FeatureLayout, strength: float) -> Fit:
    """Rates by stage, days in it and horizon; open deals count as long as they were seen.

    Cells are shrunk to their stage and stages to all deals, as if `strength` deals more were at risk.
    """

    def fit(past: PastMoments, horizons: Horizons) -> Baseline:
        rows = past.rows
        grid = horizon_grid(rows.longest_days, rows.ever_days)
        exact = [day for day in horizons if 0 < day < rows.longest_days]
        grid = np.unique(np.concatenate([grid, exact]))  # so that what is asked is not interpolated
        column = layout.names.index(IN_STAGE) if IN_STAGE in layout.names else layout.age
        table = fit_stage_rates(
            layout.column(rows.x, layout.stage),
            np.nan_to_num(layout.column(rows.x, column, 0.0)),
            np.minimum(rows.days, ALMOST * rows.ever_days),
            rows.event,
            rows.deal,
            grid,
            strength=strength,
            weight=rows.weight,
        )

        def chance(asked: SnapshotRows) -> Floats:
            stage = layout.column(asked.x, layout.stage)[asked.row]
            days = layout.column(asked.x, column, 0.0)[asked.row]
            return _within(table.read(table.won, stage, days, asked.horizon[:, None])[:, 0])

        return chance

    return fit


def by_horizon(fit_one: Callable[[PastMoments, float], Baseline]) -> Fit:
    """Fits one model for each exact horizon, when it is first asked about."""

    def fit(past: PastMoments, _: Horizons) -> Baseline:
        models: dict[float, Baseline] = {}

        def chance(rows: SnapshotRows) -> Floats:
            out = np.empty(len(rows.row))
            for horizon in np.unique(rows.horizon).tolist():
                if horizon not in models:
                    models[horizon] = fit_one(past, horizon)
                asked = rows.horizon == horizon
                out[asked] = models[horizon](only_questions(rows, asked))
            return out

        return chance

    return fit


def only_questions(rows: SnapshotRows, asked: Flags) -> SnapshotRows:
    """The rows with only some of their questions (m,)."""
    chosen = {name: getattr(rows, name)[asked] for name in ("row", "horizon", "won", "lost")}
    return replace(rows, **chosen, matures_after_days=rows.matures_after_days[asked])


def _codes(stage: Floats) -> Floats:
    return np.nan_to_num(stage, nan=-1.0)


def _within(chance: Floats) -> Floats:
    out: Floats = np.clip(chance, 1e-4, 1.0 - 1e-4)
    return out
