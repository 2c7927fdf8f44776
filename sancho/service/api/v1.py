"""Which endpoints are there? Each understands, asks, answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from sancho.service import schemas
from sancho.service.answers import Answers
from sancho.service.api.access import known_caller
from sancho.service.problems import MEDIA_TYPE, Problem, language_of
from sancho.service.request_rows import request_rows

router = APIRouter(prefix="/v1", dependencies=[Depends(known_caller)])

AsOf = Annotated[
    str | None,
    Query(
        description="Moment of prediction, default now; a date means the end of that day",
        examples=["2026-11-20"],
    ),
]
PeriodName = Annotated[
    str | None, Query(description="Default the current quarter", examples=["2026-Q4", "FY2026-H2", "2026-11"])
]
Scope = Annotated[str, Query(description="company, team:ID or person:ID", examples=["company"])]
_UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"model": Problem, "content": {MEDIA_TYPE: {}}}}
_BAD_JSON: dict[int | str, dict[str, Any]] = {400: {"model": Problem, "content": {MEDIA_TYPE: {}}}}


def _answers(request: Request) -> Answers:
    answers: Answers = request.app.state.answers
    return answers


def say(request: Request, answer: Mapping[str, Any]) -> Response:
    """An answer as JSON, in the reader's language."""
    return Response(
        orjson.dumps(answer),
        media_type="application/json",
        headers={"Content-Language": language_of(request)},
    )


@router.post(
    "/deals/score",
    response_model=schemas.Insight,
    responses=_BAD_JSON,
    tags=["deals"],
    summary="Insight for one deal sent in the request",
)
async def score_deal(request: Request, body: schemas.ScoreRequest) -> Response:
    """How likely it is to be won, what it will bring, why, what it does to the goal. Nothing is stored."""
    answers, lang = _answers(request), language_of(request)
    if answers.is_quick(body.as_of, body.period):
        return say(request, answers.insight_of_sent(body, lang))
    return say(request, await run_in_threadpool(answers.insight_of_sent, body, lang))


