"""What does `actions` do? Shows what to do next on which deal, and what the recommended actions achieved."""

from __future__ import annotations

from typing import Annotated, Any

from crm.i18n import Text
from service.cli.answer import Answer, print_answer
from service.cli.command import AsOf, Command, Json, Lang, Scope, option
from service.cli.effects import SHARE, show_ranking
from service.cli.reader import Reader
from service.language import signed_text


def actions(
    deal: Annotated[
        str | None,
        option("--deal", "ID", Text("この商談だけを詳しく表示します。", "Only this deal, in detail.")),
    ] = None,
    period: Annotated[
        str | None,
        option(
            "--period",
            "PERIOD",
            Text("目標の期間。既定は今の四半期。", "The target's period. Default: the current quarter."),
        ),
    ] = None,
    limit: Annotated[
        int, option("--limit", "N", Text("表示する件数。", "How many to show."), min=1, max=1000)
    ] = 20,
    report: Annotated[
        bool,
        option("--report", None, Text("打ち手の実績と効果を表示します。", "What the actions achieved.")),
    ] = False,
    scope: Scope = "company",
    as_of: AsOf = None,
    as_json: Json = False,
    lang: Lang = "ja",
) -> int:
    """The next actions of a scope or of one deal; or what became of those recommended."""
    if report:
        return print_answer(lambda service: service.recommendations.report(lang), _show_report, as_json, lang)
    return print_answer(
        lambda service: service.recommendations.actions(scope, deal, period, as_of, limit, lang, as_json),
        _show if deal is None else _show_deal,
        as_json,
        lang,
        ("actions", scope, deal, period, as_of, limit),
        lasts=lambda service: service.recommendations.are_stored,
    )


COMMAND = Command(
    "actions",
    actions,
    Text(
        "どの商談に次に何をすべきかと、その効果を示します。",
        "Shows next actions: what to do on which deal, and what it adds.",
    ),
)
_RELIABILITY = {
    "high": Text("高", "high"),
    "medium": Text("中", "medium"),
    "low": Text("低", "low"),
}
_ACTION = Text("打ち手", "action")
_GAIN = Text("増加\n見込み", "expected gain")
_REPORT = [
    _ACTION,
    Text("推奨", "made"),
    Text("表示", "shown"),
    Text("採用 / 却下", "accepted / dismissed"),
    Text("実施", "done"),
]


def _gains(answer: Answer, reader: Reader) -> tuple[Text, list[str]]:
    return reader.amounts(_GAIN, (one["expected_revenue"] for one in answer["actions"]), signed=True)


def _show(answer: Answer, reader: Reader) -> None:
    heading, gains = _gains(answer, reader)
    headings = [
        Text("商談", "deal"),
        Text("担当者", "rep"),
        _ACTION,
        Text("受注確率\nの上昇（pt）", "win chance\n(+points)"),
        heading,
    ]
    rows = [
        [reader.deal(one), reader.person(one), one["label"], signed_text(one["uplift_pp"]), gain]
        for one, gain in zip(answer["actions"], gains, strict=True)
    ]
    title = reader.title(answer)
    if rows:
        reader.table(headings, rows, right=[3, 4], title=title)
        show_ranking(answer, answer["actions"], reader)
    elif not answer["open_deals"]:
        reader.line(reader.text("{title}　進行中の商談はありません。", "{title}: no open deal.", title=title))
        reader.next_step(
            "新規商談に必要な活動量を `sancho plan {period}` で確認してください。",
            "`sancho plan {period}` shows how much new business is needed.",
            period=answer["period"],
        )
    else:
        reader.line(
            reader.text(
                "{title}　効果を確認できた打ち手はありません。",
                "{title}: no action with a proven effect.",
                title=title,
            )
        )
        reader.next_step(
            "滞留の多いステージを `sancho bottlenecks` で、影響の大きい商談を `sancho forecast {period}` で"
            "確認してください。",
            "`sancho bottlenecks` shows where deals stall, `sancho forecast {period}` what matters most.",
            period=answer["period"],
        )
    _show_not_recommended(answer, reader)


