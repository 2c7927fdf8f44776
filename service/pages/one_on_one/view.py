"""What stands on the sheet of a one-on-one? The answer of REST, facts first, in the order of the talk."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlencode

from crm.i18n import Language, Text
from crm.periods import parse_period
from pictures.measure import PERCENT
from service.language import period_text
from service.pages.frame import foot
from service.pages.meeting_view import MeetingView
from service.pages.one_on_one.words import WORDS
from service.pages.people.view import PATH, sheet_address
from service.pages.steps import step_rows
from service.pages.values import cell, headline_measure, short_day

Answer = Mapping[str, Any]
_SHOWN_DAYS = 8


def one_on_one_view(
    lang: Language,
    sheet: Answer,
    forecast: Answer,
    actions: Answer,
    *,
    currency: str,
    can_write: bool,
    habit: Answer | None = None,
    typed: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The values of the template; `habit`: how the person's own calls turned out, where that is answered."""
    meeting = MeetingView(lang, sheet, currency, None, typed)
    person = sheet["scope"].partition(":")[2]
    name = sheet["name"] or person
    address = sheet_address(sheet["scope"])
    deals = {row["deal_id"]: row["name"] or row["deal_id"] for row in (*actions["actions"], *sheet["moves"])}
    return {
        "foot": foot(sheet, lang),
        **meeting.values([{"id": person, "name": name}], dict(list(deals.items())[:20]), can_write),
        "name": name,
        "day": sheet["day"],
        "day_words": short_day(date.fromisoformat(sheet["day"]), lang),
        "answer": _answer(sheet, lang),
        "figures": _figures(forecast, currency, lang),
        "people_address": PATH,
        "path": address,
        "address": f"{address}?day={sheet['day']}",
        "days": [
            {"address": f"{address}?day={day}", "words": short_day(date.fromisoformat(day), lang)}
            for day in sheet["days"]
            if day != sheet["day"]
        ][:_SHOWN_DAYS],
        "past_day": None if not sheet["is_past"] else short_day(date.fromisoformat(sheet["day"]), lang),
        "moves_said": meeting.change_counts(),
        "moves": meeting.moves(),
        "quiet": [
            {
                "deal": row["name"] or row["deal_id"],
                "stage": row["stage"] or "–",
                "amount": cell(row["amount"], meeting.unit, lang),
                "said": WORDS["quiet_said"].format(days=row["quiet_days"]).to(lang),
            }
            for row in sheet["quiet"]
        ],
        "habit": habit,
        "steps": step_rows(actions["actions"], sheet["chosen"], lang),
        "json_address": f"/v1{PATH}/{person}/one-on-one?{urlencode({'day': sheet['day']})}",
    }


def _answer(sheet: Answer, lang: Language) -> str:
    counts = sheet["counts"]
    return (
        WORDS["answer" if sheet["carried"] else "answer_first"]
        .format(
            n=len(sheet["carried"]),
            k=sum(one["result"] == "done" for one in sheet["carried"]),
            won=counts["won"],
            lost=counts["lost"],
            quiet=len(sheet["quiet"]),
        )
        .to(lang)
    )


def _figures(forecast: Answer, currency: str, lang: Language) -> str:
    """Where the person's period stands, in one line."""

    def money(value: float) -> Text:
        text = headline_measure(value, currency, lang).text(value, lang)
        return Text(text, text)

    title = period_text(parse_period(forecast["period"]), lang)
    said = {
        "period": Text(title, title),
        "closed": money(forecast["closed"]),
        "middle": money(forecast["revenue"]["p50"]),
    }
    if forecast["probability"] is None:
        return WORDS["figures"].format(**said).to(lang)
    chance = PERCENT.words(forecast["probability"])
    return WORDS["figures_target"].format(**said, target=money(forecast["target"]), p=chance).to(lang)
