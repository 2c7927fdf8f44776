"""Which endpoints are about setting targets: what can a goal be, how is it shared out?"""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from crm.errors import SanchoError
from crm.i18n import Text
from service import schemas
from service.access_rules import ADMIN, WRITE
from service.api.access import caller_of
from service.api.audit_trail import note_scopes
from service.api.parameters import AsOf, Scope
from service.api.pools import pools_of
from service.api.responses import documented_problems, send
from service.api.seen import sight_of
from service.api.use_cases import TargetsDep
from service.problems import language_of
from service.target_evenness import MOST_QUARTERS

router = APIRouter(tags=["targets"])
_MAY_NOT_WRITE = Text(
    "目標を登録する権限「write」がありません。write を付けずに配分案だけを求めるか、"
    "権限のあるキーを使ってください。",
    "storing targets needs the right 'write': ask without `write` for a proposal, or use a key that has it.",
)
Period = Annotated[str, Path(examples=["2027-Q1", "next-quarter"], max_length=50)]


@router.get(
    "/goals/{period}/levels",
    response_model=schemas.GoalLevels,
    responses=documented_problems(
        "bad_as_of", "bad_period", "unknown_scope", "bad_kpi", "bad_condition", "no_last_year"
    ),
    summary="What is likely, safe, bold for a goal",
)
async def get_goal_levels(
    request: Request,
    targets: TargetsDep,
    period: Period,
    scope: Scope = None,
    as_of: AsOf = None,
    kpi: Annotated[
        str,
        Query(
            max_length=100,
            description="A KPI that is an amount of won deals, your own ones included",
            examples=["revenue", "new_revenue"],
        ),
    ] = "revenue",
    where: Annotated[
        list[str] | None,
        Query(
            description="A condition on deals, column=value; columns of their accounts as accounts.region. "
            "Several of one column: any of them; of different columns: all of them",
            examples=[["product=保守"]],
            max_length=20,
        ),
    ] = None,
    value: Annotated[
        float | None, Query(ge=0, allow_inf_nan=False, description="A goal: how likely is it?")
    ] = None,
    growth: Annotated[
        float | None,
        Query(gt=-1, le=100, description="The same as growth on the same period a year before (0.1 = 10 %)"),
    ] = None,
) -> Response:
    """Amounts that are reached with 90, 80, 50, 30 %, last year's, and stored targets that do not add up."""
    sight = sight_of(request)
    ask = partial(targets.levels, kpi=kpi, where=where or [], asked=(value, growth), sight=sight)
    answer = await pools_of(request).slow.run(ask, period, sight.scope(scope), as_of, language_of(request))
    return send(request, answer)


@router.post(
    "/targets/share",
    response_model=schemas.SharedTargets,
    responses=documented_problems(
        *("bad_as_of", "bad_period", "unknown_scope", "bad_request", "no_target", "no_last_year"),
        *("bad_bounds", "bounds_do_not_fit", "nobody_to_share", "not_stored", "not_allowed"),
    ),
    summary="Share a target out to teams and people",
)
async def share_targets(request: Request, targets: TargetsDep, body: schemas.ShareRequest) -> Response:
    """Everybody gets the same chance of reaching the own target; beside it what the usual ways give.

    Nothing is stored without `write`.
    """
    sight, caller = sight_of(request), caller_of(request)
    if body.write and not {WRITE, ADMIN} & set(caller.rights):
        raise SanchoError(_MAY_NOT_WRITE, "not_allowed")
    scope = sight.scope(body.scope if "scope" in body.model_fields_set else None)
    note_scopes(request, scope)
    for one in body.bounds:
        sight.scope(one.scope)
    share = partial(targets.share, sight=sight, set_by=caller.person_id)
    pools = pools_of(request)
    pool = pools.writes if body.write else pools.slow
    return send(request, await pool.run(share, body, scope, language_of(request)))


@router.get(
    "/targets/evenness",
    response_model=schemas.TargetEvenness,
    responses=documented_problems("bad_as_of", "unknown_scope"),
    summary="How uneven chances were under past targets",
)
async def get_target_evenness(
    request: Request,
    targets: TargetsDep,
    scope: Scope = None,
    as_of: AsOf = None,
    quarters: Annotated[
        int, Query(ge=1, le=MOST_QUARTERS, description="How many, with the one that lasts")
    ] = 4,
) -> Response:
    """The chance of each person's target on the first day of past quarters, and who reached it."""
    sight = sight_of(request)
    ask = partial(targets.evenness, sight=sight)
    answer = await pools_of(request).slow.run(ask, sight.scope(scope), quarters, as_of, language_of(request))
    return send(request, answer)
