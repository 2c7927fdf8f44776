"""Which endpoints are about KPIs, the drivers of a goal, and plans?"""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from service import questions, schemas
from service.api.audit_trail import note_scopes
from service.api.parameters import AsOf, Scope
from service.api.pools import pools_of
from service.api.responses import answered, documented_problems, send
from service.api.seen import sight_of
from service.api.use_cases import GoalsDep, StoredAnswersDep
from service.goals import scope_of
from service.problems import language_of

router = APIRouter(tags=["kpis"])


@router.get(
    "/kpis/{period}",
    response_model=schemas.KpiList,
    summary="KPI values and the probability of their targets",
)
async def get_kpis(
    request: Request,
    goals: GoalsDep,
    answers: StoredAnswersDep,
    period: Annotated[str, Path(examples=["2026-Q4", "2026-11", "2026-W47"], max_length=50)],
    scope: Scope = None,
    as_of: AsOf = None,
) -> Response:
    """Each KPI so far and by the period's end, the probability of its target, the pace needed for it."""
    sight = sight_of(request)
    asked = (period, sight.scope(scope), as_of, language_of(request))
    return await answered(request, answers, questions.kpis(goals, *asked, sight))


@router.post(
    "/kpis/check",
    response_model=schemas.KpiCheck,
    responses=documented_problems("bad_as_of", "unknown_scope", "bad_period"),
    summary="SMART check of a proposed KPI set",
)
async def check_kpis(request: Request, goals: GoalsDep, body: schemas.CheckRequest) -> Response:
    """Specific, measurable, achievable, relevant, time-bound; three to five controllable KPIs per person."""
    note_scopes(request, *(one.scope for one in body.proposals))
    sight = sight_of(request)
    check = partial(goals.check_kpis, sight=sight)
    answer = await pools_of(request).slow.run(check, body, language_of(request))
    return send(request, answer, named={scope_of(kpi, sight) for kpi in body.proposals})


@router.get(
    "/trees/{period}",
    response_model=schemas.Tree,
    summary="KGI -> KSF -> KPI with numbers",
)
async def get_tree(
    request: Request,
    goals: GoalsDep,
    answers: StoredAnswersDep,
    period: Annotated[str, Path(examples=["2026-Q4"], max_length=50)],
    scope: Scope = None,
    as_of: AsOf = None,
) -> Response:
    """The drivers of the goal, by what a feasible step of each adds to the probability of the target."""
    sight = sight_of(request)
    asked = (period, sight.scope(scope), as_of, language_of(request))
    return await answered(request, answers, questions.tree(goals, *asked, sight))


@router.post(
    "/plans",
    response_model=schemas.Plan,
    responses=documented_problems("bad_as_of", "bad_period", "unknown_scope", "no_target", "bad_request"),
    summary="What it takes to reach the target with a probability",
)
async def make_plan(
    request: Request,
    goals: GoalsDep,
    answers: StoredAnswersDep,
    body: schemas.PlanRequest,
) -> Response:
    """The smallest change of levers, up to the top quartile of peers, and each person's numbers."""
    sight = sight_of(request)
    scope = sight.scope(body.scope if "scope" in body.model_fields_set else None)
    note_scopes(request, scope)
    asked = body.model_copy(update={"scope": scope})
    return await answered(request, answers, questions.plan(goals, asked, language_of(request), sight))
