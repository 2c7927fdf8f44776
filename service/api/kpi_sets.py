"""Which endpoints are about choosing KPIs: candidates, proposals, accepted sets and their review?"""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from service import schemas
from service.api.access import caller_of
from service.api.audit_trail import note_scopes
from service.api.parameters import AsOf, Scope
from service.api.pools import pools_of
from service.api.responses import documented_problems, send
from service.api.seen import sight_of
from service.api.use_cases import KpiSetsDep
from service.problems import language_of

router = APIRouter(tags=["kpis"])
PeriodPath = Annotated[str, Path(examples=["2026-Q4", "2026-11"], max_length=50)]
ScopePath = Annotated[str, Path(examples=["person:P-1"], max_length=500)]
_OF_SET = ("bad_period", "unknown_scope")


@router.get(
    "/kpis/{period}/candidates",
    response_model=schemas.CandidateList,
    summary="Every KPI that a person or team could be given, ranked",
)
async def list_kpi_candidates(
    request: Request, kpi_sets: KpiSetsDep, period: PeriodPath, scope: Scope = None, as_of: AsOf = None
) -> Response:
    """What a feasible step of each brings, how soon, how completely it is recorded, and who could pad it."""
    sight = sight_of(request)
    ask = partial(kpi_sets.candidates, sight=sight)
    asked = (period, sight.scope(scope), as_of, language_of(request))
    return send(request, await pools_of(request).slow.run(ask, *asked))


@router.post(
    "/kpis/propose",
    response_model=schemas.Proposal,
    responses=documented_problems("bad_as_of", *_OF_SET),
    summary="Three to five KPIs for each person",
)
async def propose_kpi_sets(request: Request, kpi_sets: KpiSetsDep, body: schemas.ProposeRequest) -> Response:
    """Each KPI as one sentence with its chance; what somebody has stays unless another is much better."""
    sight = sight_of(request)
    scope = sight.scope(body.scope)
    note_scopes(request, scope)
    ask = partial(kpi_sets.propose, sight=sight)
    asked = body.model_copy(update={"scope": scope})
    return send(request, await pools_of(request).slow.run(ask, asked, language_of(request)))


@router.get(
    "/kpis/{period}/review",
    response_model=schemas.KpiReview,
    summary="What became of the accepted KPIs of a period",
)
async def review_kpi_sets(
    request: Request, kpi_sets: KpiSetsDep, period: PeriodPath, scope: Scope = None, as_of: AsOf = None
) -> Response:
    """Which were reached, what they brought, which lost their relation to the goal; what to do about each."""
    sight = sight_of(request)
    ask = partial(kpi_sets.review, sight=sight)
    asked = (period, sight.scope(scope), as_of, language_of(request))
    return send(request, await pools_of(request).slow.run(ask, *asked))


@router.get(
    "/kpi-sets/{scope}/{period}",
    response_model=schemas.KpiSet,
    responses=documented_problems(*_OF_SET),
    summary="The accepted KPIs of a person or team",
)
async def get_kpi_set(
    request: Request, kpi_sets: KpiSetsDep, scope: ScopePath, period: PeriodPath
) -> Response:
    """The set that holds, with what the SMART check says of it, and all versions with who accepted them."""
    sight = sight_of(request)
    seen = sight.scope(scope)
    note_scopes(request, seen)
    ask = partial(kpi_sets.show, sight=sight)
    return send(request, await pools_of(request).slow.run(ask, seen, period, language_of(request)))


@router.put(
    "/kpi-sets/{scope}/{period}",
    response_model=schemas.KpiSet,
    responses=documented_problems(*_OF_SET, "unknown_kpi", "bad_request"),
    summary="Accept KPIs for a person or team",
)
async def accept_kpi_set(
    request: Request,
    kpi_sets: KpiSetsDep,
    scope: ScopePath,
    period: PeriodPath,
    body: schemas.AcceptRequest,
) -> Response:
    """Stores them as the next version, and their values as targets; earlier versions stay."""
    sight = sight_of(request)
    accept = partial(kpi_sets.accept, sight=sight)
    asked = (sight.scope(scope), period, body, caller_of(request), language_of(request))
    return send(request, await pools_of(request).writes.run(accept, *asked))
