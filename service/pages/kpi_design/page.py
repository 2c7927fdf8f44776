"""How is the page on which KPIs are set asked for, and how is a set accepted?"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from service import questions
from service.access_rules import may
from service.api.access import caller_of
from service.api.pools import pools_of
from service.pages import site
from service.pages.asked import AskedDep
from service.pages.asking import Asking
from service.pages.forms import as_form, form_of, go_on
from service.pages.kpi_design.form import accepted
from service.pages.kpi_design.view import DesignAnswers, design_view
from service.pages.kpi_design.words import WORDS
from service.pages.seam import as_page
from service.pages.waiting import within_or_later
from service.schemas import ProposeRequest

router = APIRouter(include_in_schema=False)
_PATIENCE = 1.5  # seconds after which the page says that it is being computed


@router.get("/kpis/design")
@as_page
async def show_design(
    *, request: Request, asked: AskedDep, waited: Annotated[str, Query(max_length=1)] = ""
) -> Response:
    """The five steps from the goal of a scope to its KPIs."""
    page = Asking.of(request, asked)
    answers = await within_or_later(None if waited else _PATIENCE, _answers(page))
    if answers is None:
        return site.waiting(request, WORDS["title"])
    can_accept = may(caller_of(request).rights, "send_design") and asked.as_of is None
    view = design_view(
        page.lang,
        answers,
        asked=asked,
        currency=page.currency,
        period=page.period_words(answers.levels["period"]),
        can_accept=can_accept,
    )
    return site.page(request, "kpi_design.html.j2", words=WORDS, **view)


@router.post("/kpis/design")
@as_form
async def send_design(*, request: Request, asked: AskedDep) -> Response:
    """Accepts the KPIs of the form for a scope."""
    page, form = Asking.of(request, asked), form_of(request)
    accept = partial(page.cases.kpi_sets.accept, sight=page.sight)  # type: ignore[union-attr]
    about: tuple[Any, ...] = (page.scope, page.period, accepted(form), caller_of(request), page.lang)
    await pools_of(request).writes.run(accept, *about)
    return go_on(asked.address("/kpis/design"), "accepted")


async def _answers(page: Asking) -> DesignAnswers:
    cases, about = page.cases, (page.period, page.scope, page.as_of, page.lang)
    sets, sight = cases.kpi_sets, page.sight
    assert sets is not None  # noqa: S101 - UseCases.open makes them
    proposal = None
    candidates = await page.run(partial(sets.candidates, *about, sight))
    if page.scope.startswith("person:"):
        asked = ProposeRequest(period=page.period, scope=page.scope, as_of=page.as_of)
        proposal = await page.run(partial(sets.propose, asked, page.lang, sight))
    bottlenecks = questions.bottlenecks(
        cases.recommendations, page.scope, page.asked.named_period, page.as_of, page.lang, sight
    )
    return DesignAnswers(
        levels=await page.run(partial(cases.targets.levels, *about, sight=sight)),
        funnel=(await page.ask(bottlenecks))["funnel"],
        tree=await page.ask(questions.tree(cases.goals, *about, sight)),
        candidates=candidates,
        current=await page.run(partial(sets.show, page.scope, page.period, page.lang, sight)),
        proposal=proposal,
        scopes=await page.scopes(),
    )
