"""How is a backtest summarised in sentences?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm.i18n import Text
from training.backtest.deal_scores import BY_PERIOD_END, EVER, SANCHO
from training.backtest.result import LABELS

Json = Mapping[str, Any]

KIND_LABELS = {
    "company": Text("全社", "Company"),
    "team": Text("チーム", "Teams"),
    "person": Text("担当者", "Reps"),
}


def summary(result: Json) -> list[Text]:
    """A few sentences, the most important first; each gives its number of rows."""
    sentences = []
    for question in (BY_PERIOD_END, EVER):
        overall = result["deals"][question]["overall"]
        if SANCHO in overall["methods"]:
            sentences += [_calibration(question, overall), _comparison(overall)]
    for kind in ("company", "team"):
        if kind in result["periods"]:
            lines = _revenue(kind, result["periods"][kind]["overall"])
            if lines:
                sentences.append(_joined(lines))
    return sentences


def _calibration(question: str, overall: Json) -> Text:
    scores = overall["methods"][SANCHO]
    by_end = question == BY_PERIOD_END
    return Text(
        "{what}：{deals}件の商談について延べ{rows}回、当時わかっていた情報だけで受注確率を算出しました。"
        "予測した受注確率は平均{expected}、実際に受注した割合は{actual}でした。予測と実績のずれ（較正誤差）は平均{error}"
        "です（確率が完全に正しくても、偶然だけで{noise}になります）。",
        "{what}: {deals} deals were scored {rows} times with only what was known then. The mean win "
        "probability was {expected}; {actual} were won. Predicted and actual shares differed by {error} on "
        "average (calibration error; chance alone gives {noise} for perfectly calibrated probabilities).",
    ).format(
        what=Text("期末までの受注", "Won by the period's end")
        if by_end
        else Text("最終的な受注", "Won eventually"),
        deals=f"{overall['deals']:,}",
        rows=f"{overall['rows']:,}",
        expected=_percent(scores["mean_probability"]),
        actual=_percent(overall["won_share"]),
        error=_points(scores["calibration_error"]),
        noise=_points(scores["calibration_noise"]),
    )


def _comparison(overall: Json) -> Text:
    against = overall["against"]
    better = [name for name, gap in against.items() if (gap["log_loss"]["hi"] or 0.0) < 0]
    worse = [name for name, gap in against.items() if (gap["log_loss"]["lo"] or 0.0) > 0]
    same = [name for name in against if name not in better and name not in worse]
    parts_ja = [
        f"{label}：{'、'.join(LABELS[name].ja for name in names)}"
        for label, names in (
            ("Sanchoが上回った手法", better),
            ("差が明確でない手法", same),
            ("Sanchoが下回った手法", worse),
        )
        if names
    ]
    parts_en = [
        f"{label}: {', '.join(LABELS[name].en for name in names)}"
        for label, names in (
            ("Sancho better than", better),
            ("No clear difference", same),
            ("Sancho worse than", worse),
        )
        if names
    ]
    return Text(
        "比較手法との比較（同じ商談・時点、対数損失の差の95%区間で判定）　" + "。".join(parts_ja) + "。",
        "Compared on the same rows (log loss, 95% interval of the difference). " + ". ".join(parts_en) + ".",
    )


def _revenue(kind: str, overall: Json) -> list[Text]:
    scores = overall["methods"].get(SANCHO)
    if scores is None or not overall["mean_actual"]:
        return []
    covered = scores["coverage"]["80"]["mean"]
    lines = [
        Text(
            "{kind}の売上：{rows}回の予測（{periods}期間）で、着地見込みと実績の差は平均で実績の{error}でした。"
            "予測幅（80%）に実績が入った割合は{covered}です。",
            "{kind}, revenue: over {rows} forecasts (number of periods: {periods}) the forecast differed "
            "from the actual by {error} of it on average; {covered} of the actuals lay in the 80% range.",
        ).format(
            kind=KIND_LABELS[kind],
            rows=overall["rows"],
            periods=overall["periods"],
            error=_percent(scores["absolute_error"] / overall["mean_actual"]),
            covered=_percent(covered),
        )
    ]
    baseline = overall["methods"].get("stage_weighted")
    if baseline is not None:
        gap = overall["against"]["stage_weighted"]["crps"]
        lines.append(
            Text(
                "ステージ別受注率による積み上げ（過去の誤差で補正済み）と比べて、"
                "予測誤差（CRPS）は{share}{comparison}{certainty}。",
                "Compared with the stage-weighted pipeline (recalibrated on its past errors), the forecast "
                "error (CRPS) was {share} {comparison}{certainty}.",
            ).format(
                share=_percent(abs(gap["mean"]) / baseline["crps"]["mean"]),
                comparison=Text("小さくなりました", "smaller")
                if gap["mean"] < 0
                else Text("大きくなりました", "larger"),
                certainty=Text("", "")
                if gap["hi"] is not None and (gap["hi"] < 0 or gap["lo"] > 0)
                else Text("（差は明確ではありません）", " (no clear difference)"),
            )
        )
    if overall["rows_with_target"] and scores["brier"]["mean"] is not None:
        lines.append(
            Text(
                "目標達成：目標のある予測{rows}回のうち達成は{actual}、達成確率の平均は{expected}でした"
                "（Brierスコア {brier:.3f}）。",
                "Targets: of {rows} forecasts with a target {actual} were reached; the mean predicted "
                "probability was {expected} (Brier score {brier:.3f}).",
            ).format(
                rows=overall["rows_with_target"],
                actual=_percent(overall["attained"]),
                expected=_percent(scores["probability"]),
                brier=scores["brier"]["mean"],
            )
        )
    return lines


def _joined(lines: list[Text]) -> Text:
    return Text("".join(line.ja for line in lines), " ".join(line.en for line in lines))


def currency_of(result: Json) -> str:
    """The currency of a backtest's amounts."""
    return str(result["settings"]["organisation"]["currency"])


def money(value: float | None, signed: bool = False, currency: str = "JPY") -> Text:
    """An amount in words: 億円 with two digits, 万円 and 円 without; in English millions as M.

    >>> money(491_110_000.0), money(-950.0)
    (Text(ja='4.91億円', en='JPY 491.1M'), Text(ja='−950円', en='−JPY 950'))
    >>> money(12_000.0, signed=True), money(1_250_000.0, currency="EUR")
    (Text(ja='+1万円', en='+JPY 12,000'), Text(ja='EUR 1.2M', en='EUR 1.2M'))
    """
    if value is None:
        return Text("–", "–")
    sign, size = "−" if value < 0 else "+" if signed else "", abs(value)
    short = f"{sign}{currency} " + (f"{size / 1e6:,.1f}M" if size >= 1e6 else f"{size:,.0f}")
    if currency != "JPY":
        return Text(short, short)
    if size >= 1e8:
        return Text(f"{sign}{size / 1e8:,.2f}億円", short)
    return Text(f"{sign}{size / 1e4:,.0f}万円" if size >= 1e4 else f"{sign}{size:,.0f}円", short)


def _percent(share: float) -> Text:
    digits = 0 if abs(share) >= 0.095 else 1
    return Text(f"{100 * share:.{digits}f}%", f"{100 * share:.{digits}f}%")


def _points(share: float) -> Text:
    return Text(f"{100 * share:.1f}ポイント", f"{100 * share:.1f} points")
