"""Is the service alive, and is it ready to answer?"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel

from sancho.crm.errors import SanchoError
from sancho.crm.i18n import Text
from sancho.service.answers import Answers
from sancho.service.problems import MEDIA_TYPE, Problem

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    """The process answers."""

    status: str


class Ready(BaseModel):
    """A model is loaded and its kept rows score as they did in training."""

    status: str
    model_version: str
    kept_rows: int


@router.get("/healthz", response_model=Alive, summary="Liveness")
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


@router.get(
    "/readyz",
    response_model=Ready,
    responses={503: {"model": Problem, "content": {MEDIA_TYPE: {}}}},
    summary="Readiness",
)
async def readyz(request: Request) -> Response | dict[str, Any]:
    """A model is loaded, its kept rows score as in training, and everything is compiled and warm."""
    answers: Answers = request.app.state.answers
    state = answers.readiness()
    if state.fault is not None:
        raise SanchoError(state.fault, "not_ready")
    return {"status": "ready", "model_version": state.model_version, "kept_rows": state.kept_rows}


STARTING = Text("準備中です。しばらくお待ちください。", "getting ready; ask again in a moment.")
