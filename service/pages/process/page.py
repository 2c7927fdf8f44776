"""How is the page 営業プロセス asked for?"""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service import questions
from service.pages import site
from service.pages.asked import AskedDep
from service.pages.asking import Asking
from service.pages.process.view import PATH, process_view
from service.pages.process.words import WORDS
from service.pages.seam import as_page

router = APIRouter(include_in_schema=False)


@router.get(PATH)
@as_page
async def show_process(*, request: Request, asked: AskedDep) -> Response:
    """Where deals are lost, and what that costs."""
    page = Asking.of(request, asked)
    about = (page.scope, asked.named_period, page.as_of, page.lang, page.sight)
    found = await page.ask(questions.bottlenecks(page.cases.recommendations, *about))
    view = process_view(
        page.lang,
        found,
        await page.scopes(),
        asked=asked,
        currency=page.currency,
        in_period=page.period_named(found["period"]),
    )
    return site.page(request, "process.html.j2", words=WORDS, **view)
