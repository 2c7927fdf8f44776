"""How is the page of a deal asked for, and how is told what became of a next step?"""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Request
from fastapi.responses import Response

from crm.errors import SanchoError
from crm.i18n import Text
from service.access_rules import may
from service.api.access import caller_of
from service.api.pools import pools_of
from service.deal_search import DealSearch
from service.pages import site
from service.pages.asked import AskedDep
from service.pages.asking import Answer, Asking
from service.pages.deal.view import closed_view, deal_view
from service.pages.deal.words import WORDS
from service.pages.deals.naming import deal_address
from service.pages.forms import as_form, form_of, go_on
from service.pages.seam import as_page

router = APIRouter(include_in_schema=False)
_ENTRIES = 150  # of the timeline that are shown
_STATES = ("accepted", "dismissed", "done")
_NO_STATE = Text(
    "「やる」「見送る」「済んだ」のどれかを選んでください。", "choose one of “Take it”, “Pass” and “Done”."
)
_NO_REASON = Text(
    "見送る理由を選んでください。次に何を勧めるかの参考になります。",
    "say why you pass: it tells what to recommend another time.",
)
_LONGEST = 1_000  # letters of a reason


@router.get("/deals/{deal_id:path}")
@as_page
async def show_deal(*, request: Request, asked: AskedDep, deal_id: str) -> Response:
    """Whether a deal will be won, when, what to do, why, and what has happened."""
    page = Asking.of(request, asked)
    cases = page.cases
    timeline = await page.run(
        partial(cases.timelines.timeline, deal_id, page.as_of, _ENTRIES, page.lang, sight=page.sight)
    )
    try:
        insight = await page.run(
            partial(
                cases.deals.get_deal, deal_id, page.as_of, asked.named_period, page.lang, sight=page.sight
            )
        )
    except SanchoError as fault:
        if fault.code != "deal_closed":
            raise
        view = closed_view(page.lang, timeline, asked=asked, currency=page.currency)
        return site.page(request, "deal.html.j2", words=WORDS, **view)
    view = deal_view(
        page.lang,
        insight,
        await _row(page, deal_id),
        timeline,
        asked=asked,
        currency=page.currency,
        in_period=page.period_named(insight["attainment"]["period"]),
        may_tell=may(caller_of(request).rights, record_deal_outcome.__name__),
    )
    return site.page(request, "deal.html.j2", words=WORDS, **view)


@router.post("/deals/{deal_id:path}/outcome")
@as_form
async def record_deal_outcome(*, request: Request, asked: AskedDep, deal_id: str) -> Response:
    """What became of a recommended step: taken, passed over and why, or done; then back to the deal."""
    form, page = form_of(request), Asking.of(request, asked)
    state = form.get("state", "")
    if state not in _STATES:
        raise SanchoError(_NO_STATE, "bad_form")
    reason = ": ".join(filter(None, (form.get("reason", ""), form.get("words", "").strip())))[:_LONGEST]
    if state == "dismissed" and not reason:
        raise SanchoError(_NO_REASON, "bad_form")
    record = partial(page.cases.recommendations.record_outcome, sight=page.sight)
    told = (form.get("recommendation_id", ""), state, reason if state == "dismissed" else None, page.lang)
    await pools_of(request).writes.run(record, *told)
    return go_on(deal_address(asked, deal_id), done=state)


async def _row(page: Asking, deal_id: str) -> Answer:
    """The deal's row of the list of open deals."""
    found = await page.deals("deal_id", DealSearch(deal_id=deal_id), scope=page.sight.widest, limit=1)
    row: Answer = found["deals"][0]
    return row
