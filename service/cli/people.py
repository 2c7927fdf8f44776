"""What does `people` do? Compares reps on equal deals, and shows whom to help with what."""

from __future__ import annotations

from crm.i18n import Text
from service.cli.answer import Answer, print_answer
from service.cli.command import AsOf, Command, Json, Lang, Period, Scope
from service.cli.reader import Reader
from service.language import signed_text

_SPOKEN_OF = 5


def people(
    period: Period, scope: Scope = "company", as_of: AsOf = None, as_json: Json = False, lang: Lang = "ja"
) -> int:
    """The reps of a scope beside an average rep with the same deals."""
    return print_answer(
        lambda service: service.goals.people(period, scope, as_of, lang), _show, as_json, lang
    )


COMMAND = Command(
    "people",
    people,
    Text(
        "担当商談の条件をそろえて担当者を比較し、支援すべきステージを示します。",
        "Compares reps on equal deals; shows where to help.",
    ),
)
_REP, _TEAM = Text("担当者", "rep"), Text("チーム", "team")
_HEADINGS = [
    Text("受注／決着\n（件）", "won /\nclosed"),
    Text("期待\n受注件数", "expected\nwins"),
    Text("期待比\n（件、80%幅）", "vs expected\n(80% range)"),
    Text("受注額", "revenue"),
    Text("期待受注額", "expected\nrevenue"),
]


def _show(answer: Answer, reader: Reader) -> None:
    title = reader.title(answer["period"], answer["scope"])
    for heading, rows in ((_TEAM, answer["teams"]), (_REP, answer["people"])):
        if rows:
            _show_rows(heading, rows, title, reader)
            title = ""
    spoken_of = [
        row for row in answer["people"] if row["verdict"] != "within_chance" or row["coaching_focus"]
    ]
    spoken_of.sort(key=lambda row: -abs(row["wins_above_expected"]["p50"]))
    for row in spoken_of[:_SPOKEN_OF]:
        sentences = [] if row["verdict"] == "within_chance" else [row["message"]]
        sentences += [row["coaching_focus"]] if row["coaching_focus"] else []
        reader.line(
            reader.text(
                "{who}：{what}", "{who}: {what}", who=reader.scope(row["scope"]), what=_joined(sentences)
            )
        )
    if len(spoken_of) > _SPOKEN_OF:
        more = len(spoken_of) - _SPOKEN_OF
        reader.line(reader.text("ほかの{n}人は --json で表示します。", "{n} more: --json.", n=more))


def _show_rows(heading: Text, rows: list[Answer], title: str, reader: Reader) -> None:
    money = zip(
        reader.money_column(row["revenue"] for row in rows),
        reader.money_column(row["expected_revenue"] for row in rows),
        strict=True,
    )
    cells = []
    for row, (revenue, expected) in zip(rows, money, strict=True):
        low, middle, high = (signed_text(row["wins_above_expected"][name]) for name in ("p10", "p50", "p90"))
        cells.append(
            [
                row["scope"].partition(":")[2] or reader.scope(row["scope"]),
                f"{row['wins']} / {row['deals']}",
                f"{row['expected_wins']:.1f}",
                reader.text("{x}（{ends}）", "{x} ({ends})", x=middle, ends=reader.range(low, high)),
                revenue,
                expected,
            ]
        )
    reader.table([heading, *_HEADINGS], cells, right=[1, 2, 3, 4, 5], title=title, whole=[0])


def _joined(sentences: list[str]) -> Text:
    return Text("".join(sentences), " ".join(sentences))
