"""In which segments is one of two models better, beyond the luck of having looked at many?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import false_discovery_control

from crm.i18n import Language, Text
from features import CATALOGUE, History, build_features, deal_states
from features.arrays import Flags, Floats, Ints
from features.catalogue import Feature
from models.bottlenecks.segments import SIZE, SIZE_NAMES, SIZES, segment_codes
from models.statistics import clustered_spread
from training import metrics
from training.comparison import MIN_DEALS, LaterRows
from training.comparison_rows import SharedRows

FALSE_SHARE = (
    0.05  # of the segments called better or worse, how many may be so by luck (false discovery rate)
)
MAX_LEVELS = 12  # of one kind of segment; the ones with the most deals
HORIZON_DAYS = (7.0, 31.0, 92.0)
AGE_DAYS = (1.0, 28.0, 84.0)
_NAMED = ("product", "source", "seller_team", "seller_style")


@dataclass(frozen=True)
class Segment:
    """A part of the rows: its kind and level, and the difference in log loss, A minus B.

    `verdict` is "better" or "worse" where the difference is beyond luck although so many segments were looked
    at (Benjamini & Hochberg 1995, "Controlling the false discovery rate"), else "no_difference".
    """

    kind: str
    level: str
    kind_label: Text
    level_label: Text
    rows: int
    deals: int
    difference: metrics.Difference
    p_value: float
    verdict: str = "no_difference"

    def to_json(self, lang: Language) -> dict[str, object]:
        """Plain values; `kind` and `level` are stable names, the labels are for people."""
        return {
            "kind": self.kind,
            "level": self.level,
            "kind_label": self.kind_label.to(lang),
            "level_label": self.level_label.to(lang),
            "rows": self.rows,
            "deals": self.deals,
            "log_loss_difference": self.difference.to_json(),
            "p_value": self.p_value if np.isfinite(self.p_value) else None,
            "verdict": self.verdict,
        }


Division = tuple[str, Text, Ints, Sequence[tuple[str, Text]]]  # kind, its label, code (m,), names of codes


def segments_of(shared: SharedRows, history: History) -> list[Segment]:
    """The difference in each segment of at least 30 deals, kinds in a fixed order."""
    found = []
    for kind, label, code, names in divisions(shared, history):
        counts = [(len(np.unique(shared.deal[code == at])), at) for at in range(len(names))]
        most = sorted(counts, reverse=True)[:MAX_LEVELS]
        for deals, at in sorted(most, key=lambda one: one[1]):
            if deals >= MIN_DEALS and deals:
                level, level_label = names[at]
                found.append(_segment((kind, level, label, level_label), shared, code == at))
    return _with_verdicts(found)


def divisions(shared: SharedRows, history: History) -> list[Division]:
    """Every way in which the rows are divided into segments."""
    states, row = np.unique(np.stack([shared.deal, shared.at]), axis=1, return_inverse=True)
    row = row.ravel()
    x = build_features(history, states[0], states[1])
    levels = history.levels
    out: list[Division] = [_horizons(shared.horizon), _ages(history, shared)]
    stage = deal_states(history, states[0], states[1]).stage[row]
    out.append(("stage", _label("stage"), stage, _names(levels.get("stage", ()))))
    codes = segment_codes(x, history.features, levels)
    column = {feature.name: at for at, feature in enumerate(history.features)}
    if "seller_style" in column:
        codes["seller_style"] = np.nan_to_num(x[:, column["seller_style"]], nan=-1.0).astype(np.int64)
    for name in _NAMED:
        if name in codes:
            of_feature = history.features[column[name]]
            out.append((name, of_feature.label, codes[name][row], _names(levels.get(name, ()))))
    if "size" in codes:
        out.append(("size", SIZE, codes["size"][row], [(one, SIZE_NAMES[one]) for one in SIZES]))
    return [*out, _amounts(deal_states(history, states[0], states[1]).amount[row])]


def _horizons(horizon: Floats) -> Division:
    names = [(f"within_{days:.0f}_days", _WITHIN.format(n=int(days))) for days in HORIZON_DAYS]
    code = np.where(np.isinf(horizon), len(HORIZON_DAYS) + 1, np.digitize(horizon, HORIZON_DAYS, right=True))
    return "horizon", _HORIZON, code.astype(np.int64), [*names, ("longer", _LONGER), ("ever", _EVER)]


def _ages(history: History, shared: SharedRows) -> Division:
    """How old a deal was at the moment."""
    age = (shared.at - history.created[shared.deal]) / (24 * 3600 * 1e6)
    return "age", _AGE, np.digitize(age, AGE_DAYS).astype(np.int64), _AGES


def _amounts(amount: Floats) -> Division:
    known = np.isfinite(amount) & (amount > 0)
    code = np.full(len(amount), -1, np.int64)
    if known.any():
        bounds = np.quantile(amount[known], [1 / 3, 2 / 3])
        code[known] = np.digitize(amount[known], bounds) if bounds[0] < bounds[1] else -1
    return "amount", _label("amount"), code, _THIRDS


def _names(names: object) -> list[tuple[str, Text]]:
    return [
        (str(name), Text(str(name), str(name))) for name in (names if isinstance(names, list | tuple) else ())
    ]


def _label(name: str) -> Text:
    feature: Feature = next(one for one in CATALOGUE if one.name == name)
    return feature.label


def _segment(names: tuple[str, str, Text, Text], shared: SharedRows, use: Flags) -> Segment:
    asked: LaterRows = shared.asked
    losses = metrics.log_losses(shared.a[use], asked.outcome[use])
    others = metrics.log_losses(shared.b[use], asked.outcome[use])
    weight, deal, origin = asked.weight[use], asked.deal[use], asked.origins[use]
    gap = metrics.paired_difference(losses, others, deal, np.random.default_rng(0), weight, origin=origin)
    spread = clustered_spread((losses - others)[:, None], weight, deal, origin)
    deals = len(np.unique(deal))
    return Segment(*names, int(use.sum()), deals, gap, float(spread.p_values[0]))


def _with_verdicts(found: list[Segment]) -> list[Segment]:
    """The segments, each with a verdict that allows for how many there are."""
    known = [at for at, one in enumerate(found) if np.isfinite(one.p_value)]
    out = list(found)
    if known:
        adjusted = false_discovery_control([found[at].p_value for at in known])
        for at, p in zip(known, adjusted, strict=True):
            if p <= FALSE_SHARE:
                said = "better" if found[at].difference.mean < 0.0 else "worse"
                out[at] = replace(found[at], verdict=said)
    return out


_HORIZON = Text("期間の長さ", "Horizon")
_WITHIN = Text("{n}日以内", "within {n} days")
_LONGER = Text("92日超", "more than 92 days")
_EVER = Text("最終的な受注", "in the end")
_AGE = Text("商談の経過日数", "Age of the deal")
_AGES = [
    ("first_day", Text("作成当日", "on its first day")),
    ("weeks_1_to_3", Text("作成から4週未満", "in the first 4 weeks")),
    ("weeks_4_to_11", Text("作成から4〜12週", "from 4 to 12 weeks")),
    ("later", Text("作成から12週以降", "12 weeks or more")),
]
_THIRDS = [
    ("small", Text("下位3分の1", "lowest third")),
    ("middle", Text("中位3分の1", "middle third")),
    ("large", Text("上位3分の1", "highest third")),
]
