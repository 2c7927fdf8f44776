"""How is the page on which a target is shared out asked for, and how is what it shows stored?"""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from crm.errors import SanchoError
from service.access_rules import may
from service.api.access import caller_of
from service.api.audit_trail import note_scopes
from service.api.pools import pools_of
from service.pages import site
from service.pages.asked import AskedDep
from service.pages.asking import Answer, Asking
from service.pages.forms import as_form, form_of, go_on
from service.pages.seam import as_page
from service.pages.targets.asked import AskedShare
from service.pages.targets.view import PATH, ShareAnswers, targets_view
from service.pages.targets.words import WORDS
from service.problems import STATUS

router = APIRouter(include_in_schema=False)
_QUARTERS = 4
# What can be put right on the page itself, which is then shown with what is wrong.
_ON_PAGE = ("bad_request", "no_target", "bad_bounds", "bounds_do_not_fit", "nobody_to_share", "unknown_scope")


@router.get(PATH)
@as_page
async def show_targets(
    *, request: Request, asked: AskedDep, past: Annotated[str, Query(max_length=1)] = ""
) -> Response:
    """A target shared out to the scopes below, with each one's chance; nothing is stored."""
    page, typed = Asking.of(request, asked), AskedShare()
    share: Answer | None = None
    fault: SanchoError | None = None
    try:
        typed = AskedShare.of(request.query_params)
        share = await _shared(page, typed)
    except SanchoError as found:
        if found.code not in _ON_PAGE:
            raise
        fault = found
    cases, about = page.cases.targets, (page.scope, page.as_of, page.lang)
    levels = await page.run(partial(cases.levels, page.period, *about, sight=page.sight))
    evenness = partial(cases.evenness, page.scope, _QUARTERS, page.as_of, page.lang, page.sight)
    answers = ShareAnswers(
        levels=levels,
        share=share,
        fault=None if fault is not None and fault.code == "no_target" else fault,
        past=await page.run(evenness) if past else None,
        scopes=await page.scopes(),
    )
    view = targets_view(
        page.lang,
        answers,
        asked=asked,
        typed=typed,
        currency=page.currency,
        period=page.period_words(levels["period"]),
        can_write=may(caller_of(request).rights, "send_targets"),
    )
    status = 200 if answers.fault is None else STATUS.get(answers.fault.code, 422)
    return site.page(request, "targets.html.j2", status, words=WORDS, **view)


@router.post(PATH)
@as_form
async def send_targets(*, request: Request, asked: AskedDep) -> Response:
    """Stores the targets that the page has shown."""
    page, form = Asking.of(request, asked), form_of(request)
    typed = AskedShare.of(form)
    await _shared(page, typed, write=True, kind=form.get("kind", ""))
    return go_on(asked.address(PATH, **typed.fields()), "kept")


async def _shared(page: Asking, typed: AskedShare, *, write: bool = False, kind: str = "") -> Answer:
    """The answer to sharing out, of scopes that its reader sees."""
    for one in typed.fixed:
        page.sight.scope(one)
    note_scopes(page.request, page.scope)
    body = typed.request(page.period, page.scope, page.as_of, write=write, kind=kind)
    caller = caller_of(page.request)
    share = partial(page.cases.targets.share, sight=page.sight, set_by=caller.person_id)
    if not write:
        return await page.run(partial(share, body, page.scope, page.lang))
    return await pools_of(page.request).writes.run(share, body, page.scope, page.lang)
