"""How is the page 予測の成績 asked for, and how is another version put in service?"""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from crm.errors import SanchoError
from service.api.access import caller_of
from service.api.models import changed
from service.api.pools import pools_of
from service.api.seen import seen
from service.jobs.kinds import BACKTEST
from service.pages import site
from service.pages.forms import as_form, form_of, go_on
from service.pages.seam import as_page
from service.pages.trust.view import trust_view
from service.pages.trust.words import WORDS
from service.use_cases import UseCases
from training.registry_entry import CHAMPION

router = APIRouter(include_in_schema=False)
PATH = "/trust"


@router.get(PATH)
@as_page
async def show_trust(*, request: Request) -> Response:
    """What came of the predictions, and which model answers."""
    cases, lang, aside = _cases(request), site.reader_language(request), pools_of(request).aside
    proof = seen(request, await aside.run(cases.proofs.proof, CHAMPION, lang))
    versions = seen(request, await aside.run(cases.models.versions, lang))
    job = await aside.run(cases.jobs.open_one, BACKTEST, lang)
    rights = caller_of(request).rights
    return site.page(request, "trust.html.j2", words=WORDS, **trust_view(lang, proof, versions, rights, job))


@router.get(f"{PATH}/card")
@as_page
async def download_card(
    *, request: Request, version: Annotated[str, Query(pattern=r"^[0-9]{1,9}$")]
) -> Response:
    """A version's model card, to keep: it has a style of its own, which no page of ours may have."""
    registry, lang = _cases(request).serving.registry, site.reader_language(request)
    card = await pools_of(request).aside.run(registry.card, version, lang)
    if card is None:
        raise SanchoError(WORDS["no_card"], "unknown_version")
    headers = {"Content-Disposition": f'attachment; filename="model-card-{version}.{lang}.html"'}
    return Response(card, media_type="text/html; charset=utf-8", headers=headers)


@router.post(f"{PATH}/promote")
@as_form
async def send_promotion(*, request: Request) -> Response:
    """Puts a version in service; whose page it was is kept with it."""
    models, lang = _cases(request).models, site.reader_language(request)
    asked = (form_of(request).get("version", ""), caller_of(request).name, "", lang)
    await changed(request, models.promote, *asked)
    return go_on(PATH, done="promoted")


@router.post(f"{PATH}/rollback")
@as_form
async def send_rollback(*, request: Request) -> Response:
    """Goes back to the version before; sent twice, it goes back once."""
    models, lang = _cases(request).models, site.reader_language(request)
    await changed(request, models.rollback, form_of(request).get("version") or None, lang)
    return go_on(PATH, done="rolled_back")


@router.post(f"{PATH}/backtest")
@as_form
async def send_backtest(*, request: Request) -> Response:
    """Begins a backtest, unless one is being made."""
    jobs, lang = _cases(request).jobs, site.reader_language(request)
    add = partial(jobs.add_backtest, caller_of(request).name, lang)
    await pools_of(request).writes.run(add)
    return go_on(PATH, done="backtest")


def _cases(request: Request) -> UseCases:
    cases: UseCases = request.app.state.use_cases
    return cases
