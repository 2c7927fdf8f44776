"""How is the page 商談 asked for?"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from service import questions
from service.csv_cells import csv_text
from service.deal_search import DealSearch
from service.language import known_day
from service.pages import site
from service.pages.asked import AskedDep
from service.pages.asking import Answer, Asking
from service.pages.deals.view import PATH, ROWS, Sought, csv_rows, deals_view, first_sort
from service.pages.deals.words import WORDS
from service.pages.seam import as_page

router = APIRouter(include_in_schema=False)


async def sought(
    *,
    sort: Annotated[str | None, Query(max_length=50)] = None,
    flag: Annotated[str | None, Query(max_length=50)] = None,
    q: Annotated[str | None, Query(max_length=200)] = None,
    bottleneck: Annotated[str | None, Query(max_length=200)] = None,
) -> Sought:
    """What the address looks for; an empty field of the form says nothing."""
    return Sought(sort=sort or None, flag=flag or None, q=q or None, bottleneck=bottleneck or None)


SoughtDep = Annotated[Sought, Depends(sought)]


@router.get(PATH)
@as_page
async def show_deals(
    *,
    request: Request,
    asked: AskedDep,
    sought: SoughtDep,
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
) -> Response:
    """Which open deals need attention, and all of them."""
    page = Asking.of(request, asked)
    sort, found = await _found(page, sought, cursor or None, ROWS)
    bottlenecks = None
    if sought.bottleneck is not None:
        about = (page.scope, asked.named_period, page.as_of)
        use = page.cases.recommendations
        bottlenecks = await page.ask(questions.bottlenecks(use, *about, page.lang, page.sight))
    view = deals_view(
        page.lang,
        found,
        bottlenecks,
        await page.scopes(),
        asked=asked,
        sought=sought,
        sort=sort,
        currency=page.currency,
        in_period=page.period_named(found["period"]),
    )
    return site.page(request, "deals.html.j2", words=WORDS, **view)


@router.get(f"{PATH}.csv")
@as_page
async def export_deals(*, request: Request, asked: AskedDep, sought: SoughtDep) -> Response:
    """All deals that are found as a file for a spreadsheet."""
    page = Asking.of(request, asked)
    _, found = await _found(page, sought, None, None)
    name = f"deals-{found['period']}-{known_day(found['as_of'])}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Content-Language": page.lang}
    body = csv_text(csv_rows(page.lang, found)).encode("utf-8-sig")  # by its mark Excel knows UTF-8
    return Response(body, media_type="text/csv; charset=utf-8", headers=headers)


async def _found(page: Asking, sought: Sought, cursor: str | None, limit: int | None) -> tuple[str, Answer]:
    """The order of the deals that are looked for, and a page of them."""
    search = DealSearch(flag=sought.flag, bottleneck=sought.bottleneck, text=sought.q)
    sort = sought.sort or "-swing_pp"
    found = await page.deals(sort, search, scope=page.scope, cursor=cursor, limit=limit)
    if sought.sort is None and (usual := first_sort(found)) != sort:
        return usual, await page.deals(usual, search, scope=page.scope, cursor=cursor, limit=limit)
    return sort, found
