"""Is the service alive, and is it ready to answer?"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response
from pydantic import BaseModel, Field

from crm.errors import SanchoError
from service.api.responses import documented_problems
from service.api.use_cases import ServingStateDep
from service.metrics import MEDIA_TYPE, exposition
from service.problems import language_of
from service.schemas.base import AnswerWarning

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    """The process answers."""

    status: str


class Ready(BaseModel):
    """A model is loaded and its kept rows score as they did in training."""

    status: str
    model_version: str
    verified_rows: int
    warnings: list[AnswerWarning] = Field(
        [],
        description="What the service cannot do at the moment (store or registry out of reach), and where "
        "settings or the model differ from the organisation",
    )


@router.get("/healthz", response_model=Alive, summary="Liveness")
async def check_liveness() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


@router.get(
    "/metrics",
    summary="Counts and times for Prometheus",
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def get_metrics(request: Request) -> Response:
    """Calls by route, age of data and model, jobs; no name and no figure of anybody."""
    return Response(exposition(request.app.state.use_cases), media_type=MEDIA_TYPE)


@router.get("/readyz", response_model=Ready, responses=documented_problems("not_ready"), summary="Readiness")
async def check_readiness(request: Request, serving: ServingStateDep) -> dict[str, Any]:
    """A model is loaded, its kept rows score as in training, all is warm, and new data are taken up."""
    readiness = serving.readiness()
    if readiness.error is not None:
        raise SanchoError(readiness.error, "not_ready")
    lang = language_of(request)
    return {
        "status": "ready",
        "model_version": readiness.model_version,
        "verified_rows": readiness.kept_rows,
        "warnings": [{"code": code, "message": text.to(lang)} for code, text in readiness.warnings],
    }
