"""Which endpoint tells whose KPI rises while what should follow does not?"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from service import questions, schemas
from service.api.parameters import AsOf, Scope
from service.api.responses import answered
from service.api.seen import sight_of
from service.api.use_cases import PaddingDep, StoredAnswersDep
from service.problems import language_of

router = APIRouter(tags=["kpis"])


@router.get(
    "/kpis/{period}/padding",
    response_model=schemas.PaddingAnswer,
    summary="KPIs that rise while what should follow does not",
)
async def get_padding(
    request: Request,
    padding: PaddingDep,
    answers: StoredAnswersDep,
    period: Annotated[str, Path(examples=["2026-Q4", "2026-11"], max_length=50)],
    scope: Scope = None,
    as_of: AsOf = None,
) -> Response:
    """Calls without contacts, visits without effect, deals never touched: per person, as questions to ask."""
    sight = sight_of(request)
    asked = (period, sight.scope(scope), as_of, language_of(request))
    return await answered(request, answers, questions.padding(padding, *asked, sight))
