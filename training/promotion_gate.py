"""May a challenger take the champion's place?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crm.i18n import Text
from training import metrics

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MIN_ROWS, MIN_DEALS = 200, 30  # below that nothing is claimed about calibration or a difference
MAX_CALIBRATION_ERROR = 0.06
SLOPE = (0.6, 1.6)
SIGNAL = 0.6  # area under the curve from which a slope means something
MARGIN = 0.005  # a mean log loss worse by less than this is "not worse"
MAX_MS, MAX_TIMES = 50.0, 4.0  # for one kept row; against the champion's time in the same run


@dataclass(frozen=True)
class GateDecision:
    """Whether to promote, and why; `against` is challenger minus champion in log loss, if compared."""

    promote: bool
    text: Text
    against: metrics.Difference | None = None


def decide(
    chance: Floats,
    outcome: Floats,
    weight: Floats,
    deal: Ints,
    champion: Floats | None,
    fair: NDArray[np.bool_],
    rng: np.random.Generator,
) -> GateDecision:
    """The decision on chances (m,) given to later deals, beside the champion's (None = no champion).

    `fair` (m,) marks the rows the champion has not learned from: it is compared on those alone. The first
    model is promoted whatever its figures (its warnings tell); else one that is calibrated on all rows and,
    where fair rows are enough to tell, not worse than the champion: the paired interval reaches below 0 and
    the mean is within .005.
    """
    if champion is None:
        return GateDecision(True, Text("最初のモデルとして採用しました。", "Promoted: the first model."))
    figures = metrics.summary(chance, outcome, weight) if len(chance) else {}
    if _enough(deal) and not _is_calibrated(figures):
        return GateDecision(
            False,
            Text(
                "採用しませんでした：学習後に決着した商談で、予測と実績のずれが大きいためです"
                "（較正誤差 {error:.3f}、傾き {slope:.2f}）。",
                "Not promoted: calibration on later deals is insufficient (calibration error {error:.3f}, "
                "slope {slope:.2f}).",
            ).format(error=figures["calibration_error"], slope=figures["slope"]),
        )
    chance, outcome, champion = chance[fair], outcome[fair], champion[fair]
    weight, deal = weight[fair], deal[fair]
    if not _enough(deal):
        return GateDecision(
            True,
            Text(
                "採用しました：比較できる学習後の商談が少ないため（{n}行）、新しいデータで学習したモデルを使います。",
                "Promoted: too few later deals to compare on ({n} rows), and this model was trained on newer "
                "data.",
            ).format(n=len(chance)),
        )
    gap = metrics.paired_difference(
        metrics.log_losses(chance, outcome), metrics.log_losses(champion, outcome), deal, rng, weight
    )
    worse = gap.lo > 0.0 or gap.mean > MARGIN
    text = (
        Text(
            "採用しませんでした：学習後の同じ商談で、使用中のモデルより予測誤差が大きいためです"
            "（対数損失の差 {gap}）。",
            "Not promoted: worse than the champion on the same later deals (log loss {gap}).",
        )
        if worse
        else Text(
            "採用しました：学習後の同じ商談で、使用中のモデルに劣りません（対数損失の差 {gap}）。",
            "Promoted: not worse than the champion on the same later deals (log loss {gap}).",
        )
    )
    return GateDecision(not worse, text.format(gap=str(gap)), gap)


def too_slow(milliseconds: float, champion: float | None) -> GateDecision | None:
    """A refusal where a challenger takes too long for one row, alone or beside the champion; else None.

    Generous, as times on a shared machine are: 50 ms, and beyond 5 ms no more than four times the champion's.
    """
    if milliseconds <= MAX_MS and (
        champion is None or milliseconds <= max(MAX_TIMES * champion, MAX_MS / 10.0)
    ):
        return None
    return GateDecision(
        False,
        Text(
            "採用しませんでした：受注確率の算出に1件あたり{ms:.1f}ミリ秒かかります（使用中のモデルは{usual}）。",
            "Not promoted: scoring one row takes {ms:.1f} ms (the champion: {usual}).",
        ).format(ms=milliseconds, usual="–" if champion is None else f"{champion:.1f} ms"),
    )


def superseded(version: str) -> GateDecision:
    """The refusal where another version became the champion while the challenger was being trained."""
    return GateDecision(
        False,
        Text(
            "採用しませんでした：学習中にバージョン{v}が採用され、比較した相手が使用中のモデルではなくなりました。"
            "必要であれば再学習してください（sancho train）。",
            "Not promoted: version {v} was promoted during this training, so the comparison is not with the "
            "model in service; train again if needed (sancho train).",
        ).format(v=version),
    )


def _enough(deal: Ints) -> bool:
    return len(deal) >= MIN_ROWS and len(np.unique(deal)) >= MIN_DEALS


def _is_calibrated(figures: Mapping[str, float]) -> bool:
    low, high = SLOPE
    # Where nothing tells deals apart the slope is noise, and the error says all there is to say.
    bent = figures["auc"] > SIGNAL and not low <= figures["slope"] <= high
    return figures["calibration_error"] <= MAX_CALIBRATION_ERROR and not bent
