"""Where does the process lose deals?"""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service import schemas
from service.api.parameters import AsOf, PeriodName, Scope
from service.api.responses import documented_problems, send
from service.api.use_cases import RecommendationsDep
from service.problems import language_of

router = APIRouter(prefix="/bottlenecks", tags=["bottlenecks"])


@router.get(
    "",
    response_model=schemas.BottleneckList,
    responses=documented_problems(404),
    summary="Process bottlenecks and what they cost",
)
def list_bottlenecks(
    request: Request,
    recommendations: RecommendationsDep,
    scope: Scope = "company",
    period: PeriodName = None,
    as_of: AsOf = None,
) -> Response:
    """Where deals of which segment stall, how sure that is, and what the open deals in it cost the goal."""
    return send(request, recommendations.bottlenecks(scope, period, as_of, language_of(request)))
