"""Which endpoints are about models? List, promotion, rollback."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from service import schemas
from service.api.responses import documented_problems, send
from service.api.use_cases import ModelAdminDep
from service.problems import language_of

router = APIRouter(prefix="/models", tags=["models"])


@router.get("", response_model=schemas.ModelList, summary="Registered models and monitoring")
def list_models(request: Request, models: ModelAdminDep) -> Response:
    """Registered model versions, newest first; the one in service has the alias `champion`."""
    return send(request, models.versions(language_of(request)))


@router.get(
    "/{version}",
    response_model=schemas.ModelDetails,
    responses=documented_problems(404),
    summary="A version and its evaluation",
)
def show_model(
    request: Request,
    models: ModelAdminDep,
    version: Annotated[str, Path(pattern=r"^[0-9]{1,9}$", examples=["3"])],
) -> Response:
    """How good it was on deals after its training data, and every baseline method on the same rows."""
    return send(request, models.version(version, language_of(request)))


@router.post(
    "/{version}/promote",
    response_model=schemas.ModelList,
    responses=documented_problems(404),
    summary="Put a version in service",
)
def promote_model(
    request: Request,
    models: ModelAdminDep,
    version: Annotated[str, Path(pattern=r"^[0-9]{1,9}$", examples=["3"])],
    promotion: schemas.Promotion | None = None,
) -> Response:
    """It is checked first: kept rows must score as they did in training. Sent twice, it changes nothing.

    Who decided so and why can be sent along, and is shown with the version.
    """
    who = (promotion and promotion.by) or str(request.scope.get("sancho_key") or "")
    because = (promotion and promotion.because) or ""
    return send(request, models.promote(version, who.strip(), because.strip(), language_of(request)))


@router.post(
    "/rollback",
    response_model=schemas.ModelList,
    responses=documented_problems(409),
    summary="Go back to the previous version",
)
def roll_back_model(
    request: Request,
    models: ModelAdminDep,
    from_version: Annotated[
        str | None,
        Query(
            pattern=r"^[0-9]{1,9}$",
            description="The version to go back from; where it is no longer in service nothing happens, so a "
            "request can be sent again without going back twice",
        ),
    ] = None,
) -> Response:
    """Puts the previous champion back in service, once it is checked."""
    return send(request, models.rollback(from_version, language_of(request)))
