"""Which pages are there?"""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service.api.responses import respond
from service.pages import static_files
from service.pages.card import page as card
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


async def get_file(request: Request) -> Response:
    """A file that pages load."""
    name = request.url.path.rsplit("/", 1)[-1]
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    if name == static_files.CARD:  # which pages of other sites load
        headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    representation = Representation(static_files.content(name))
    return respond(request, representation, media_type=static_files.KINDS[name], headers=headers)


for _name in static_files.KINDS:
    _style.add_api_route(f"/static/{_name}", get_file, methods=["GET"], name=f"get_file {_name}")

# Of all pages, each of which has its own.
_PAGES = (
    outlook,
    card,
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
