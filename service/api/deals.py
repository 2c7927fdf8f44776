"""Which endpoints are about deals?"""

from __future__ import annotations

from email.message import Message
from functools import partial
from typing import Annotated

import orjson
from fastapi import APIRouter, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from crm.errors import SanchoError
from crm.i18n import Text
from service import questions, schemas
from service.api.by_line import MAX_LINE, MEDIA_TYPE, AnswersByLine, Line
from service.api.parameters import AsOf, Cursor, Limit, PeriodName, Scope
from service.api.pools import pools_of
from service.api.responses import answered, documented_problems, send
from service.api.seen import seen, sight_of
from service.api.use_cases import DealInsightsDep, StoredAnswersDep, TimelinesDep
from service.deal_search import DealSearch
from service.problems import language_of, problem_of

router = APIRouter(prefix="/deals", tags=["deals"])
_LINE_TYPES = (MEDIA_TYPE, "application/jsonl", "application/json")
_OF_SENT = ("deal_closed", "created_after_as_of", "bad_currency")  # what can be wrong with a sent deal
_AT_ONCE = 500  # rows of a deal up to which it is answered without a thread, which takes longer than it does
_LONG_LINE = Text("1行は{n}MBまでです。", "a line can have up to {n} MB.").format(n=MAX_LINE >> 20)


def refuse_other_types(content_type: str) -> None:
    """Raises for a body that is declared as anything but JSON by line in UTF-8."""
    header = Message()
    header["Content-Type"] = content_type
    charset = header.get_content_charset("utf-8")
    if content_type and header.get_content_type() in _LINE_TYPES and charset in ("utf-8", "us-ascii"):
        return
    raise SanchoError(
        Text(
            "Content-Type は application/x-ndjson（UTF-8）にしてください。",
            "send application/x-ndjson in UTF-8 as Content-Type.",
        ),
        "unsupported_media_type",
    )


@router.post(
    "/score",
    response_model=schemas.Insight,
    responses=documented_problems("bad_as_of", "bad_period", *_OF_SENT),
    summary="Insight for one deal sent in the request",
)
async def score_deal(request: Request, deals: DealInsightsDep, body: schemas.ScoreRequest) -> Response:
    """Win probability, expected revenue, reasons, effect on the goal, next actions.

    Nothing of it is stored; while there is a shadow model, both models' probabilities of the deal are.
    """
    sight = sight_of(request)
    lang = language_of(request)
    if len(body.events) + len(body.activities) <= _AT_ONCE and deals.is_quick_sent(body):
        return send(request, deals.score_deal(body, lang, sight=sight))
    score = partial(deals.score_deal, sight=sight)
    return send(request, await run_in_threadpool(score, body, lang))


@router.post(
    "/score-batch",
    response_class=AnswersByLine,
    responses={
        200: {
            "description": "A line for each line sent, in order: its Insight, or a Problem with its `line`",
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Insight"}}},
        },
        **documented_problems("unsupported_media_type"),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ScoreRequest"}}},
        }
    },
    summary="Insights for many deals sent in the request, NDJSON in and out, streamed",
)
async def score_deals(request: Request, deals: DealInsightsDep) -> Response:
    """Each line is a request of `POST /deals/score`, and is answered as if it were sent alone.

    Answers come while lines are still being sent. A line that cannot be answered has problem details with its
    number as `line`; the others are answered all the same. Nothing is stored.
    """
    sight = sight_of(request)
    refuse_other_types(request.headers.get("content-type", ""))
    deals.check_ready()
    lang, path = language_of(request), request.scope["path"]

    def answer(number: int, line: Line) -> bytes:
        try:
            if line is None:
                raise SanchoError(_LONG_LINE, "too_large")
            if isinstance(line, Exception):
                raise line
            sent = schemas.ScoreRequest.model_validate_json(line)
            return orjson.dumps(seen(request, deals.score_deal(sent, lang, sight=sight)))
        except Exception as error:  # one line's fault is none of the others'
            return orjson.dumps({**problem_of(error, lang, path), "line": number})

    turn = pools_of(request).batches.slot()
    return AnswersByLine(answer, {"Content-Language": lang}, turn=turn)


@router.get(
    "",
    response_model=schemas.DealList,
    responses=documented_problems("unknown_bottleneck"),
    summary="Scored open deals",
)
async def list_deals(
    request: Request,
    deals: DealInsightsDep,
    answers: StoredAnswersDep,
    scope: Scope = None,
    as_of: AsOf = None,
    period: PeriodName = None,
    sort: Annotated[
        str,
        Query(
            description="A column of the rows with one value each; with - before it, descending",
            examples=["-expected_revenue", "-swing_pp", "planned_close_date"],
        ),
    ] = "-expected_revenue",
    flag: Annotated[
        schemas.DealFilter | None,
        Query(description="Only deals for which it is raised; `attention`: those that need it"),
    ] = None,
    bottleneck: Annotated[
        str | None, Query(max_length=200, description="Only deals in this one, by its `id`")
    ] = None,
    deal_id: Annotated[str | None, Query(max_length=500, description="Only this deal")] = None,
    q: Annotated[
        str | None,
        Query(max_length=200, description="Only deals with these words in their name, account or id"),
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """The open deals of a scope, or those looked for: scores, what is known of each, what to do next."""
    sight = sight_of(request)
    lang = language_of(request)
    search = DealSearch(flag=flag, bottleneck=bottleneck, deal_id=deal_id, text=q)
    about = (sight.scope(scope), as_of, period, sort, cursor, limit, lang, sight)
    question = questions.deals(deals, *about, search=search)
    # As of the past, what is kept of a reader's sight would keep the deals of all in memory: it is made anew.
    is_stored = as_of is None or not sight.is_limited
    return await answered(request, answers if is_stored else None, question)


# Ids may hold a slash (2026/001), so what is under a deal comes before the deal itself.


@router.get(
    "/{deal_id:path}/timeline",
    response_model=schemas.Timeline,
    summary="What happened to a deal, and what was said of it",
)
async def get_deal_timeline(
    request: Request,
    timelines: TimelinesDep,
    deal_id: Annotated[str, Path(min_length=1, max_length=500)],
    as_of: AsOf = None,
    limit: Annotated[int, Query(ge=1, le=2000, description="Newest entries to show")] = 200,
    cursor: Cursor = None,
) -> Response:
    """Creation, changes, activities and closing of any deal, and the scores of each stored day."""
    sight, lang = sight_of(request), language_of(request)
    page = partial(timelines.timeline, deal_id, as_of, limit, lang, sight=sight, cursor=cursor)
    return send(request, await pools_of(request).aside.run(page))


@router.get(
    "/{deal_id:path}",
    response_model=schemas.Insight,
    summary="Insight for a stored deal",
)
async def get_deal(
    request: Request,
    deals: DealInsightsDep,
    deal_id: Annotated[str, Path(min_length=1, max_length=500)],
    as_of: AsOf = None,
    period: PeriodName = None,
) -> Response:
    """The insight of a stored deal, as of any moment at which it was open."""
    sight = sight_of(request)
    lang = language_of(request)
    get = partial(deals.get_deal, sight=sight)
    return send(request, await run_in_threadpool(get, deal_id, as_of, period, lang))
