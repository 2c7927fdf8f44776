"""Which of a company's own columns with many or changing values predict the deals that come after?

A campaign's code, an e-mail address or a price list's number tells past deals apart and says nothing about
those to come. Such a column is used only if the win rates of its values, counted on earlier deals whose
outcome was known by then, predict later deals better than the overall win rate does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crm.i18n import Text
from crm.instants import DAY
from features.arrays import Floats, Ints
from features.catalogue import Feature
from models.snapshot_rows import SnapshotRows
from training.metrics import log_losses

MANY = 12  # values of a category from which it must earn its place
CHANGED = 0.25  # population stability index between earlier and later deals from which a column must
MIN_LATER, MIN_WON = 60, 10  # later deals, and won ones among them, for a judgement
PRIOR = 20.0  # deals by which a value's win rate leans on the overall one
BINS = 10  # of a number
LATER_SHARE = 0.4  # of the deals, the last ones by creation
RIPE = 0.9  # share of the won deals that are won within the time that a deal is given


@dataclass(frozen=True)
class _Deals:
    """Deals at an early moment: row of the snapshots, and whether each was won within its time."""

    row: Ints
    won: Floats

    @property
    def enough(self) -> bool:
        """Whether a judgement can be based on them."""
        return len(self.row) >= MIN_LATER and self.won.sum() >= MIN_WON


def unproven(features: Sequence[Feature], rows: SnapshotRows, as_of: int) -> dict[str, Text]:
    """Own columns with many or changing values that do not predict later deals, each with the reason.

    Empty where there are no later deals, such as in a list without dates; with too few later deals columns
    of many values wait.
    """
    own = [number for number, feature in enumerate(features) if feature.group == "custom"]
    if not own:
        return {}
    earlier, later = _earlier_and_later(rows, as_of)
    if not len(earlier.row) or not len(later.row):
        return {}
    if not (earlier.enough and later.enough):
        return {
            features[number].name: _TOO_EARLY for number in own if _has_many(features[number], rows, number)
        }
    out = {}
    for number in own:
        feature = features[number]
        before, after = _coded(rows.x[earlier.row, number], rows.x[later.row, number], feature.kind)
        many = feature.kind == "category" and before.max() > MANY
        if not many and _stability_index(before, after) < CHANGED:
            continue
        gain, error = _gain(before, earlier.won, after, later.won)
        if gain < error:
            out[feature.name] = _reason(many)
    return out


_TOO_EARLY = Text(
    "値の種類が多く、後の商談の結果を予測できるか確かめられるだけの商談がまだないため",
    "has many different values, and too few later deals to show that they predict",
)


def _has_many(feature: Feature, rows: SnapshotRows, number: int) -> bool:
    values = rows.x[:, number]
    return feature.kind == "category" and len(np.unique(values[~np.isnan(values)])) > MANY


def _reason(many: bool) -> Text:
    if many:
        return Text(
            "値の種類が多く、後の商談の結果を予測できていないため",
            "has many different values that do not predict later deals",
        )
    return Text(
        "値が時期とともに入れ替わり、後の商談の結果を予測できていないため",
        "its values change with time and do not predict later deals",
    )


def _earlier_and_later(rows: SnapshotRows, as_of: int) -> tuple[_Deals, _Deals]:
    """Deals whose time was over before the later ones began, and later ones whose time is over now."""
    deal, first = np.unique(rows.deal, return_index=True)
    created, event = rows.at[first], rows.event[first]
    life = rows.days[first]
    if not (event == 1).any():
        nobody = _Deals(np.array([], np.int64), np.array([]))
        return nobody, nobody
    given = float(np.quantile(life[event == 1], RIPE))
    early = created[np.searchsorted(deal, rows.deal)] + int(given / 4 * DAY)
    seen = np.flatnonzero(rows.at <= early)
    last = np.full(len(deal), -1)
    np.maximum.at(last, np.searchsorted(deal, rows.deal[seen]), seen)
    alive = (event < 0) | (life > given / 4)
    won = ((event == 1) & (life <= given)).astype(np.float64)
    cut = int(np.quantile(created, 1.0 - LATER_SHARE))
    usable = alive & (last >= 0)
    earlier = usable & (created + given * DAY <= cut)
    later = usable & (created >= cut) & (created + given * DAY <= as_of)
    return _Deals(last[earlier], won[earlier]), _Deals(last[later], won[later])


def _coded(before: Floats, after: Floats, kind: str) -> tuple[Ints, Ints]:
    """Values as codes from 1, 0 = unknown: categories by their code, numbers in tenths of earlier ones."""
    known = before[~np.isnan(before)]
    inner = np.linspace(0, 1, BINS + 1)[1:-1]
    edges = np.unique(np.quantile(known, inner)) if len(known) and kind == "number" else np.array([])

    def codes(values: Floats) -> Ints:
        found = np.nan_to_num(values) if kind == "category" else np.searchsorted(edges, values)
        return np.where(np.isnan(values), 0, found + 1).astype(np.int64)

    return codes(before), codes(after)


def _stability_index(before: Ints, after: Ints) -> float:
    """Population stability index: sum of (q - p) log(q / p) over the values' shares."""
    size = int(max(before.max(), after.max())) + 1
    p, q = ((np.bincount(part, minlength=size) + 0.5) / (len(part) + 0.5 * size) for part in (before, after))
    return float(((q - p) * np.log(q / p)).sum())


def _gain(before: Ints, won: Floats, after: Ints, later_won: Floats) -> tuple[float, float]:
    """By how much the values' win rates lower the log loss on later deals, and its standard error."""
    size = int(max(before.max(), after.max())) + 1
    rate = float(won.mean())
    count, wins = np.bincount(before, minlength=size), np.bincount(before, won, size)
    of_value = (wins + PRIOR * rate) / (count + PRIOR)
    gains = log_losses(np.full(len(after), rate), later_won) - log_losses(of_value[after], later_won)
    return float(gains.mean()), float(gains.std() / np.sqrt(len(gains)))
