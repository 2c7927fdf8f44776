"""How is the sheet of a one-on-one asked for, and what is sent back from it?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from crm.errors import SanchoError
from service import questions
from service.access_rules import may
from service.api.access import caller_of
from service.pages import site
from service.pages.asked import Asked
from service.pages.asking import Asking
from service.pages.forms import Form, as_form, form_of, go_on
from service.pages.meeting_form import MOST_ACTIONS, MeetingForm
from service.pages.one_on_one.view import one_on_one_view
from service.pages.one_on_one.words import WORDS
from service.pages.people.view import PATH, sheet_address
from service.pages.seam import as_page
from service.problems import STATUS
from service.yomi.past_ranks import WEEK

router = APIRouter(include_in_schema=False)
_ADDRESS = PATH + "/{person}/1on1"
Day = Annotated[str, Query(max_length=20)]


@router.get(_ADDRESS)
@as_page
async def show_one_on_one(*, request: Request, person: str, day: Day = "") -> Response:
    """What was agreed before, the facts of the week, what the person says, and what is agreed now."""
    return await _shown(_asking(request, person), person, day or None)


@router.post(_ADDRESS)
@as_form
async def send_one_on_one(*, request: Request, person: str, day: Day = "") -> Response:
    """Saves notes, results and agreements; what cannot be saved stands on the page again."""
    page, form = _asking(request, person), form_of(request)
    sheet = await page.run(
        partial(page.cases.meetings.one_on_one, person, day or None, page.lang, page.sight)
    )
    sent = MeetingForm(page, form, sheet, {"day": sheet["day"]})
    try:
        done = await sent.carry_out(partial(_saved, page, person, sheet["day"]))
    except SanchoError as fault:
        return await _shown(page, person, day or None, typed=form, fault=fault)
    return go_on(f"{sheet_address(sheet['scope'])}?day={sheet['day']}", done)


def _asking(request: Request, person: str) -> Asking:
    return Asking.of(request, Asked(scope=f"person:{person}"))


def _saved(page: Asking, person: str, day: str, notes: Any) -> Mapping[str, Any]:
    who = caller_of(page.request)
    return page.cases.meetings.save_one_on_one(person, day, notes, who, page.lang, page.sight)


async def _shown(
    page: Asking,
    person: str,
    day: str | None,
    *,
    typed: Form | None = None,
    fault: SanchoError | None = None,
) -> Response:
    cases, lang = page.cases, page.lang
    sheet = await page.run(partial(cases.meetings.one_on_one, person, day, lang, page.sight))
    seen = sheet["day"] if sheet["is_past"] else None
    page = replace(page, asked=page.asked.about(as_of=seen))
    actions = questions.actions(
        cases.recommendations, page.scope, None, None, seen, MOST_ACTIONS, lang, page.sight
    )
    can_write = may(caller_of(page.request).rights, "send_one_on_one") and not sheet["is_past"]
    view = one_on_one_view(
        lang,
        sheet,
        await page.forecast(),
        await page.ask(actions),
        await page.ask(questions.yomi(cases.yomi, page.period, page.scope, seen, WEEK, lang, page.sight)),
        currency=page.currency,
        can_write=can_write,
        typed=typed,
    )
    status = 200 if fault is None else STATUS.get(fault.code, 422)
    said = None if fault is None else fault.text.to(lang)
    is_other = fault is not None and fault.code == "saved_elsewhere"
    return site.page(
        page.request, "one_on_one.html.j2", status, words=WORDS, fault=said, is_other=is_other, **view
    )
