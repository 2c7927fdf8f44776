"""What should a reader know about a model before using it? Its model card, as one HTML page."""

from __future__ import annotations

from html import escape
from math import isfinite
from typing import TYPE_CHECKING

from crm.i18n import Language, Text
from crm.instants import iso
from models.bundle import Bundle
from training.evaluate import LABELS, Evaluation

if TYPE_CHECKING:
    from training.report import Report

_FIGURES = {
    "rows": Text("行数", "Rows"),
    "log_loss": Text("対数損失", "Log loss"),
    "brier": Text("Brierスコア", "Brier score"),
    "calibration_error": Text("予測と実績のずれ（較正誤差）", "Calibration error"),
    "slope": Text("較正の傾き", "Calibration slope"),
    "auc": Text("AUC", "AUC"),
}
_STYLE = (
    "body{font-family:sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;line-height:1.6}"
    "table{border-collapse:collapse;margin:1rem 0}td,th{border:1px solid #bbb;"
    "padding:.3rem .7rem;text-align:right}"
    "th:first-child,td:first-child{text-align:left}.w{background:#fff4d6;padding:.5rem 1rem}"
)


def model_card(bundle: Bundle, report: Report, lang: Language) -> str:
    """The card in one language: training data, accuracy, warnings, features left out, weights."""
    zone = bundle.calendar.zone
    parts = [
        _h(1, Text("モデルカード", "Model card"), lang),
        _p(
            Text(
                "進行中の商談が、いつまでに受注・失注となるかの確率と、受注した場合の金額を予測します。"
                "個人の人事評価には使わないでください。",
                "Predicts by when an open deal will be won or lost, and its amount if won. Do not use it to "
                "evaluate people.",
            ),
            lang,
        ),
        _p(Text("データの時点：{as_of}", "Data as of {as_of}").format(as_of=iso(bundle.as_of, zone)), lang),
        _h(2, Text("学習データ", "Training data"), lang),
        _list([finding.text for finding in report.findings], lang),
    ]
    if report.cycle is not None:
        parts.append(_p(report.cycle.describe(), lang))
    parts += [
        _h(2, Text("学習後の商談での精度", "Accuracy on later deals"), lang),
        _accuracy(report, lang),
    ]
    if report.folds:
        parts.append(
            "<ul>" + "".join(f"<li><code>{escape(fold)}</code></li>" for fold in report.folds) + "</ul>"
        )
    parts += [
        _h(2, Text("警告", "Warnings"), lang),
        _list([warning.message for warning in bundle.warnings], lang, "w"),
        _h(2, Text("使わなかった特徴量", "Features left out"), lang),
        _list(
            [
                Text(f"{name}：{reason.ja}", f"{name}: {reason.en}")
                for name, reason in report.left_out.items()
            ],
            lang,
        ),
        _h(2, Text("ベースモデルの重み", "Weights of the base models"), lang),
        _p(_TABLE_ONLY, lang) if bundle.win.is_table else _weights(report, lang),
    ]
    return (
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>Sancho</title>'
        f"<style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>"
    )


def _accuracy(report: Report, lang: Language) -> str:
    if report.evaluation is None:
        return _p(Text("商談が少ないため、検証していません。", "Not validated: too few deals."), lang)
    head = (
        "<tr><th></th>" + "".join(f"<th>{escape(text.to(lang))}</th>" for text in _FIGURES.values()) + "</tr>"
    )
    rows = []
    tables = [
        *((LABELS[name], figures) for name, figures in report.evaluation.overall.items()),
        *((Text(f"　{name}", f"　{name}"), figures) for name, figures in report.evaluation.bands.items()),
        *((Text(f"　{name}", f"　{name}"), figures) for name, figures in report.evaluation.stages.items()),
    ]
    for label, figures in tables:
        cells = "".join(
            f"<td>{figures[key]:,.0f}</td>" if key == "rows" else f"<td>{_number(figures[key])}</td>"
            for key in _FIGURES
        )
        rows.append(f"<tr><td>{escape(label.to(lang))}</td>{cells}</tr>")
    differences = [
        Text(
            "対数損失の差（このモデル − {name}）：{difference}"
            "（95%区間。同じ商談・同じ4週間の行の偶然をまとめて計算）",
            "Log loss, this model minus {name}: {difference} (95% interval; rows of a deal, and of four "
            "weeks, share luck)",
        ).format(name=LABELS[name], difference=str(difference))
        for name, difference in report.evaluation.log_loss_against.items()
    ]
    table = f"<table>{head}{''.join(rows)}</table>"
    said = table + _list([*differences, *_proof(report)], lang) + _in_the_end(report.evaluation, lang)
    return said + _coverage(report, lang)


