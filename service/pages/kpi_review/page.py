"""How is the page on which KPIs are reviewed asked for?"""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from service.pages import site
from service.pages.asked import AskedDep
from service.pages.asking import Asking
from service.pages.kpi_review.view import PATH, review_view
from service.pages.kpi_review.words import WORDS
from service.pages.seam import as_page
from service.pages.waiting import within_or_later

router = APIRouter(include_in_schema=False)
_PATIENCE = 1.5  # seconds after which the page says that it is being computed


@router.get(PATH)
@as_page
async def show_kpi_review(
    *, request: Request, asked: AskedDep, waited: Annotated[str, Query(max_length=1)] = ""
) -> Response:
    """What became of the accepted KPIs of a period, and what to drop, keep, change."""
    page = Asking.of(request, asked)
    sets = page.cases.kpi_sets
    assert sets is not None  # noqa: S101 - UseCases.open makes them
    asking = page.run(partial(sets.review, page.period, page.scope, page.as_of, page.lang, page.sight))
    review = await within_or_later(None if waited else _PATIENCE, asking)
    if review is None:
        return site.waiting(request, WORDS["title"])
    view = review_view(
        page.lang,
        review,
        await page.scopes(),
        asked=asked,
        currency=page.currency,
        period=page.period_words(review["period"]),
        before=page.period_before(review["period"]),
    )
    return site.page(request, "kpi_review.html.j2", words=WORDS, **view)
