"""Which endpoints are about the target of a period?"""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from service import questions, schemas
from service.api.parameters import AsOf, Scope
from service.api.pools import pools_of
from service.api.responses import answered, documented_problems, send
from service.api.seen import sight_of
from service.api.use_cases import ForecastsDep, StoredAnswersDep
from service.problems import language_of
from service.what_if import scopes_of_new

router = APIRouter(prefix="/forecasts", tags=["forecasts"])
Period = Annotated[str, Path(examples=["2026-Q4", "FY2026-Q3"], max_length=50)]


@router.get(
    "/{period}",
    response_model=schemas.Forecast,
    responses=documented_problems(404),
    summary="Probability of reaching a period's target",
)
async def get_forecast(
    request: Request,
    forecasts: ForecastsDep,
    answers: StoredAnswersDep,
    period: Period,
    scope: Scope = None,
    as_of: AsOf = None,
) -> Response:
    """Probability of reaching the target, revenue, its components, and the effect of each open deal."""
    sight = sight_of(request)
    question = questions.forecast(forecasts, period, sight.scope(scope), as_of, language_of(request), sight)
    return await answered(request, answers, question)


@router.post(
    "/{period}/what-if",
    response_model=schemas.WhatIf,
    responses=documented_problems(404, 400),
    summary="The same under changed deals, people or targets",
)
async def ask_what_if(
    request: Request, forecasts: ForecastsDep, period: Period, body: schemas.WhatIfRequest
) -> Response:
    """Before and after: deals won, lost, pushed back or repriced, people leave or join, new targets."""
    sight = sight_of(request)
    lang = language_of(request)
    scope = sight.scope(body.scope if "scope" in body.model_fields_set else None)
    asked = (period, body.model_copy(update={"scope": scope}), lang)
    answer = await pools_of(request).slow.run(partial(forecasts.what_if, sight=sight), *asked)
    return send(request, answer, scopes_of_new(body, lang))