def _show_deal(answer: Answer, reader: Reader) -> None:
    heading, gains = _gains(answer, reader)
    by_revenue = answer["ranked_by"] == "revenue"
    headings = [
        _ACTION,
        Text("受注確率の上昇\n（pt、80%幅）", "win chance\n(+points, 80% range)"),
        SHARE if by_revenue else Text("達成確率への\n影響（pt）", "effect on\ntarget chance (points)"),
        heading,
        Text("所要時間\n（分）", "minutes"),
    ]
    rows = []
    for one, gain in zip(answer["actions"], gains, strict=True):
        low, high = (signed_text(end) for end in one["interval"])
        ends = reader.range(low, high)
        rows.append(
            [
                one["label"],
                reader.text("{x}（{ends}）", "{x} ({ends})", x=signed_text(one["uplift_pp"]), ends=ends),
                reader.gap_share(one["gap_share"])
                if by_revenue
                else reader.points_cell(one["attainment_pp"]),
                gain,
                f"{one['effort_minutes']:.0f}",
            ]
        )
    if rows:
        title = reader.text(
            "{period}　{deal}",
            "{period}, {deal}",
            period=reader.period(answer["period"]),
            deal=reader.deal(answer["actions"][0]),
        )
        reader.table(headings, rows, right=[1, 2, 3, 4], title=title)
    for one in answer["actions"]:
        _show_evidence(one, reader)
    _show_not_recommended(answer, reader)
    if not rows:
        reader.next_step(
            "次回の日程を決め、活動を記録してください。ほかの商談の打ち手は `sancho actions` にあります。",
            "fix the next date and record what is done; `sancho actions` shows what helps other deals.",
        )


def _show_evidence(one: dict[str, Any], reader: Reader) -> None:
    evidence = one["evidence"]
    reader.line(
        reader.text(
            "{label}：この商談での推定 {here}（信頼度：{reliability}）。"
            "全体の参考：実施{n:,}件の受注率{did:.0%}、条件の近い商談で電話・メールのみの場合{did_not:.0%}",
            "{label}. This deal: {here} ({reliability} reliability). Overall: {n:,} deals with it won "
            "{did:.0%}; similar deals with calls or mails only, {did_not:.0%}.",
            label=one["label"],
            here=reader.points(one["uplift_pp"]),
            reliability=_RELIABILITY[one["reliability"]],
            n=evidence["deals_with"],
            did=evidence["win_rate_with"],
            did_not=evidence["win_rate_without"],
        )
    )
    top, others = evidence["top_sellers_share"], evidence["other_sellers_share"]
    if top is not None and others is not None:
        reader.line(
            reader.text(
                "  成績上位25%の担当者は商談の{top:.0%}で実施（その他の担当者は{others:.0%}）",
                "  Top-quartile reps do it on {top:.0%} of deals, others on {others:.0%}.",
                top=top,
                others=others,
            )
        )


def _show_not_recommended(answer: Answer, reader: Reader) -> None:
    """A line for each reason, with the actions that it holds for."""
    by_reason: dict[str, list[str]] = {}
    for one in answer["not_recommended"]:
        by_reason.setdefault(str(one["message"]).rstrip("。."), []).append(one["label"])
    for why, labels in by_reason.items():
        reader.line(
            reader.text(
                "推奨しない打ち手：{labels}（{why}）",
                "Not recommended: {labels} ({why})",
                labels=reader.list(labels),
                why=why,
            )
        )


def _show_report(answer: Answer, reader: Reader) -> None:
    rows = [
        [
            one["label"],
            *(f"{one[name]:,}" for name in ("recommended", "shown")),
            f"{one['accepted']:,} / {one['dismissed']:,}",
            f"{one['done']:,}",
        ]
        for one in answer["by_action"]
    ]
    title = reader.text("打ち手の実績", "What the actions achieved")
    if rows:
        reader.table(_REPORT, rows, right=[1, 2, 3, 4], title=title)
    else:
        reader.line(
            reader.text("推奨した打ち手の記録はまだありません。", "No action has been recommended yet.")
        )
        reader.next_step(
            "`sancho actions` で打ち手を表示すると、ここに記録されます。",
            "`sancho actions` recommends, and what it recommends is recorded here.",
        )
    held = answer["hold_out"]
    if held is None:
        return
    if held["lift_pp"] is None:
        text = reader.text(
            "比較には、推奨した商談と比較用の商談（対照群）の決着が各30件必要です"
            "（現在 {made}件と{held}件）。",
            "A comparison needs 30 closed deals each, recommended and holdout (now {made} and {held}).",
            made=held["recommended_closed"],
            held=held["held_out_closed"],
        )
    else:
        low, high = (signed_text(end) for end in held["interval"])
        text = reader.text(
            "比較用の商談（対照群）との受注率の差 {lift}（90%幅 {ends}）",
            "Win rate against the holdout group {lift} (90% range {ends})",
            lift=reader.points(held["lift_pp"]),
            ends=reader.range(low, high),
        )
    reader.line(text)
