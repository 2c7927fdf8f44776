"""Which words stand on the page 営業プロセス?"""

from __future__ import annotations

from collections.abc import Mapping

from crm.i18n import Text

WORDS: Mapping[str, Text] = {
    "title": Text("営業プロセス", "Process"),
    "question": Text(
        "{scope}・{period}：商談はどこで詰まっているか", "{scope}, {period}: where do deals get stuck?"
    ),
    "dearest": Text("いちばん高くつく詰まり：{label}", "The dearest bottleneck: {label}"),
    "dearest_points": Text(
        "なくなれば達成確率は {points}、着地見込みは {revenue}。進行中の{n}件が当たっています。",
        "Without it the chance of target moves by {points} and the forecast by {revenue}; "
        "{n} open deals are in it.",
    ),
    "dearest_revenue": Text(
        "なくなれば着地見込みは {revenue}。進行中の{n}件が当たっています。",
        "Without it the forecast moves by {revenue}; {n} open deals are in it.",
    ),
    "none": Text("確かな詰まりは見つかっていません。", "No bottleneck is sure enough to be told."),
    "none_more": Text(
        "よい知らせです。進め方はこのままで構いません。データが増えると、また調べ直します。",
        "That is good news: go on as you do. It is looked for again as data come in.",
    ),
    "looked_for": Text("{n}通りの条件と区分を比べました。", "{n} conditions in segments were compared. "),
    "false_share": Text(
        "見つかった詰まりのうち偽のものは、{p}以下に抑えています（偽発見率）。",
        "Of those found, at most {p} are false on average (false discovery rate).",
    ),
    "funnel_title": Text(
        "この1年の流れ（商談数と、次へ進んだ割合）", "The past year (deals, and the share that goes on)"
    ),
    "no_funnel": Text("この1年に段階を進んだ商談はありません。", "No deal entered a stage in the past year."),
    "list": Text("詰まりの一覧（高くつく順）", "Bottlenecks, the dearest first"),
    "caption": Text("詰まりとその値段", "Bottlenecks and what they cost"),
    "bottleneck": Text("詰まり", "Bottleneck"),
    "effect": Text("受注率の差（9割の幅）", "Win rate differs by (9 in 10)"),
    "effect_said": Text("{effect}（{low}〜{high}）", "{effect} ({low} to {high})"),
    "rates": Text("当たった商談 / 当たらない商談", "Rate with / without"),
    "open_deals": Text("進行中", "Open deals"),
    "approaching": Text("もうすぐ", "Soon"),
    "points": Text("達成確率", "Chance of target"),
    "revenue": Text("着地見込み", "Forecast"),
    "action": Text("打ち手：{what}", "Next step: {what}"),
    "deals_said": Text("{n}件", "{n} deals"),
    "soon_said": Text(
        "「進行中」はいま当たっている商談、「もうすぐ」はこのままだと当たる商談です。"
        "達成確率と着地見込みは、詰まりがなくなった場合にいくら増えるかです。",
        "Open deals are in it now; those soon will be if nothing is done. Chance and forecast: what "
        "they gain without it.",
    ),
    "goes_with": Text(
        "詰まりは低い受注率と関係が強い条件で、原因と証明されたものではありません。",
        "A bottleneck is a condition that goes with fewer wins; that it brings them about is not proved.",
    ),
}
