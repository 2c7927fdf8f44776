"""May a newly trained model replace the one in service?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crm.i18n import Text
from features.arrays import Floats, Ints
from training import metrics

MIN_ROWS, MIN_DEALS = 200, 30  # with fewer, neither calibration nor a difference is tested
MAX_CALIBRATION_ERROR = 0.06
SLOPE = (0.6, 1.6)
SIGNAL = 0.6  # AUC above which the calibration slope is tested
MARGIN = 0.005  # increase of the mean log loss that still counts as "not worse"
MAX_MS, MAX_TIMES = 50.0, 4.0  # time to score one row: in ms, and as a multiple of the champion's


@dataclass(frozen=True)
class GateDecision:
    """Whether to promote, and why; `difference` is challenger minus champion in log loss, if compared.

    `code` is a stable name of the reason, for programs.
    """

    promote: bool
    text: Text
    difference: metrics.Difference | None = None
    code: str = ""


def decide(
    chance: Floats,
    outcome: Floats,
    weight: Floats,
    deal: Ints,
    champion: Floats | None,
    comparable: NDArray[np.bool_],
    rng: np.random.Generator,
) -> GateDecision:
    """The decision on predicted chances (m,) of later deals, and the champion's (None = no champion).

    `comparable` (m,) marks the rows that the champion was not trained on: only these compare the two. The
    first model is always promoted (its warnings state its weaknesses). Any other must be calibrated on all
    rows and, where there are enough comparable rows, not worse than the champion: the lower end of the paired
    95% interval of the difference in log loss is at most 0, and its mean at most .005.
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
    chance, outcome, champion = chance[comparable], outcome[comparable], champion[comparable]
    weight, deal = weight[comparable], deal[comparable]
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
    """A refusal where a challenger takes too long to score one row; None where it is quick enough.

    The limits are generous because times on a shared machine vary: 50 ms, and beyond 5 ms at most four times
    the champion's time.
    """
    if milliseconds <= MAX_MS and (
        champion is None or milliseconds <= max(MAX_TIMES * champion, MAX_MS / 10.0)
    ):
        return None
    return GateDecision(
        False,
        Text(
            "採用しませんでした：受注確率の算出に1件あたり{ms:.1f}ミリ秒かかります（使用中のモデルは{champion}）。",
            "Not promoted: scoring one deal takes {ms:.1f} ms (the champion: {champion}).",
        ).format(
            ms=milliseconds,
            champion=Text("–", "–")
            if champion is None
            else Text(f"{champion:.1f}ミリ秒", f"{champion:.1f} ms"),
        ),
    )


def superseded(version: str) -> GateDecision:
    """The refusal where another version became the champion while the challenger was being trained."""
    return GateDecision(
        False,
        Text(
            "採用しませんでした：学習中にバージョン{v}が採用され、比較したモデルが使用中のモデルではなくなりました。"
            "必要であれば再学習してください（sancho train）。",
            "Not promoted: version {v} was promoted during this training, so the comparison is not with the "
            "model in service; retrain if needed (sancho train).",
        ).format(v=version),
        code="superseded",
    )


def not_compared(version: str) -> GateDecision:
    """The refusal where the registry could not say, during the training, which model is in service."""
    return GateDecision(
        False,
        Text(
            "採用しませんでした：学習中に登録先を利用できず、使用中のバージョン{v}と比較していません。"
            "再学習すると比較されます（sancho train）。"
            "比較せずに採用するには sancho models promote を使ってください。",
            "Not promoted: the registry could not be used during this training, so there is no comparison "
            "with version {v}, which is in service; retrain to compare (sancho train), or promote it without "
            "a comparison (sancho models promote).",
        ).format(v=version),
        code="not_compared",
    )


def held_back(decision: GateDecision) -> GateDecision:
    """No promotion because none was wanted (`--no-promote`); what the gate says is said all the same."""
    return GateDecision(
        False,
        Text(
            "指定（--no-promote）により採用していません。採用判定の結果：{gate}",
            "Not promoted, as asked (--no-promote). The gate: {gate}",
        ).format(gate=decision.text),
        decision.difference,
        "not_wanted",
    )


def _enough(deal: Ints) -> bool:
    return len(deal) >= MIN_ROWS and len(np.unique(deal)) >= MIN_DEALS


def _is_calibrated(figures: Mapping[str, float]) -> bool:
    low, high = SLOPE
    # At a low AUC the slope is noise, and the calibration error alone decides.
    slope_is_off = figures["auc"] > SIGNAL and not low <= figures["slope"] <= high
    return figures["calibration_error"] <= MAX_CALIBRATION_ERROR and not slope_is_off
