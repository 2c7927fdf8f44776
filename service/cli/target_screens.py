"""How are the levels of a goal, targets shared out, and the evenness of past ones shown in a terminal?"""

from __future__ import annotations

from crm.i18n import Text
from service.cli.answer import Answer
from service.cli.reader import Reader

_LEVEL_HEADINGS = [
    Text("水準", "level"),
    Text("達成確率", "chance"),
    Text("前年同期比", "vs last year"),
]


def _growth(share: float | None) -> str:
    return "–" if share is None else f"{share:+.1%}".replace("-", "−")


def show_levels(answer: Answer, reader: Reader) -> None:
    """The levels of a goal, last year, and what was asked about."""
    title = reader.text(
        "{title}　{label}の目標水準", "{title}: levels of a goal of {label}", title=reader.title(answer),
        label=answer["label"],
    )  # fmt: skip
    rows = answer["levels"]
    heading, amounts = reader.amounts(Text("金額", "amount"), [row["value"] for row in rows])
    cells = [
        [row["label"], f"{row['confidence']:.0%}", _growth(row["growth"]), amount]
        for row, amount in zip(rows, amounts, strict=True)
    ]
    reader.table([*_LEVEL_HEADINGS, heading], cells, right=[1, 2, 3], title=title)
    last, asked = answer["last_year"], answer["asked"]
    if last is not None:
        reader.line(reader.text("前年同期：{value}", "Last year: {value}", value=reader.money(last["value"])))
    if answer["target"] is not None:
        reader.line(
            reader.text(
                "登録済みの目標：{value}（達成確率 {chance}）",
                "Stored target: {value} (chance {chance})",
                value=reader.money(answer["target"]),
                chance=reader.percent(answer["probability"]),
            )
        )
    if asked is not None:
        reader.line(
            reader.text(
                "検討中の目標：{value}（前年同期比 {growth}、達成確率 {chance}）",
                "Goal asked about: {value} ({growth} on last year, chance {chance})",
                value=reader.money(asked["value"]),
                growth=_growth(asked["growth"]),
                chance=reader.percent(asked["probability"]),
            )
        )
    _show_notes(answer, reader)
    reader.next_step(
        "決めた目標は `sancho targets share {period} --total 金額` で担当者まで配分できます。",
        "`sancho targets share {period} --total V` shares a goal out to everybody.",
        period=answer["period"],
    )


_SHARE_HEADINGS = [Text("対象", "scope"), Text("達成確率", "chance\nof target"), Text("備考", "note")]
_CHANCES = Text("{way}\nの達成確率", "chance\n{way}")


def show_shares(answer: Answer, reader: Reader) -> None:
    """Each target with its chance, beside it the chances of the usual ways, and who gets none."""
    rows, ways = answer["targets"], [way for way in answer["ways"] if not way["is_chosen"]]
    heading, amounts = reader.amounts(Text("目標", "target"), [row["value"] for row in rows])
    others = [{one["way"]: reader.percent(one["probability"]) for one in row["ways"]} for row in rows]
    cells = [
        [
            reader.named_scope(row),
            reader.percent(row["probability"]),
            _note(row, reader),
            amount,
            *(other[way["way"]] for way in ways),
        ]
        for row, amount, other in zip(rows, amounts, others, strict=True)
    ]
    order = [0, 3, 1, *range(4, 4 + len(ways)), 2]
    headings = [
        *_SHARE_HEADINGS,
        heading,
        *(Text(way["label"], way["label"]) for way in ways),
    ]
    reader.table(
        [headings[at] for at in order],
        [[row[at] for at in order] for row in cells],
        right=list(range(1, 3 + len(ways))),
        whole=[0],
        title=reader.title(answer),
    )
    reader.table(
        [
            Text("配分の方法", "way of sharing"),
            Text("達成確率の最低〜最高", "lowest to highest chance"),
            Text("差（pt）", "spread (points)"),
        ],
        [
            [
                way["label"],
                reader.range(reader.percent(way["lowest"]), reader.percent(way["highest"])),
                "–" if way["spread_pp"] is None else f"{way['spread_pp']:.1f}",
            ]
            for way in answer["ways"]
        ],
        right=[1, 2],
    )
    for reason in dict.fromkeys(one["reason"] for one in answer["left_out"]):
        names = [reader.named_scope(one) for one in answer["left_out"] if one["reason"] == reason]
        reader.line(
            reader.text(
                "配分対象外：{names}。{reason}",
                "No target: {names}. {reason}",
                names=reader.list(names),
                reason=reason,
            )
        )
    _show_notes(answer, reader)
    written = answer["written"]
    if written is not None:
        reader.line(
            reader.text(
                "目標を{n}件登録しました（変更なし{same}件）。",
                "Stored {n} targets ({same} were the same).",
                n=written["imported"],
                same=written["unchanged"],
            )
        )
    else:
        reader.next_step(
            "この配分で登録するには、同じコマンドに --write を付けてください。",
            "the same command with --write stores these targets.",
        )


def _note(row: Answer, reader: Reader) -> str:
    notes = []
    if row["is_bound"]:
        notes.append(reader.text("固定・上下限", "bound"))
    if row["away"]:
        notes.append(reader.text("不在{away}", "away {away}", away=f"{row['away']:.0%}"))
    if row["is_new"]:
        notes.append(reader.text("着任1年未満", "first year"))
    return reader.list(notes)


def show_evenness(answer: Answer, reader: Reader) -> None:
    """How uneven chances were on the first day of each quarter."""
    rows = answer["quarters"]
    reader.table(
        [
            Text("期間", "period"),
            Text("目標のある担当者", "people with\na target"),
            Text("期初の達成確率（最低〜最高）", "chance on the first day,\nlowest to highest"),
            Text("差（pt）", "spread\n(points)"),
            Text("達成した割合", "reached"),
        ],
        [
            [
                reader.period(row["period"]),
                str(row["people"]),
                reader.range(reader.percent(row["lowest"]), reader.percent(row["highest"])),
                f"{row['spread_pp']:.1f}",
                reader.share(row["reached"]),
            ]
            for row in rows
        ],
        right=[1, 2, 3, 4],
        title=reader.named_scope(answer),
    )
    if not rows:
        reader.line(
            reader.text(
                "担当者の目標が登録されていた四半期はありません。",
                "No quarter had targets of people on its first day.",
            )
        )
    reader.next_step(
        "`sancho targets share next-quarter` で、達成確率が等しくなる配分を確認できます。",
        "`sancho targets share next-quarter` shows targets with equal chances.",
    )


def _show_notes(answer: Answer, reader: Reader) -> None:
    for text in answer["assumptions"]:
        reader.line(text)
    for one in answer["differences"]:
        reader.line(one["message"])
