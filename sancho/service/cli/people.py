"""What does `people` do? Compares people fairly, and says whom to help with what."""

from __future__ import annotations

from typing import Any

from sancho.crm.i18n import Language
from sancho.service.cli.ask import asked
from sancho.service.cli.output import print_json, print_table, print_warnings, say
from sancho.service.language import money_text
from sancho.service.settings import Settings, read_settings


def show_people(period: str, scope: str, as_of: str | None, as_json: bool, lang: Language) -> int:
    """The people of a scope beside an average seller with the same deals."""
    settings = read_settings()
    answer = asked(settings).people(period, scope, as_of, lang)
    if as_json:
        print_json(answer)
    else:
        _show(answer, settings, lang)
    return 0


def _show(answer: dict[str, Any], settings: Settings, lang: Language) -> None:
    ja = lang == "ja"
    headings = (
        ["担当者", "決着", "受注", "期待値", "実力差（80%区間）", "売上", "期待値"]
        if ja
        else ["who", "closed", "won", "expected", "skill (80 %)", "revenue", "expected"]
    )

    def money(value: float) -> str:
        return money_text(value, settings.currency, lang, short=True)

    rows = []
    for row in (*answer["teams"], *answer["people"]):
        above = row["wins_above"]
        rows.append(
            [
                row["scope"].removeprefix("person:"),
                str(row["deals"]),
                str(row["wins"]),
                f"{row['expected_wins']:.1f}",
                f"{above['p50']:+.1f} ({above['p10']:+.1f} – {above['p90']:+.1f})",
                money(row["revenue"]),
                money(row["expected_revenue"]),
            ]
        )
    print_table(f"{answer['period']}  {answer['scope']}", headings, rows, right=(1, 2, 3, 4, 5, 6))
    for row in answer["people"]:
        told = [] if row["verdict"] == "luck" else [row["told"]]
        told += [row["help"]] if row["help"] else []
        if told:
            say(f"{row['scope'].removeprefix('person:')}: " + ("" if ja else " ").join(told))
    say(("時点 " if ja else "as of ") + answer["as_of"])
    print_warnings(answer, lang)
