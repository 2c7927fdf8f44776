"""How is the page 目標の配分 asked for, and how is what it shows stored?"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from crm.errors import SanchoError
from service.access_rules import may
from service.api.access import caller_of
from service.api.pools import pools_of
from service.pages import site
from service.pages.asked import Asked, AskedDep
from service.pages.asking import Answer, Asking
from service.pages.forms import as_form, form_of, go_on
from service.pages.seam import as_page
from service.pages.target_sharing.view import mark_of, sharing_view, usual_rounding
from service.pages.target_sharing.wanted import CONFIDENCE, EVENS, PATH, Wanted, is_typed
from service.pages.target_sharing.words import WORDS

router = APIRouter(include_in_schema=False)


@router.get(PATH)
@as_page
async def show_target_sharing(*, request: Request, asked: AskedDep) -> Response:
    """Everybody's target and chance, as the address says; what was typed becomes such an address first."""
    said = dict(request.query_params)
    if is_typed(said):
        return RedirectResponse(Wanted.typed(said).address(asked), 303)
    page = Asking.of(request, asked)
    told = Wanted.of(said)
    wanted, shared = await _shared(page, told)
    targets = page.cases.targets
    levels = await page.run(
        partial(targets.levels, page.period, page.scope, page.as_of, page.lang, sight=page.sight)
    )
    view = sharing_view(
        page.lang,
        shared,
        levels,
        await page.scopes(),
        wanted=wanted,
        asked=asked,
        currency=page.currency,
        period=page.period_words(shared["period"]),
        is_first_guess=wanted is not told,
        may_store=may(caller_of(request).rights, save_target_sharing.__name__),
    )
    return site.page(request, "target_sharing.html.j2", words=WORDS, **view)


@router.post(PATH)
@as_form
async def save_target_sharing(*, request: Request) -> Response:
    """Stores the targets that the page has shown; where they would be others by now, shows these first."""
    form = form_of(request)
    asked = Asked(
        period=form.get("period", ""), scope=form.get("scope") or None, unit=form.get("unit") or None
    )
    page, wanted = Asking.of(request, asked), Wanted.of(form)
    address = wanted.address(asked)
    _, shown = await _shared(page, wanted)
    if mark_of(shown) != form.get("mark"):
        return go_on(address, done="changed")
    store = _share(page, wanted, kind=form.get("kind", ""), write=True)
    await pools_of(request).writes.run(store)
    return go_on(address, done="kept")


async def _shared(page: Asking, wanted: Wanted) -> tuple[Wanted, Answer]:
    """The target shared out; without a stored one and one that is told, what is reached as often as not."""
    named = tuple(wanted.fixed)
    for scope in named:
        page.sight.scope(scope)
    try:
        return wanted, await page.run(_share(page, wanted), *named)
    except SanchoError as fault:
        if fault.code != "no_target":
            raise
    wanted = replace(wanted, base=CONFIDENCE, amount=EVENS)
    return wanted, await page.run(_share(page, wanted), *named)


def _share(page: Asking, wanted: Wanted, *, kind: str = "", write: bool = False) -> partial[Any]:
    rounding = usual_rounding(page.currency)
    body = wanted.request(page.asked, page.scope, rounding, kind=kind, write=write)
    set_by = caller_of(page.request).person_id
    return partial(page.cases.targets.share, body, page.scope, page.lang, sight=page.sight, set_by=set_by)
