"""Which pages are there?"""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service.api.responses import respond
from service.pages import site
from service.pages.deal import page as deal
from service.pages.deals import page as deals
from service.pages.kpi_plan import page as kpi_plan
from service.pages.kpi_review import page as kpi_review
from service.pages.kpis import page as kpis
from service.pages.one_on_one import page as one_on_one
from service.pages.outlook import page as outlook
from service.pages.people import page as people
from service.pages.process import page as process
from service.pages.reviews import page as reviews
from service.pages.setup import page as setup
from service.pages.target_sharing import page as target_sharing
from service.pages.trust import page as trust
from service.pages.yomi import page as yomi
from service.representation import Representation

_style = APIRouter(include_in_schema=False)


@_style.get(site.STYLE)
async def get_style(request: Request) -> Response:
    """How all pages look."""
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return respond(
        request, Representation(site.style_sheet()[0]), media_type="text/css; charset=utf-8", headers=headers
    )


# Of all pages, each of which has its own.
_PAGES = (
    outlook,
    yomi,
    deals,
    deal,
    process,
    kpis,
    kpi_plan,
    kpi_review,
    target_sharing,
    people,
    one_on_one,
    reviews,
    trust,
    setup,
)
ROUTERS = (_style, *(module.router for module in _PAGES))
