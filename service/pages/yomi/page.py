"""How is the page ヨミ表 asked for, and how is the column of the ranks named?"""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service import questions
from service.access_rules import may
from service.api.access import caller_of
from service.api.pools import pools_of
from service.pages import site
from service.pages.asked import AskedDep
from service.pages.asking import Asking
from service.pages.forms import as_form, form_of, go_on, inside
from service.pages.seam import as_page
from service.pages.yomi.asked import AskedSheetDep
from service.pages.yomi.view import yomi_view
from service.pages.yomi.words import WORDS

router = APIRouter(include_in_schema=False)


@router.get("/yomi")
@as_page
async def show_yomi(*, request: Request, asked: AskedDep, sheet: AskedSheetDep) -> Response:
    """The reps' ranks beside the model's chances."""
    page = Asking.of(request, asked)
    question = questions.yomi(
        page.cases.yomi, page.period, page.scope, page.as_of, sheet.week, page.lang, page.sight
    )
    view = yomi_view(
        page.lang,
        await page.ask(question),
        await page.scopes(),
        asked=asked,
        sheet=sheet,
        currency=page.currency,
        may_choose=may(caller_of(request).rights, "send_rank_column") and not page.sight.is_limited,
        here=site.own_address(request),
        in_words=page.period_words,
    )
    return site.page(request, "yomi.html.j2", words=WORDS, **view)


@router.post("/yomi/rank-column")
@as_form
async def send_rank_column(*, request: Request) -> Response:
    """Names the column of deals that holds the ranks, of those that the page offers."""
    form, cases = form_of(request), request.app.state.use_cases
    await pools_of(request).writes.run(cases.yomi.name_rank_column, form.get("column", ""))
    return go_on(inside(form.get("next", "/yomi")), done="column")
