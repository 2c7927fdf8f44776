"""How is the page KPIの見直し asked for?"""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service.pages import site
from service.pages.asked import AskedDep
from service.pages.asking import Asking
from service.pages.kpi_review.view import PATH, review_view
from service.pages.kpi_review.words import WORDS
from service.pages.seam import as_page

router = APIRouter(include_in_schema=False)


@router.get(PATH)
@as_page
async def show_kpi_review(*, request: Request, asked: AskedDep) -> Response:
    """Which KPIs were reached, what they brought, what looks padded; what to keep, change, drop."""
    page = Asking.of(request, asked)
    ask = page.cases.sets_of_kpis.review
    review = await page.run(partial(ask, page.period, page.scope, page.as_of, page.lang, page.sight))
    before = page.period_before(review["period"])
    view = review_view(
        page.lang,
        review,
        await page.scopes(),
        asked=asked,
        currency=page.currency,
        period=page.period_words(review["period"]),
        before=(before, page.period_words(before)),
    )
    return site.page(request, "kpi_review.html.j2", words=WORDS, **view)
