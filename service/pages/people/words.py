"""Which words stand on the page メンバー?"""

from __future__ import annotations

from collections.abc import Mapping

from crm.i18n import Text

WORDS: Mapping[str, Text] = {
    "title": Text("メンバー", "People"),
    "question": Text(
        "{period}：誰を、何で支えますか（{scope}）", "{period}: whom to help with what? ({scope})"
    ),
    "this_year": Text("今年度で見る", "See this fiscal year"),
    "nobody": Text(
        "この期間に決着した商談がまだないため、比べられません。",
        "No deal has closed in this period yet, so there is nothing to compare.",
    ),
    "picture_title": Text(
        "担当商談の条件をそろえたときの、期待との差（受注件数。線＝8割の幅、灰色＝偶然の範囲）",
        "Wins above what the same deals would give an average rep (line: 80 % range, grey: may be luck)",
    ),
    "picture_others": Text(
        "差が大きい{n}人を示しています。全員は下の表にあります。",
        "The {n} with the largest differences; everybody is in the table below.",
    ),
    "help": Text("誰を、何で支えるか", "Whom to help with what"),
    "help_said": Text(
        "差の大きい順に5人まで。1on1シートで、担当商談の次の打ち手を一緒に選べます。",
        "At most five, the largest gaps first; the sheet of the 1-on-1 has next steps to choose together.",
    ),
    "help_none": Text(
        "特に支援が必要と言える人はいません。上位25%の水準との差も小さい範囲です。",
        "Nobody stands out as needing help; gaps to the top quartile are small.",
    ),
    "sheet": Text("1on1シート", "1-on-1 sheet"),
    "everybody": Text("全員（名前順）", "Everybody, by name"),
    "caption": Text(
        "条件をそろえた比較（この期間に決着した商談）", "Compared on equal deals (closed in the period)"
    ),
    "name": Text("名前", "Name"),
    "closed": Text("決着", "Closed"),
    "wins": Text("受注", "Won"),
    "expected": Text("期待受注", "Expected wins"),
    "above": Text("期待比", "Above expected"),
    "range": Text("8割の幅", "80% range"),
    "until": Text("〜", " to "),
    "verdict": Text("見立て", "Finding"),
    "verdict_above": Text("期待を上回る", "above"),
    "verdict_below": Text("期待を下回る", "below"),
    "verdict_within_chance": Text("偶然の範囲", "within chance"),
    "audited": Text(
        "ほかの人の数字を見たことは監査に記録され、本人も確認できます。",
        "That you looked at others' figures is noted in the audit, and they can see it.",
    ),
    "json": Text("同じ数字をJSONで", "The same numbers as JSON"),
}
