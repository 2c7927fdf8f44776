"""How is the page 見通し asked for?"""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service import questions
from service.access_rules import may
from service.api.access import caller_of
from service.api.pools import pools_of
from service.pages import site
from service.pages.asked import AskedDep
from service.pages.asking import Asking
from service.pages.forms import as_form, form_of, go_on
from service.pages.meeting_form import made
from service.pages.outlook.beside import beside_view
from service.pages.outlook.call import amount_of, call_view
from service.pages.outlook.view import outlook_view
from service.pages.outlook.words import WORDS
from service.pages.seam import as_page
from service.pages.values import money_measure
from service.schemas import CallRequest

router = APIRouter(include_in_schema=False)


@router.get("/")
@as_page
async def show_outlook(*, request: Request, asked: AskedDep) -> Response:
    """How likely the target is, what moves it, and who needs help."""
    page = Asking.of(request, asked)
    proofs = page.cases.proofs
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
        intervals=await pools_of(request).aside.run(proofs.intervals),
        period=page.period_named(forecast["period"]),
    )
    calls = await page.run(
        partial(page.cases.calls.calls, forecast["period"], page.scope, page.lang, page.sight)
    )
    can_call = may(caller_of(request).rights, "send_call") and page.as_of is None
    unit = money_measure([forecast["revenue"]["p50"]], page.currency, page.lang, asked.unit)
    view |= call_view(calls, unit, page.currency, page.lang, can_call)
    few = page.cases.set_up.few_deals()
    view |= beside_view(page.lang, view["exact"], page.scope, proofs.backtest(), few)
    return site.page(request, "outlook.html.j2", words=WORDS, **view)


@router.post("/")
@as_form
async def send_call(*, request: Request, asked: AskedDep) -> Response:
    """Keeps the revenue that somebody calls, beside the forecast of now."""
    page, form = Asking.of(request, asked), form_of(request)
    sent = made(
        CallRequest,
        amount=amount_of(form.get("amount", ""), form.get("size", "1")),
        confidence=form.get("confidence", ""),
        reason=form.get("reason", "").strip() or None,
    )
    call = partial(page.cases.calls.make, page.period, page.scope, sent, caller_of(request), page.lang)
    await page.write(partial(call, page.sight, key=form.get("key") or None))
    return go_on(asked.address("/"), "called")
