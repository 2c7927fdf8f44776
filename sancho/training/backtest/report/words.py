"""What does a backtest say in plain words?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sancho.crm.i18n import LANGUAGES, Text
from sancho.training.backtest.deal_scores import BY_PERIOD_END, EVER, OURS
from sancho.training.backtest.result import LABELS

Json = Mapping[str, Any]

KIND_LABELS = {
    "company": Text("会社", "Company"),
    "team": Text("チーム", "Teams"),
    "person": Text("担当者", "People"),
}


def summary(result: Json) -> list[Text]:
    """A few sentences, the most important first; each names how many rows it rests on."""
    said = []
    for question in (BY_PERIOD_END, EVER):
        overall = result["deals"][question]["overall"]
        if OURS in overall["methods"]:
            said += [_promises(question, overall), _against_table(overall)]
    for kind in ("company", "team"):
        if kind in result["periods"]:
            lines = _revenue(kind, result["periods"][kind]["overall"])
            if lines:
                said.append(_joined(lines))
    return said


def _promises(question: str, overall: Json) -> Text:
    ours = overall["methods"][OURS]
    by_end = question == BY_PERIOD_END
    return Text(
        "{what}：{deals}件の商談を延べ{rows}回、当時わかっていた情報だけで採点しました。"
        "受注すると見込んだ割合は平均{said}、実際は{came}でした。確率のずれ（較正誤差）は平均{error}"
        "（完全に正しい確率でも偶然だけで{noise}になります）。",
        "{what}: {deals} deals were scored {rows} times with only what was known then. On average {said} "
        "were expected to be won; {came} were. Probabilities were off by {error} on average (calibration "
        "error; luck alone would show {noise} for perfectly right ones).",
    ).format(
        what=Text("期末までの受注", "Won by the period's end")
        if by_end
        else Text("最終的な受注", "Won eventually"),
        deals=f"{overall['deals']:,}",
        rows=f"{overall['rows']:,}",
        said=_percent(ours["said"]),
        came=_percent(overall["happened"]),
        error=_points(ours["calibration_error"]),
        noise=_points(ours["calibration_noise"]),
    )


def _against_table(overall: Json) -> Text:
    against = overall["against"]
    better = [name for name, gap in against.items() if (gap["log_loss"]["hi"] or 0.0) < 0]
    worse = [name for name, gap in against.items() if (gap["log_loss"]["lo"] or 0.0) > 0]
    same = [name for name in against if name not in better and name not in worse]
    parts_ja = [
        f"{label}：{'、'.join(LABELS[name].ja for name in names)}"
        for label, names in (
            ("確かに上回った相手", better),
            ("差が確かでない相手", same),
            ("下回った相手", worse),
        )
        if names
    ]
    parts_en = [
        f"{label}: {', '.join(LABELS[name].en for name in names)}"
        for label, names in (
            ("Better beyond doubt than", better),
            ("No certain difference to", same),
            ("Worse than", worse),
        )
        if names
    ]
    return Text(
        "同じ行での比較（対数損失の差、95%区間）　" + "。".join(parts_ja) + "。",
        "On the same rows (log loss, 95 % interval of the difference). " + ". ".join(parts_en) + ".",
    )


def _revenue(kind: str, overall: Json) -> list[Text]:
    ours = overall["methods"].get(OURS)
    if ours is None or not overall["mean_actual"]:
        return []
    covered = ours["coverage"]["80"]["mean"]
    lines = [
        Text(
            "{kind}の売上：{rows}回の予測（{periods}期間）で、予測と実績の差は平均で実績の{error}、"
            "80%区間に実績が入ったのは{covered}でした。",
            "{kind}, revenue: over {rows} forecasts (number of periods: {periods}) the forecast was off by "
            "{error} of the actual on average; the 80 % interval held the actual {covered} of the time.",
        ).format(
            kind=KIND_LABELS[kind],
            rows=overall["rows"],
            periods=overall["periods"],
            error=_percent(ours["absolute_error"] / overall["mean_actual"]),
            covered=_percent(covered),
        )
    ]
    plain = overall["methods"].get("stage_weighted")
    if plain is not None:
        gap = overall["against"]["stage_weighted"]["crps"]
        lines.append(
            Text(
                "ステージ加重パイプライン（過去の誤差で補正済み）に対して、"
                "予測全体の良さ（CRPS）は{share}{word}{sure}。",
                "Against the stage-weighted pipeline (recalibrated on its past errors) the forecast as a "
                "whole (CRPS) was {share} {word}{sure}.",
            ).format(
                share=_percent(abs(gap["mean"]) / plain["crps"]["mean"]),
                word=Text("良い結果でした", "better") if gap["mean"] < 0 else Text("悪い結果でした", "worse"),
                sure=Text("", "")
                if gap["hi"] is not None and (gap["hi"] < 0 or gap["lo"] > 0)
                else Text("（差は確かではありません）", " (not certain)"),
            )
        )
    if overall["rows_with_target"] and ours["brier"]["mean"] is not None:
        lines.append(
            Text(
                "目標達成：{rows}回のうち達成は{came}、達成確率の平均は{said}でした（Brier {brier:.3f}）。",
                "Targets: of {rows} forecasts with a target {came} were reached; the probability given was "
                "{said} on average (Brier {brier:.3f}).",
            ).format(
                rows=overall["rows_with_target"],
                came=_percent(overall["attained"]),
                said=_percent(ours["probability"]),
                brier=ours["brier"]["mean"],
            )
        )
    return lines


def _joined(lines: list[Text]) -> Text:
    return Text("".join(line.ja for line in lines), " ".join(line.en for line in lines))


_UNITS = {
    "ja": ((1e8, "億"), (1e4, "万")),
    "en": ((1e9, "G"), (1e6, "M"), (1e3, "k")),
}


def money(value: float | None, signed: bool = False) -> Text:
    """An amount to three or four digits, in the units of each language.

    >>> money(491_110_000.0), money(-950.0), money(12_000.0, signed=True)
    (Text(ja='4.91億', en='491.1M'), Text(ja='-950', en='-950'), Text(ja='+1.20万', en='+12.0k'))
    """
    sign = "+" if signed else ""
    return Text(*("–" if value is None else _short(value, _UNITS[lang], sign) for lang in LANGUAGES))


def _short(value: float, units: tuple[tuple[float, str], ...], sign: str) -> str:
    for size, unit in units:
        if abs(value) >= size:
            scaled = value / size
            digits = 0 if abs(scaled) >= 1000 else 1 if abs(scaled) >= 10 else 2
            return f"{scaled:{sign},.{digits}f}{unit}"
    return f"{value:{sign}.0f}"


def _percent(share: float) -> Text:
    digits = 0 if abs(share) >= 0.095 else 1
    return Text(f"{100 * share:.{digits}f}%", f"{100 * share:.{digits}f} %")


def _points(share: float) -> Text:
    return Text(f"{100 * share:.1f}ポイント", f"{100 * share:.1f} points")
