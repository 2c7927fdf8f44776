"""Which endpoint says of whom can be asked?"""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service import questions, schemas
from service.api.parameters import AsOf, PeriodName
from service.api.responses import answered
from service.api.seen import sight_of
from service.api.use_cases import ScopesDep, StoredAnswersDep
from service.problems import language_of

router = APIRouter(prefix="/scopes", tags=["people"])


@router.get("", response_model=schemas.ScopeList, summary="Company, teams and people")
async def list_scopes(
    request: Request,
    scopes: ScopesDep,
    answers: StoredAnswersDep,
    period: PeriodName = None,
    as_of: AsOf = None,
) -> Response:
    """What can be given as `scope`, as of a moment: names, kinds, and which belongs to which."""
    return await answered(
        request, answers, questions.scopes(scopes, period, as_of, language_of(request), sight_of(request))
    )
