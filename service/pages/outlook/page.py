"""How is the page 見通し asked for?"""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service import questions
from service.pages import site
from service.pages.asked import AskedDep
from service.pages.asking import Asking
from service.pages.outlook.view import outlook_view
from service.pages.outlook.words import WORDS
from service.pages.seam import as_page

router = APIRouter(include_in_schema=False)


@router.get("/")
@as_page
async def show_outlook(*, request: Request, asked: AskedDep) -> Response:
    """How likely the target is, what moves it, and who needs help."""
    page = Asking.of(request, asked)
    use, about = page.cases.recommendations, (page.scope, asked.named_period, page.as_of)
    forecast = await page.forecast()
    view = outlook_view(
        page.lang,
        forecast,
        await page.ask(
            questions.actions(
                use, page.scope, None, asked.named_period, page.as_of, 20, page.lang, page.sight
            )
        ),
        await page.ask(questions.bottlenecks(use, *about, page.lang, page.sight)),
        await page.scopes(),
        asked=asked,
        currency=page.currency,
        period=page.period_named(forecast["period"]),
    )
    return site.page(request, "outlook.html.j2", words=WORDS, **view)
