"""How is the card of a deal asked for? By a token in a header, from pages of sites that may show it.

`/embed/deals/{id}` is the card's content, and takes what a button tells; `/embed/deals/{id}/frame` is the
same for an iframe: an empty page that holds the element, so that both ways are one.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response

from crm.errors import SanchoError
from crm.i18n import Text
from service.access_rules import may
from service.api.persons import caller_for, directory
from service.api.pools import pools_of
from service.callers import Caller
from service.card.tokens import EXPIRED, CardTokens
from service.pages import site, static_files
from service.pages.card.view import card_view
from service.pages.card.words import WORDS
from service.problems import refuse
from service.request_error import outside_failure
from service.sight import Sight
from service.sign_in.people import LEFT
from service.use_cases import UseCases

HEADER = "X-Sancho-Card"
_OUTCOMES = ("accepted", "dismissed", "done")
_LONGEST = 4_000  # bytes of what a button tells
_NOT_THIS = Text("このカードの商談ではありません。", "this is not the deal of this card.")
_NOT_TOLD = Text("記録できない内容です。", "this is nothing that can be recorded.")

router = APIRouter(include_in_schema=False)


@router.options("/embed/deals/{deal_id:path}")
async def allow_card(request: Request, deal_id: str) -> Response:  # noqa: ARG001 - the same for every deal
    """What a browser asks before a page of another origin may send the token."""
    return Response(status_code=204, headers=_shared(request))


@router.get("/embed/deals/{deal_id:path}/frame")
async def show_card_frame(request: Request, deal_id: str) -> Response:
    """The page of an iframe; it knows nothing of the deal, its element asks by the token after #."""
    origins = " ".join(_cases(request).settings.card_origins) or "'none'"
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        f"base-uri 'none'; form-action 'none'; frame-ancestors {origins}"
    )
    lang = site.reader_language(request)
    html = site.rendered(
        "card_frame.html.j2",
        lang=lang,
        title=WORDS["title"].to(lang),
        deal_id=deal_id,
        card=static_files.address(static_files.CARD),
    )
    headers = {"Content-Security-Policy": policy, "Content-Language": lang}
    return Response(html, media_type="text/html; charset=utf-8", headers=headers)


@router.get("/embed/deals/{deal_id:path}")
async def show_card(request: Request, deal_id: str) -> Response:
    """The card's content."""
    return await _answered(request, deal_id)


@router.post("/embed/deals/{deal_id:path}")
async def tell_card(request: Request, deal_id: str) -> Response:
    """Records what a button told, and shows the card again."""
    body = await request.body()
    return await _answered(request, deal_id, body[:_LONGEST])


async def _answered(request: Request, deal_id: str, body: bytes | None = None) -> Response:
    try:
        response = await _card(request, deal_id, body)
    except Exception as fault:
        if not isinstance(fault, SanchoError) and outside_failure(fault) is None:
            raise
        response = refuse(request, fault)
    response.headers.update(_shared(request))
    return response


async def _card(request: Request, deal_id: str, body: bytes | None) -> Response:
    cases, lang = _cases(request), site.reader_language(request)
    caller = await _reader(request, deal_id)
    sight: Sight = await pools_of(request).aside.run(cases.serving.sight, caller)
    ask = partial(cases.deals.get_deal, sight=sight)
    insight = sight.cut(await pools_of(request).slow.run(ask, deal_id, None, None, lang), lang)
    told = None
    if body is not None:
        told = await _record(request, cases, insight, body, caller, sight)
    view = card_view(lang, insight, may(caller.rights, "record_outcome"), told)
    html = site.rendered("card.html.j2", lang=lang, w=partial(_words, lang), **view)
    return Response(html, media_type="text/html; charset=utf-8", headers={"Content-Language": lang})


async def _reader(request: Request, deal_id: str) -> Caller:
    """Whose card it is, where the token is of this deal and the person still here."""
    tokens = CardTokens(_cases(request).settings.home)
    card = await pools_of(request).aside.run(tokens.check, request.headers.get(HEADER, ""))
    person = (await directory(request)).everybody.get(card.person_id)
    if person is None or person.refused == LEFT or card.deal_id != deal_id:
        raise SanchoError(_NOT_THIS, EXPIRED)
    return caller_for(person)


async def _record(
    request: Request, cases: UseCases, insight: dict[str, Any], body: bytes, caller: Caller, sight: Sight
) -> str:
    try:
        said = orjson.loads(body)
        step, outcome = str(said["recommendation_id"]), str(said["outcome"])
    except (orjson.JSONDecodeError, TypeError, KeyError):
        raise SanchoError(_NOT_TOLD, "bad_json") from None
    known = {one["recommendation_id"] for one in insight["actions"]}
    if outcome not in _OUTCOMES or step not in known or not may(caller.rights, "record_outcome"):
        raise SanchoError(_NOT_TOLD, "not_allowed")
    record = partial(cases.recommendations.record_outcome, sight=sight)
    await pools_of(request).writes.run(record, step, outcome, None, site.reader_language(request))
    return outcome


def _shared(request: Request) -> dict[str, str]:
    """What lets a page of a site that is listed read the answer."""
    origin = request.headers.get("origin", "")
    headers = {"Vary": "Origin, Accept-Language", "Cache-Control": "no-store"}
    if origin in _cases(request).settings.card_origins:
        headers |= {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Headers": f"{HEADER}, Content-Type, Accept-Language",
            "Access-Control-Allow-Methods": "GET, POST",
            "Access-Control-Max-Age": "600",
            "Cross-Origin-Resource-Policy": "cross-origin",
        }
    return headers


def _words(lang: Any, name: str, **filled: object) -> str:
    return WORDS[name].format(**filled).to(lang)


def _cases(request: Request) -> UseCases:
    cases: UseCases = request.app.state.use_cases
    return cases
