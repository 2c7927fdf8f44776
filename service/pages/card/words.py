"""Which words stand on the card of a deal?"""

from __future__ import annotations

from collections.abc import Mapping

from crm.i18n import Text

WORDS: Mapping[str, Text] = {
    "title": Text("Sancho の見立て", "What Sancho says"),
    "chance": Text("{period}に受注する確率", "Chance of a win in {period}"),
    "swing": Text(
        "効き：受注すれば {won}、失えば {lost}（{scope}の達成確率）",
        "Swing: {won} if won, {lost} if lost (chance of the target, {scope})",
    ),
    "next": Text("次の一手", "Next step"),
    "gain": Text(
        "受注確率 {uplift}（8割の幅 {low}〜{high}）。", "Win probability {uplift} (8 in 10: {low} to {high})."
    ),
    "none": Text("いま勧められる打ち手はありません。", "There is no step to recommend now."),
    "accepted": Text("やる", "Take it"),
    "dismissed": Text("見送る", "Pass"),
    "done": Text("済んだ", "Done"),
    "told_accepted": Text("「やる」と記録しました。", "Recorded: taken."),
    "told_dismissed": Text("「見送る」と記録しました。", "Recorded: passed."),
    "told_done": Text("「済んだ」と記録しました。", "Recorded: done."),
    "more": Text("くわしく見る", "See more"),
    "dots": Text("20件中の見込み", "Of 20 like it"),
}
