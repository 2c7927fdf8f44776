"""Which endpoint compares people?"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from service import questions, schemas
from service.api.parameters import AsOf, Scope
from service.api.responses import answered
from service.api.seen import sight_of
from service.api.use_cases import GoalsDep, StoredAnswersDep
from service.problems import language_of

router = APIRouter(prefix="/people", tags=["people"])


@router.get(
    "/{period}",
    response_model=schemas.PeopleList,
    summary="Comparison of people on equal deals",
)
async def compare_people(
    request: Request,
    goals: GoalsDep,
    answers: StoredAnswersDep,
    period: Annotated[str, Path(examples=["2026-Q4", "FY2026"], max_length=50)],
    scope: Scope = None,
    as_of: AsOf = None,
) -> Response:
    """Results compared with those of an average rep on the same deals, and where to help whom."""
    sight = sight_of(request)
    question = questions.people(goals, period, sight.scope(scope), as_of, language_of(request), sight)
    return await answered(request, answers, question)
