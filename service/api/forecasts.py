"""Which endpoints are about the target of a period?"""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from service import questions, schemas
from service.api.audit_trail import note_scopes
from service.api.parameters import AsOf, Scope
from service.api.pools import pools_of
from service.api.responses import answered, documented_problems, send
from service.api.seen import sight_of
from service.api.use_cases import ForecastsDep, StoredAnswersDep
from service.forecasts import HEADLINE, PARTS
from service.problems import language_of
from service.what_if import scopes_of_new

router = APIRouter(prefix="/forecasts", tags=["forecasts"])
_PART = "|".join((HEADLINE, *PARTS))
_UNKNOWN = ("unknown_scope", "unknown_deal", "unknown_person", "unknown_team")  # what an assumption is about
Period = Annotated[str, Path(examples=["2026-Q4", "FY2026-Q3"], max_length=50)]


@router.get(
    "/{period}",
    response_model=schemas.Forecast,
    summary="Probability of reaching a period's target",
)
async def get_forecast(
    request: Request,
    forecasts: ForecastsDep,
    answers: StoredAnswersDep,
    period: Period,
    scope: Scope = None,
    as_of: AsOf = None,
    parts: Annotated[
        str | None,
        Query(
            pattern=f"^({_PART})(,({_PART}))*$",
            max_length=200,
            description="Only these parts, separated by commas: `headline` (the target, its probability, "
            f"revenue; always there), {', '.join(f'`{part}`' for part in PARTS)}. What is left out is not "
            "computed, so a headline need not wait for drivers. Default: all",
            examples=["headline,drivers"],
        ),
    ] = None,
) -> Response:
    """Probability of reaching the target, revenue, its components, and the effect of each open deal."""
    sight = sight_of(request)
    wanted = None if parts is None else tuple(part for part in PARTS if part in parts.split(","))
    asked = (period, sight.scope(scope), as_of, language_of(request), sight)
    question = questions.forecast(forecasts, *asked, parts=wanted)
    return await answered(request, answers, question)


@router.post(
    "/{period}/what-if",
    response_model=schemas.WhatIf,
    responses=documented_problems("bad_as_of", "bad_request", "bad_currency", "missing_rate", *_UNKNOWN),
    summary="The same under changed deals, people or targets",
)
async def ask_what_if(
    request: Request, forecasts: ForecastsDep, period: Period, body: schemas.WhatIfRequest
) -> Response:
    """Before and after: deals won, lost, pushed back or repriced, people leave or join, new targets."""
    sight = sight_of(request)
    lang = language_of(request)
    scope = sight.scope(body.scope if "scope" in body.model_fields_set else None)
    note_scopes(request, scope)
    asked = (period, body.model_copy(update={"scope": scope}), lang)
    answer = await pools_of(request).slow.run(partial(forecasts.what_if, sight=sight), *asked)
    return send(request, answer, named=scopes_of_new(body, lang))
