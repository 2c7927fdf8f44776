"""May a newly trained model replace the one in service?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crm.i18n import Text
from training import metrics
from training.comparison import Comparison

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


def decide(comparison: Comparison | None, same_recipe: bool, newer: bool) -> GateDecision:
    """The decision on a challenger compared with the champion; None where no rows can compare them.

    A challenger shown to be worse is not promoted, one shown to be better or not worse is. Where the rows
    cannot tell, one made by the same recipe as the champion (`same_recipe`: the same settings) is promoted,
    since its data are newer; one made otherwise is not: a change has to show that it does no harm. One whose
    data end before the champion's (not `newer`) is never promoted here.
    """
    gap = None if comparison is None else comparison.difference
    if not newer:
        return GateDecision(False, _OLDER, gap, "older_data")
    if comparison is not None and comparison.is_broken:
        return GateDecision(False, _BROKEN, None, "not_a_number")
    verdict = "cannot_tell" if comparison is None else comparison.verdict
    if comparison is not None and verdict == "worse":
        if comparison.is_less_calibrated:
            return GateDecision(False, _less_calibrated(comparison), gap, "less_calibrated")
        return GateDecision(False, _WORSE.format(gap=str(gap), n=comparison.deals), gap, "worse")
    if comparison is not None and verdict != "cannot_tell":
        text = _BETTER if verdict == "better" else _NOT_WORSE
        return GateDecision(True, text.format(gap=str(gap), n=comparison.deals), gap, verdict)
    shown = {
        "n": 0 if comparison is None else comparison.deals,
        "gap": Text("–", "–") if gap is None or not np.isfinite(gap.mean) else str(gap),
    }
    if same_recipe:
        return GateDecision(True, _NEWER.format(**shown), gap, "newer_data")
    return GateDecision(False, _CANNOT_TELL.format(**shown), gap, "cannot_tell")


def decide_first(proof: Comparison | None) -> FirstDecision:
    """What answers where no learned model is in service: the new model, or the stage table alone.

    `proof` compares the model with the stage table on deals that neither was fitted on. The model has to be
    shown to be better, or not worse; where the rows cannot tell, the stage table answers.
    """
    if proof is not None and proof.passes:
        text = _FIRST.format(gap=str(proof.difference), n=proof.deals)
        return FirstDecision(GateDecision(True, text, proof.difference, "first_model"), False)
    if proof is None or proof.verdict == "cannot_tell":
        n = 0 if proof is None else proof.deals
        gap = Text("–", "–") if proof is None or not np.isfinite(proof.difference.mean) else proof.difference
        why = _NOT_SHOWN.format(n=n, gap=gap if isinstance(gap, Text) else str(gap))
    else:
        why = _why_worse_than_table(proof)
    text = _TABLE_PROMOTED.format(why=why)
    gap_or_none = None if proof is None else proof.difference
    return FirstDecision(GateDecision(True, text, gap_or_none, "stage_table"), True)


@dataclass(frozen=True)
class FirstDecision:
    """The gate's decision where no learned model is in service, and whether only the stage table serves."""

    decision: GateDecision
    table_only: bool


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
        code="too_slow",
    )


def not_learned(closed_deals: int, promote: bool) -> GateDecision:
    """The decision on a model that could learn nothing: too few closed deals, or all of one outcome."""
    text = _PRIOR if promote else _NOT_LEARNED
    return GateDecision(promote, text.format(n=closed_deals), code="prior" if promote else "not_learned")


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


def worse_than_table(proof: Comparison) -> GateDecision:
    """The refusal of a challenger that later deals show to be worse than the stage table."""
    text = _NOT_PROMOTED.format(why=_why_worse_than_table(proof))
    return GateDecision(False, text, proof.difference, "worse_than_table")


def _why_worse_than_table(proof: Comparison) -> Text:
    if proof.is_less_calibrated:
        return _LESS_CALIBRATED_THAN_TABLE.format(error=proof.a.error, luck=proof.a.luck, n=proof.deals)
    return _WORSE_THAN_TABLE.format(gap=str(proof.difference), n=proof.deals)


def _less_calibrated(comparison: Comparison) -> Text:
    a, b = comparison.a, comparison.b
    return _LESS_CALIBRATED.format(
        error=a.error, luck=a.luck, slope=a.slope, other=b.error, n=comparison.deals
    )


