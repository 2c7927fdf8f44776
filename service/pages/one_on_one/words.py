"""Which words stand on the sheet of a one-on-one?"""

from __future__ import annotations

from collections.abc import Mapping

from crm.i18n import Text
from service.pages.meeting_words import WORDS as OF_MEETINGS

WORDS: Mapping[str, Text] = {
    **OF_MEETINGS,
    "title": Text("1on1シート", "1-on-1 sheet"),
    "question": Text("{who}さんの1on1　{day}", "1-on-1 with {who}, {day}"),
    "answer_first": Text(
        "この7日間の受注は{won}件、失注は{lost}件、連絡が途絶えた商談は{quiet}件です。",
        "In these 7 days {won} won, {lost} lost; {quiet} deals are quiet.",
    ),
    "answer": Text(
        "前回までの約束は{n}件中{k}件が済み。この7日間の受注は{won}件、失注は{lost}件、連絡が途絶えた商談は{quiet}件です。",
        "Of {n} earlier agreements {k} are done. In these 7 days {won} won, {lost} lost; "
        "{quiet} deals are quiet.",
    ),
    "figures": Text(
        "{period}：受注済み {closed}、着地見込み {middle}", "{period}: won so far {closed}, forecast {middle}"
    ),
    "figures_target": Text(
        "{period}：受注済み {closed}、着地見込み {middle}、目標 {target}、届く確率 {p}",
        "{period}: won so far {closed}, forecast {middle}, target {target}, chance {p}",
    ),
    "to_people": Text("メンバー", "People"),
    "previous": Text("前回 {day}", "Before: {day}"),
    "earlier": Text("これまでの1on1", "Earlier 1-on-1s"),
    "day": Text("日付", "Day"),
    "block_carried": Text("前回の約束", "What was agreed before"),
    "block_facts": Text("事実：この一週間に変わったこと", "Facts: what changed this week"),
    "block_habit": Text("ヨミの癖", "How their calls turn out"),
    "block_own_words": Text("本人の話", "In their own words"),
    "block_next_steps": Text("次の一手（2〜3個）", "Next steps (2 or 3)"),
    "block_agreed": Text("今週の約束", "What we agree this week"),
    "quiet_title": Text("3週間以上、記録がない商談", "Deals without a record for three weeks or more"),
    "quiet_none": Text(
        "記録が3週間以上途絶えた商談はありません。", "No open deal has been without a record for three weeks."
    ),
    "quiet_said": Text("{days}日 記録なし", "{days} days without a record"),
    "own_words_hint": Text(
        "うまくいったこと、困っていること、次にやりたいこと", "What went well, what is hard, what to try next"
    ),
    "both_see": Text(
        "このシートは本人と上司の両方が見られます。",
        "This sheet is seen by the person and their managers alike.",
    ),
    "json": Text("同じ内容をJSONで", "The same as JSON"),
    "show_day": Text("表示", "Show"),
}
