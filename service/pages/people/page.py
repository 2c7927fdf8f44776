"""How is the page メンバー asked for?"""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service import questions
from service.pages import site
from service.pages.asked import AskedDep
from service.pages.asking import Asking
from service.pages.people.view import PATH, people_view
from service.pages.people.words import WORDS
from service.pages.seam import as_page

router = APIRouter(include_in_schema=False)


@router.get(PATH)
@as_page
async def show_people(*, request: Request, asked: AskedDep) -> Response:
    """Whose results differ by more than luck, and whom to help with what."""
    page = Asking.of(request, asked)
    people = await page.ask(
        questions.people(page.cases.goals, page.period, page.scope, page.as_of, page.lang, page.sight)
    )
    view = people_view(page.lang, people, await page.scopes(), asked=asked, currency=page.currency)
    return site.page(request, "people.html.j2", words=WORDS, **view)
