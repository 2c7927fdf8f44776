"""Which endpoints are about weekly reviews, one-on-ones, agreements, and calls of the revenue?"""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from service import schemas
from service.api.access import CallerDep
from service.api.audit_trail import note_scopes
from service.api.parameters import IdempotencyKey, Scope
from service.api.pools import pools_of
from service.api.responses import documented_problems, send
from service.api.seen import sight_of
from service.api.use_cases import AgreementsDep, CallsDep, MeetingsDep
from service.idempotency import REUSED
from service.meetings.common import SAVED_ELSEWHERE
from service.problems import language_of

router = APIRouter(tags=["meetings"])
_CREATED = 201
_Week = Annotated[str, Path(examples=["2026-W48", "this-week"], max_length=20)]
_PeriodPath = Annotated[str, Path(examples=["2026-Q4", "2026-11"], max_length=50)]
_Person = Annotated[str, Path(examples=["P-1"], max_length=200)]
_DayQuery = Annotated[
    str | None, Query(description="Of the meeting. Default: today", examples=["2026-11-30"], max_length=20)
]


@router.get(
    "/reviews/{week}",
    response_model=schemas.Review,
    responses=documented_problems("bad_period", "unknown_scope"),
    summary="A week's review",
)
async def get_review(request: Request, meetings: MeetingsDep, week: _Week, scope: Scope = None) -> Response:
    """What changed, what was agreed before and now, and notes; a past week as its meeting saw it."""
    sight, lang = sight_of(request), language_of(request)
    asked = (week, sight.scope(scope), lang)
    return send(request, await pools_of(request).slow.run(partial(meetings.review, sight=sight), *asked))


@router.put(
    "/reviews/{week}",
    response_model=schemas.Review,
    responses=documented_problems("bad_period", "unknown_scope", SAVED_ELSEWHERE),
    summary="Save the notes of a week's review",
)
async def save_review(
    request: Request,
    meetings: MeetingsDep,
    caller: CallerDep,
    week: _Week,
    body: schemas.NotesRequest,
    scope: Scope = None,
) -> Response:
    """In the place of the version that was read; refused where another has been saved since."""
    sight, lang = sight_of(request), language_of(request)
    save = partial(meetings.save_review, sight=sight)
    asked = (week, sight.scope(scope), body, caller, lang)
    return send(request, await pools_of(request).writes.run(save, *asked))


@router.get(
    "/people/{person}/one-on-one",
    response_model=schemas.OneOnOne,
    responses=documented_problems("bad_as_of", "unknown_scope"),
    summary="A person's one-on-one",
)
async def get_one_on_one(
    request: Request, meetings: MeetingsDep, person: _Person, day: _DayQuery = None
) -> Response:
    """The facts of the week, what was agreed before and now, and notes; the person sees them, too."""
    sight, lang = sight_of(request), language_of(request)
    note_scopes(request, sight.scope(f"person:{person}"))
    asked = (person, day, lang)
    return send(request, await pools_of(request).slow.run(partial(meetings.one_on_one, sight=sight), *asked))


@router.put(
    "/people/{person}/one-on-one",
    response_model=schemas.OneOnOne,
    responses=documented_problems("bad_as_of", "unknown_scope", SAVED_ELSEWHERE),
    summary="Save the notes of a one-on-one",
)
async def save_one_on_one(
    request: Request,
    meetings: MeetingsDep,
    caller: CallerDep,
    person: _Person,
    body: schemas.NotesRequest,
    day: _DayQuery = None,
) -> Response:
    """In the place of the version that was read; refused where another has been saved since."""
    sight, lang = sight_of(request), language_of(request)
    note_scopes(request, sight.scope(f"person:{person}"))
    save = partial(meetings.save_one_on_one, sight=sight)
    return send(request, await pools_of(request).writes.run(save, person, day, body, caller, lang))


@router.get(
    "/agreements",
    response_model=schemas.AgreementList,
    summary="Who agreed to do what until when",
)
async def list_agreements(
    request: Request,
    agreements: AgreementsDep,
    scope: Scope = None,
    result: Annotated[
        schemas.AgreementResult | None, Query(description="Only those with this result")
    ] = None,
) -> Response:
    """Of the people of a scope, the newest first; results are said, or found from activities."""
    sight, lang = sight_of(request), language_of(request)
    asked = (sight.scope(scope), result, lang)
    return send(request, await pools_of(request).slow.run(partial(agreements.listed, sight=sight), *asked))


@router.post(
    "/agreements",
    status_code=_CREATED,
    response_model=schemas.Agreement,
    responses=documented_problems(
        *("unknown_scope", "unknown_deal", "unknown_account", "unknown_activity", "bad_request"),
        *("bad_period", "unknown_recommendation", REUSED),
    ),
    summary="Agree on something",
)
async def add_agreement(
    request: Request,
    agreements: AgreementsDep,
    caller: CallerDep,
    body: schemas.AgreementRequest,
    key: IdempotencyKey = None,
) -> Response:
    """Who does what until when, in a week's review or a one-on-one; carried forward until it is settled."""
    sight, lang = sight_of(request), language_of(request)
    note_scopes(request, sight.scope(f"person:{body.person_id}"))
    add = partial(agreements.add, sight=sight, key=key)
    response = send(request, await pools_of(request).writes.run(add, body, caller, lang))
    response.status_code = _CREATED
    return response


@router.put(
    "/agreements/{agreement_id}",
    response_model=schemas.Agreement,
    responses=documented_problems("unknown_agreement", SAVED_ELSEWHERE),
    summary="Say what came of an agreement",
)
async def change_agreement(
    request: Request,
    agreements: AgreementsDep,
    caller: CallerDep,
    agreement_id: Annotated[str, Path(min_length=1, max_length=64)],
    body: schemas.AgreementChange,
) -> Response:
    """Done, not done, open again, or other words; sent twice, it changes nothing."""
    sight, lang = sight_of(request), language_of(request)
    change = partial(agreements.change, sight=sight)
    return send(request, await pools_of(request).writes.run(change, agreement_id, body, caller, lang))


@router.get(
    "/calls/{period}",
    response_model=schemas.RevenueCallList,
    responses=documented_problems("bad_period", "unknown_scope"),
    summary="The revenue that people called",
)
async def get_calls(request: Request, calls: CallsDep, period: _PeriodPath, scope: Scope = None) -> Response:
    """Each call with what was forecast when it was made; both are marked when the period is over."""
    sight, lang = sight_of(request), language_of(request)
    asked = (period, sight.scope(scope), lang)
    return send(request, await pools_of(request).slow.run(partial(calls.calls, sight=sight), *asked))


@router.put(
    "/calls/{period}",
    response_model=schemas.RevenueCallList,
    responses=documented_problems("bad_period", "unknown_scope", REUSED),
    summary="Call a revenue",
)
async def make_call(
    request: Request,
    calls: CallsDep,
    caller: CallerDep,
    period: _PeriodPath,
    body: schemas.CallRequest,
    scope: Scope = None,
    key: IdempotencyKey = None,
) -> Response:
    """Kept beside what is forecast now; earlier calls stay. Saying the same again adds nothing."""
    sight, lang = sight_of(request), language_of(request)
    make = partial(calls.make, sight=sight, key=key)
    asked = (period, sight.scope(scope), body, caller, lang)
    return send(request, await pools_of(request).writes.run(make, *asked))
