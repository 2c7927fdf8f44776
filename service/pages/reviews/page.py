"""How is the page 週次会議 asked for, and what is sent back from it?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from crm.errors import SanchoError
from service import questions
from service.access_rules import may
from service.api.access import caller_of
from service.language import known_day
from service.meetings.common import THIS_WEEK
from service.pages import site
from service.pages.asked import Asked, AskedDep
from service.pages.asking import Asking
from service.pages.forms import Form, as_form, form_of, go_on
from service.pages.meeting_form import MOST_ACTIONS, MeetingForm
from service.pages.reviews.view import PATH, ReviewAnswers, planned, review_view
from service.pages.reviews.words import WORDS
from service.pages.seam import as_page
from service.problems import STATUS
from service.schemas import PlanRequest

router = APIRouter(include_in_schema=False)
_CHANCE = 0.8  # that the plan is to reach
Mode = Annotated[str, Query(max_length=20)]


@router.get(PATH)
@as_page
async def list_reviews(*, request: Request, asked: AskedDep) -> Response:
    """On to this week's review."""
    page = Asking.of(request, asked)
    review = await page.run(partial(page.cases.meetings.review, THIS_WEEK, page.scope, page.lang, page.sight))
    return RedirectResponse(
        Asked(scope=asked.scope, unit=asked.unit).address(f"{PATH}/{review['week']}"), 303
    )


@router.get(PATH + "/{week}")
@as_page
async def show_review(
    *, request: Request, asked: AskedDep, week: str, mode: Mode = "", plan: Mode = ""
) -> Response:
    """What changed in the week, what was agreed before, and what is agreed now."""
    return await _shown(Asking.of(request, asked), week, mode, with_plan=bool(plan))


@router.post(PATH + "/{week}")
@as_form
async def send_review(*, request: Request, asked: AskedDep, week: str, mode: Mode = "") -> Response:
    """Saves notes, results and agreements; what cannot be saved stands on the page again."""
    page, form = Asking.of(request, asked), form_of(request)
    meetings = page.cases.meetings
    review = await page.run(partial(meetings.review, week, page.scope, page.lang, page.sight))
    sent = MeetingForm(page, form, review, {"week": review["week"], "scope": page.scope})
    save = partial(_saved, page, review["week"])
    try:
        if form.get("do") == "plan":
            await _agree_on_plan(page, sent, form)
        done = await sent.carry_out(save)
    except SanchoError as fault:
        return await _shown(page, week, mode, typed=form, fault=fault)
    address = Asked(scope=asked.scope, unit=asked.unit).address(f"{PATH}/{review['week']}", mode=mode)
    return go_on(address, "planned" if form.get("do") == "plan" else done)


def _saved(page: Asking, week: str, notes: Any) -> Mapping[str, Any]:
    who = caller_of(page.request)
    return page.cases.meetings.save_review(week, page.scope, notes, who, page.lang, page.sight)


async def _agree_on_plan(page: Asking, sent: MeetingForm, form: Form) -> None:
    """Agreements of the rows of the plan that were chosen."""
    chosen = set(form.all_of("planned"))
    for row in planned(await _plan(page), page.lang):
        if row["id"] in chosen:
            await sent.add(row["id"], person_id=row["person"], what=row["what"], due=form.get("new_due", ""))


async def _plan(page: Asking) -> Mapping[str, Any]:
    asked = PlanRequest(period=page.period, probability=_CHANCE, scope=page.scope)
    return await page.ask(questions.plan(page.cases.goals, asked, page.lang, page.sight))


async def _shown(
    page: Asking,
    week: str,
    mode: str,
    *,
    with_plan: bool = False,
    typed: Form | None = None,
    fault: SanchoError | None = None,
) -> Response:
    cases, lang = page.cases, page.lang
    review = await page.run(partial(cases.meetings.review, week, page.scope, lang, page.sight))
    day = known_day(review["as_of"]).isoformat() if review["is_past"] else None
    page = replace(page, asked=page.asked.about(as_of=day))
    about = (page.scope, page.asked.named_period, day)
    answers = ReviewAnswers(
        review=review,
        forecast=await page.forecast(),
        actions=await page.ask(
            questions.actions(
                cases.recommendations, page.scope, None, about[1], day, MOST_ACTIONS, lang, page.sight
            )
        ),
        bottlenecks=await page.ask(questions.bottlenecks(cases.recommendations, *about, lang, page.sight)),
        kpis=await page.ask(questions.kpis(cases.goals, page.period, page.scope, day, lang, page.sight)),
        scopes=await page.scopes(),
        plan=await _plan(page) if with_plan else None,
    )
    can_write = may(caller_of(page.request).rights, "send_review") and not review["is_past"]
    view = review_view(
        lang, answers, asked=page.asked, currency=page.currency, can_write=can_write, mode=mode, typed=typed
    )
    status = 200 if fault is None else STATUS.get(fault.code, 422)
    said = None if fault is None else fault.text.to(lang)
    is_other = fault is not None and fault.code == "saved_elsewhere"
    return site.page(
        page.request, "review.html.j2", status, words=WORDS, fault=said, is_other=is_other, **view
    )
