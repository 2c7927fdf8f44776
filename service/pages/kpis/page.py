"""How is the page KPI asked for?"""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service import questions
from service.pages import site
from service.pages.asked import AskedDep
from service.pages.asking import Asking
from service.pages.kpis.view import kpis_view
from service.pages.kpis.words import WORDS
from service.pages.seam import as_page

router = APIRouter(include_in_schema=False)


@router.get("/kpis")
@as_page
async def show_kpis(*, request: Request, asked: AskedDep) -> Response:
    """Which KPIs will miss their targets, what leads to the goal, and what to ask."""
    page = Asking.of(request, asked)
    goals, about = page.cases.goals, (page.period, page.scope, page.as_of, page.lang, page.sight)
    kpis = await page.ask(questions.kpis(goals, *about))
    view = kpis_view(
        page.lang,
        kpis,
        await page.ask(questions.tree(goals, *about)),
        await page.ask(questions.padding(page.cases.padding, *about)),
        await page.scopes(),
        asked=asked,
        currency=page.currency,
        period=page.period_words(kpis["period"]),
    )
    return site.page(request, "kpis.html.j2", words=WORDS, **view)
