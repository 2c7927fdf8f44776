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
        lambda service: service.goals.people(period, scope, as_of, lang),
        _show,
        as_json,
        lang,
        ("people", period, scope, as_of),
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
_WINS = [
    Text("受注 / 決着（件）", "won / closed"),
    Text("期待\n受注件数", "expected wins"),
    Text("期待比（件、80%幅）", "wins vs expected (80% range)"),
]


def _show(answer: Answer, reader: Reader) -> None:
    title = reader.title(answer)
    for heading, rows in ((_TEAM, answer["teams"]), (_REP, answer["people"])):
        if rows:
            _show_rows(heading, rows, title, reader)
            title = ""
    if not answer["people"]:
        reader.line(
            reader.text(
                "{title}　この期間に決着した商談はありません。",
                "{title}: no deal closed in this period.",
                title=title,
            )
        )
        reader.next_step(
            "`sancho people this-year` のように長い期間で比較してください。",
            "compare over a longer period, such as `sancho people this-year`.",
        )
    spoken_of = [
        row for row in answer["people"] if row["verdict"] != "within_chance" or row["coaching_focus"]
    ]
    spoken_of.sort(key=lambda row: -abs(row["wins_above_expected"]["p50"]))
    for row in spoken_of[:_SPOKEN_OF]:
        sentences = [] if row["verdict"] == "within_chance" else [row["message"]]
        sentences += [row["coaching_focus"]] if row["coaching_focus"] else []
        reader.line(
            reader.text(
                "{who}：{what}", "{who}: {what}", who=reader.named_scope(row), what=_joined(sentences)
            )
        )
    if len(spoken_of) > _SPOKEN_OF:
        more = len(spoken_of) - _SPOKEN_OF
        reader.line(reader.text("ほかの{n}人は --json で表示します。", "{n} more: --json.", n=more))


def _show_rows(heading: Text, rows: list[Answer], title: str, reader: Reader) -> None:
    revenue, amounts = reader.amounts(
        Text("受注額 / 期待", "revenue / expected"),
        (row["revenue"] for row in rows),
        (row["expected_revenue"] for row in rows),
    )
    cells = []
    for row, amount in zip(rows, amounts, strict=True):
        low, middle, high = (signed_text(row["wins_above_expected"][name]) for name in ("p10", "p50", "p90"))
        cells.append(
            [
                reader.named_scope(row),
                f"{row['wins']} / {row['deals']}",
                f"{row['expected_wins']:.1f}",
                reader.text("{x}（{ends}）", "{x} ({ends})", x=middle, ends=reader.range(low, high)),
                amount,
            ]
        )
    reader.table([heading, *_WINS, revenue], cells, right=[1, 2, 3, 4], title=title)


def _joined(sentences: list[str]) -> Text:
    return Text("".join(sentences), " ".join(sentences))
