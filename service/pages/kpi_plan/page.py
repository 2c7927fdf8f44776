"""How is the page of the plan asked for?"""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service import questions
from service.pages import site
from service.pages.asked import AskedDep
from service.pages.asking import Asking
from service.pages.kpi_plan.asked import AskedPlan
from service.pages.kpi_plan.view import plan_view
from service.pages.kpi_plan.words import WORDS
from service.pages.seam import as_page
from service.schemas import PlanRequest

router = APIRouter(include_in_schema=False)
_PATIENCE = 1.0  # seconds after which the page is shown without its answer, and asks again


@router.get("/kpis/plan")
@as_page
async def show_plan(*, request: Request, asked: AskedDep) -> Response:
    """What it takes to reach the target with a probability, and what each person does for it."""
    page, wanted = Asking.of(request, asked), AskedPlan.of(request.query_params)
    forecast, plan = await page.forecast(), None
    if forecast["target"] is not None:
        body = PlanRequest(
            period=page.period,
            probability=wanted.probability,
            scope=page.scope,
            as_of=page.as_of,
            shares={name: share / 100 for name, share in wanted.shares.items()},
        )
        plan = await page.ask_within(_PATIENCE, questions.plan(page.cases.goals, body, page.lang, page.sight))
    view = plan_view(
        page.lang,
        plan,
        forecast,
        await page.scopes(),
        asked=asked,
        asked_plan=wanted,
        currency=page.currency,
        period=page.period_words(forecast["period"]),
    )
    return site.page(request, "kpi_plan.html.j2", words=WORDS, **view)
