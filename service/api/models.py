"""Which model answers? The registry, promotion and rollback."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from service import schemas
from service.api.responses import documented_problems, send
from service.api.use_cases import ModelAdminDep
from service.problems import language_of

router = APIRouter(prefix="/models", tags=["models"])


@router.get("", response_model=schemas.ModelList, summary="The registry")
def list_models(request: Request, models: ModelAdminDep) -> Response:
    """Registered model versions, newest first, and which of them answers."""
    return send(request, models.versions(language_of(request)))


@router.post(
    "/{version}/promote",
    response_model=schemas.ModelList,
    responses=documented_problems(404),
    summary="Make a version the one that answers",
)
def promote_model(
    request: Request,
    models: ModelAdminDep,
    version: Annotated[str, Path(pattern=r"^[0-9]{1,9}$", examples=["3"])],
) -> Response:
    """It proves itself first: kept deals must score as they did in training. Twice changes nothing."""
    return send(request, models.promote(version, language_of(request)))


@router.post(
    "/rollback",
    response_model=schemas.ModelList,
    responses=documented_problems(409),
    summary="Go back to the version before",
)
def roll_back_model(
    request: Request,
    models: ModelAdminDep,
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
    return send(request, models.rollback(from_version, language_of(request)))