_OLDER = Text(
    "採用しませんでした：使用中のモデルより古い時点までのデータで学習したためです。"
    "採用するには sancho models promote を使ってください。",
    "Not promoted: its data end before those of the model in service. To use it all the same, promote it by "
    "hand (sancho models promote).",
)
_BROKEN = Text(
    "採用しませんでした：学習後の商談での予測が数値になっていません。"
    "データと学習の設定を確認してください（sancho doctor）。",
    "Not promoted: its predictions for later deals are not numbers. Check data and training settings "
    "(sancho doctor).",
)
_LESS_CALIBRATED = Text(
    "採用しませんでした：学習後に決着した同じ商談{n}件で、予測と実績のずれが使用中のモデルより大きいためです"
    "（較正誤差 {error:.3f}、偶然による分 {luck:.3f}、傾き {slope:.2f}。使用中のモデルは {other:.3f}）。",
    "Not promoted: less calibrated than the model in service on the same {n} later deals (calibration error "
    "{error:.3f}, of which luck {luck:.3f}, slope {slope:.2f}; the model in service {other:.3f}).",
)
_WORSE = Text(
    "採用しませんでした：学習後の同じ商談{n}件で、使用中のモデルより予測誤差が大きいためです"
    "（対数損失の差 {gap}）。",
    "Not promoted: worse than the champion on the same {n} later deals (log loss {gap}).",
)
_BETTER = Text(
    "採用しました：学習後の同じ商談{n}件で、使用中のモデルより予測誤差が小さいためです"
    "（対数損失の差 {gap}）。",
    "Promoted: better than the champion on the same {n} later deals (log loss {gap}).",
)
_NOT_WORSE = Text(
    "採用しました：学習後の同じ商談{n}件で、使用中のモデルに劣りません（対数損失の差 {gap}）。",
    "Promoted: not worse than the champion on the same {n} later deals (log loss {gap}).",
)
_NEWER = Text(
    "採用しました：比較できる学習後の商談は{n}件で、優劣を判断できません（対数損失の差 {gap}）。"
    "学習の設定は使用中のモデルと同じなので、より新しいデータで学習したモデルを使います。",
    "Promoted: the later deals cannot tell the two apart ({n} deals, log loss {gap}); the training settings "
    "are those of the model in service, and this model was trained on newer data.",
)
_CANNOT_TELL = Text(
    "採用しませんでした：比較できる学習後の商談は{n}件で、優劣を判断できません（対数損失の差 {gap}）。"
    "学習の設定が使用中のモデルと異なるため、使用中のモデルを使い続けます。"
    "採用するには sancho models promote を使ってください。",
    "Not promoted: the later deals cannot tell the two apart ({n} deals, log loss {gap}), and this model was "
    "trained with other settings than the one in service, which stays. To use it all the same, promote it by "
    "hand (sancho models promote).",
)
_PRIOR = Text(
    "標準的な受注率を採用しました：決着した商談（{n}件）が少ないか、受注・失注の一方だけのため、"
    "受注確率を学習できません。",
    "Promoted with stated prior rates: win probabilities cannot be learned from the {n} closed deals (too "
    "few, or of one outcome only).",
)
_NOT_LEARNED = Text(
    "採用しませんでした：決着した商談（{n}件）が少ないか、受注・失注の一方だけのため、受注確率を学習できません。"
    "使用中のモデルを使い続けます。",
    "Not promoted: win probabilities cannot be learned from the {n} closed deals (too few, or of one outcome "
    "only); the model in service stays.",
)
_FIRST = Text(
    "最初のモデルとして採用しました：学習後の商談{n}件で、ステージ別受注率表に劣りません"
    "（対数損失の差 {gap}）。",
    "Promoted as the first model: on {n} later deals it is not worse than the stage-rate table (log loss "
    "{gap}).",
)
_NOT_PROMOTED = Text("採用しませんでした：{why}", "Not promoted: {why}")
_TABLE_PROMOTED = Text(
    "ステージ別受注率表を採用しました：{why}受注確率はこの表で答えます。",
    "Promoted with its stage-rate table only: {why} Win probabilities come from that table.",
)
_NOT_SHOWN = Text(
    "学習したモデルが表より優れていることを、学習後の商談（{n}件、対数損失の差 {gap}）では"
    "確かめられませんでした。",
    "later deals ({n}, log loss {gap}) do not show that the learned model is better than the table.",
)
_WORSE_THAN_TABLE = Text(
    "学習したモデルは、学習後の商談{n}件で表より予測誤差が大きくなりました（対数損失の差 {gap}）。",
    "on {n} later deals the learned model is worse than the table (log loss {gap}).",
)
_LESS_CALIBRATED_THAN_TABLE = Text(
    "学習したモデルは、学習後の商談{n}件で予測と実績のずれが表より大きくなりました"
    "（較正誤差 {error:.3f}、偶然による分 {luck:.3f}）。",
    "on {n} later deals the learned model is less calibrated than the table (calibration error {error:.3f}, "
    "of which luck {luck:.3f}).",
)