@router.get(
    "/deals", response_model=schemas.DealList, responses=_UNKNOWN, tags=["deals"], summary="Scored open deals"
)
def list_deals(
    request: Request,
    scope: Scope = "company",
    as_of: AsOf = None,
    period: PeriodName = None,
    sort: Annotated[
        str,
        Query(
            description="A column of the rows; - before it sorts downwards", examples=["-expected_revenue"]
        ),
    ] = "-expected_revenue",
    cursor: Annotated[str | None, Query(description="next_cursor of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """Scores of the open deals of a scope, a page at a time."""
    lang = language_of(request)
    return say(request, _answers(request).deals(scope, as_of, period, sort, cursor, limit, lang))


@router.get(
    "/deals/{deal_id}",
    response_model=schemas.Insight,
    responses=_UNKNOWN,
    tags=["deals"],
    summary="Insight for a stored deal",
)
async def get_deal(
    request: Request,
    deal_id: Annotated[str, Path(min_length=1, max_length=500)],
    as_of: AsOf = None,
    period: PeriodName = None,
) -> Response:
    """The same as scoring it, for a deal the store holds, as of any moment it was open."""
    answers, lang = _answers(request), language_of(request)
    if answers.is_quick(as_of, period):
        return say(request, answers.insight_of_stored(deal_id, as_of, period, lang))
    return say(request, await run_in_threadpool(answers.insight_of_stored, deal_id, as_of, period, lang))


@router.get(
    "/forecasts/{period}",
    response_model=schemas.Forecast,
    responses=_UNKNOWN,
    tags=["forecasts"],
    summary="Attainment of a period's target",
)
def get_forecast(
    request: Request,
    period: Annotated[str, Path(examples=["2026-Q4", "FY2026-Q3"], max_length=50)],
    scope: Scope = "company",
    as_of: AsOf = None,
) -> Response:
    """Probability of reaching the target, revenue, what it is made of, and what each open deal does to it."""
    return say(request, _answers(request).forecast(period, scope, as_of, language_of(request)))


@router.post(
    "/forecasts/{period}/what-if",
    response_model=schemas.WhatIf,
    responses=_UNKNOWN | _BAD_JSON,
    tags=["forecasts"],
    summary="The same under changed deals, people or targets",
)
def post_what_if(
    request: Request,
    period: Annotated[str, Path(examples=["2026-Q4", "FY2026-Q3"], max_length=50)],
    body: schemas.WhatIfRequest,
) -> Response:
    """Attainment before and after deals are won, lost, pushed or repriced, people leave, targets change."""
    return say(request, _answers(request).what_if(period, body, language_of(request)))


@router.get(
    "/kpis/{period}",
    response_model=schemas.KpiList,
    responses=_UNKNOWN,
    tags=["kpis"],
    summary="KPI values and attainment",
)
def get_kpis(
    request: Request,
    period: Annotated[str, Path(examples=["2026-Q4", "2026-11", "2026-W47"], max_length=50)],
    scope: Scope = "company",
    as_of: AsOf = None,
) -> Response:
    """Each KPI so far and by the period's end, how likely its target is, what each working day must bring."""
    return say(request, _answers(request).kpis(period, scope, as_of, language_of(request)))


@router.post(
    "/kpis/check",
    response_model=schemas.KpiCheck,
    responses=_BAD_JSON,
    tags=["kpis"],
    summary="SMART check of a proposed KPI set",
)
def check_kpis(request: Request, body: schemas.CheckRequest) -> Response:
    """Specific, measurable, achievable, relevant, time-bound; per person three to five in their own hands."""
    return say(request, _answers(request).check_kpis(body, language_of(request)))


@router.get(
    "/trees/{period}",
    response_model=schemas.Tree,
    responses=_UNKNOWN,
    tags=["kpis"],
    summary="KGI -> KSF -> KPI with numbers",
)
def get_tree(
    request: Request,
    period: Annotated[str, Path(examples=["2026-Q4"], max_length=50)],
    scope: Scope = "company",
    as_of: AsOf = None,
) -> Response:
    """Which drivers the goal depends on here, by what a feasible step of each adds to attainment."""
    return say(request, _answers(request).tree(period, scope, as_of, language_of(request)))


@router.get(
    "/people/{period}",
    response_model=schemas.PeopleList,
    responses=_UNKNOWN,
    tags=["people"],
    summary="Fair comparison of people",
)
def get_people(
    request: Request,
    period: Annotated[str, Path(examples=["2026-Q4", "FY2026"], max_length=50)],
    scope: Scope = "company",
    as_of: AsOf = None,
) -> Response:
    """Results beside what these deals would have brought an average seller, and whom to help with what."""
    return say(request, _answers(request).people(period, scope, as_of, language_of(request)))


@router.get(
    "/bottlenecks",
    response_model=schemas.BottleneckList,
    responses=_UNKNOWN,
    tags=["bottlenecks"],
    summary="Process bottlenecks and what they cost",
)
def get_bottlenecks(
    request: Request, scope: Scope = "company", period: PeriodName = None, as_of: AsOf = None
) -> Response:
    """Where deals stall in which segment, how sure that is, and what the open deals in it cost the goal."""
    return say(request, _answers(request).bottlenecks(scope, period, as_of, language_of(request)))


@router.get(
    "/actions",
    response_model=schemas.ActionList,
    responses=_UNKNOWN,
    tags=["actions"],
    summary="Ranked next actions",
)
def get_actions(
    request: Request,
    scope: Scope = "company",
    deal_id: Annotated[str | None, Query(description="Only this deal, with what is not recommended")] = None,
    period: PeriodName = None,
    as_of: AsOf = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 20,
) -> Response:
    """The best next action of each open deal, by points of the goal's probability per hour of effort."""
    lang = language_of(request)
    return say(request, _answers(request).actions(scope, deal_id, period, as_of, limit, lang))


@router.post(
    "/recommendations/{recommendation_id}/outcome",
    response_model=schemas.RecordedOutcome,
    responses=_UNKNOWN | _BAD_JSON,
    tags=["actions"],
    summary="What became of a recommendation",
)
def post_outcome(
    request: Request,
    recommendation_id: Annotated[str, Path(min_length=1, max_length=100)],
    body: schemas.OutcomeRequest,
) -> Response:
    """Shown, accepted, dismissed (and why) or done. Said twice changes nothing."""
    return say(
        request, _answers(request).outcome(recommendation_id, body.state, body.reason, language_of(request))
    )


@router.get(
    "/recommendations/report",
    response_model=schemas.RecommendationReport,
    tags=["actions"],
    summary="Whether recommendations help",
)
def get_lift(request: Request) -> Response:
    """What became of them by action, the lift against deals held out, the value of the rule itself."""
    return say(request, _answers(request).lift(language_of(request)))


@router.post(
    "/plans",
    response_model=schemas.Plan,
    responses=_UNKNOWN | _BAD_JSON,
    tags=["kpis"],
    summary="What it takes to attain with a probability",
)
def post_plan(request: Request, body: schemas.PlanRequest) -> Response:
    """The smallest change of levers, within what peers show to be feasible, and each person's numbers."""
    return say(request, _answers(request).plan(body, language_of(request)))


@router.get("/models", response_model=schemas.ModelList, tags=["models"], summary="The registry")
def list_models(request: Request) -> Response:
    """Registered model versions, newest first, and which of them answers."""
    return say(request, _answers(request).models(language_of(request)))


@router.post(
    "/models/{version}/promote",
    response_model=schemas.ModelList,
    responses=_UNKNOWN,
    tags=["models"],
    summary="Make a version the one that answers",
)
def promote_model(
    request: Request, version: Annotated[str, Path(pattern=r"^[0-9]{1,9}$", examples=["3"])]
) -> Response:
    """It proves itself first: kept deals must score as they did in training. Twice changes nothing."""
    return say(request, _answers(request).promote(version, language_of(request)))


@router.post(
    "/models/rollback",
    response_model=schemas.ModelList,
    responses={409: {"model": Problem, "content": {MEDIA_TYPE: {}}}},
    tags=["models"],
    summary="Go back to the version before",
)
def roll_back(
    request: Request,
    from_version: Annotated[
        str | None,
        Query(
            pattern=r"^[0-9]{1,9}$",
            description="The version to go back from: nothing happens where it does not answer any more, so "
            "that a request can be sent again without going back twice",
        ),
    ] = None,
) -> Response:
    """Back to the champion before this one, once that has proven itself."""
    return say(request, _answers(request).rollback(from_version, language_of(request)))


@router.put(
    "/tables/{table}",
    response_model=schemas.TableResult,
    responses=_UNKNOWN | _BAD_JSON | {415: {"model": Problem, "content": {MEDIA_TYPE: {}}}},
    tags=["data"],
    summary="Upsert rows of a canonical table",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/x-ndjson": {
                    "schema": {"type": "string"},
                    "example": '{"deal_id": "D-1", "created_at": "2026-11-20", "stage": "アポイント"}\n',
                },
                "text/csv": {
                    "schema": {"type": "string"},
                    "example": "deal_id,created_at,stage\nD-1,2026-11-20,アポイント\n",
                },
            },
        }
    },
)
async def put_rows(
    request: Request, table: Annotated[str, Path(examples=["deals"], max_length=50)]
) -> Response:
    """Adds rows or replaces those of the same key; twice changes nothing. Bad rows are quarantined."""
    content_type = request.headers.get("content-type", "")
    rows = await run_in_threadpool(request_rows, table, await request.body(), content_type)
    return say(request, await run_in_threadpool(_answers(request).push, table, rows, language_of(request)))