def _coverage(report: Report, lang: Language) -> str:
    """How often the intervals of chances agree with the outcomes of later deals."""
    found = report.coverage
    if found is None:
        return _p(
            Text(
                "受注確率の区間が実績に合っているかは、後の商談が少ないため確かめていません。",
                "Whether the intervals of chances agree with outcomes is not checked: too few later deals.",
            ),
            lang,
        )
    lines = [
        Text(
            "受注確率の{level:.0%}区間：後の商談を確率順に約50件ずつ分けた{bins}組のうち{covered:.0%}で"
            "実績と矛盾せず、区間の幅は平均{width:.0f}ポイント",
            "{level:.0%} interval of a chance: agrees with the outcomes of {covered:.0%} of {bins} groups of "
            "about 50 later deals of similar chance; mean width {width:.0f} points",
        ).format(level=level, bins=found.bins, covered=covered, width=100 * found.width[level])
        for level, covered in found.covered.items()
    ]
    note = Text(
        "1件ごとの確率の区間なので、組の平均では水準以上になるのが正常です。水準を下回れば狭すぎます。",
        "They are intervals of single deals' chances, so groups should agree at least as often as the level "
        "says; less often means too narrow.",
    )
    return _list([*lines, note], lang)


def _in_the_end(evaluation: Evaluation, lang: Language) -> str:
    found = evaluation.in_the_end
    if found is None:
        return ""
    return _p(
        Text(
            "最終的な受注：その後の商談{deals:,}件（{moments:,}時点）での受注の割合は、予測が{said:.1%}、"
            "実績が{happened:.1%}でした（95%区間 {lo:.1%}〜{hi:.1%}）。まだ決着していない{still_open:.0%}も"
            "除外せず、観測できた期間だけ数えています（すべて失注なら{least:.1%}、すべて受注なら{most:.1%}）。",
            "Won in the end: at {moments:,} moments of {deals:,} later deals, the model said that {said:.1%} "
            "of the open deals would be won; {happened:.1%} were (95% interval {lo:.1%} to {hi:.1%}). The "
            "{still_open:.0%} still open are not left out: they count as long as they were seen "
            "(Aalen-Johansen estimate; {least:.1%} if all of them are lost, {most:.1%} if all are won).",
        ).format(**found.to_json()),
        lang,
    )


def _proof(report: Report) -> list[Text]:
    """What the rows say of the model against the stage table, and of its calibration beyond luck."""
    if report.proof is None:
        return []
    proof, model = report.proof, report.proof.a
    return [
        Text(
            "採用判定での、学習したモデルとステージ・経過日数の表の比較（商談{n}件）：{verdict}、"
            "対数損失の差 {gap}",
            "In the gate, what was learned against the table by stage and age ({n} deals): {verdict}, log "
            "loss {gap}",
        ).format(n=proof.deals, verdict=_VERDICTS[proof.verdict], gap=str(proof.difference)),
        Text(
            "較正誤差 {error}、うち偶然による分 {luck}。較正の傾き {slope}（標準誤差 {se}）",
            "Calibration error {error}, of which luck {luck}; slope {slope} (standard error {se})",
        ).format(
            error=_number(model.error),
            luck=_number(model.luck),
            slope=_number(model.slope),
            se=_number(model.slope_se),
        ),
    ]


_TABLE_ONLY = Text(
    "ステージと経過日数ごとの受注率（表）だけで答えます。",
    "Answers with the table of rates by stage and age alone.",
)
_VERDICTS = {
    "better": Text("優れている", "better"),
    "not_worse": Text("劣らない", "not worse"),
    "worse": Text("劣る", "worse"),
    "cannot_tell": Text("判断できない", "cannot tell"),
}


def _number(value: float) -> str:
    """A figure of the card; a dash where it is undefined."""
    return f"{value:.4f}" if isfinite(value) else "–"


def _weights(report: Report, lang: Language) -> str:
    names = (
        Text("ステージ別受注率表", "stage-rate table"),
        Text("ロジスティック回帰", "logistic regression"),
        Text("勾配ブースティング木", "boosted trees"),
        Text("標準的な勾配ブースティング木", "plain boosted trees"),
    )
    lines = []
    for side, label in (("won", Text("受注", "won")), ("lost", Text("失注", "lost"))):
        parts = [
            f"{name.to(lang)} {w:.2f}" for name, w in zip(names, report.weights.get(side, ()), strict=False)
        ]
        lines.append(Text(f"{label.ja}：{'、'.join(parts)}", f"{label.en}: {', '.join(parts)}"))
    return _list(lines, lang)


def _h(level: int, text: Text, lang: Language) -> str:
    return f"<h{level}>{escape(text.to(lang))}</h{level}>"


def _p(text: Text, lang: Language) -> str:
    return f"<p>{escape(text.to(lang))}</p>"


def _list(texts: list[Text], lang: Language, style: str = "") -> str:
    if not texts:
        return _p(Text("なし", "none"), lang)
    return f'<ul class="{style}">' + "".join(f"<li>{escape(text.to(lang))}</li>" for text in texts) + "</ul>"
