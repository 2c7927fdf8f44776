"""Which endpoints are about models? List, promotion, rollback, comparison, shadow."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from crm.errors import SanchoError
from crm.i18n import Text
from service import schemas
from service.api.access import caller_of
from service.api.parameters import Cursor, Limit
from service.api.pools import BUSY, pools_of
from service.api.responses import documented_problems, send
from service.api.use_cases import ModelAdminDep, ModelComparisonsDep, ProofsDep
from service.problems import language_of

router = APIRouter(prefix="/models", tags=["models"])
_CHANGE_SECONDS = 60.0  # for which a caller waits for another model to be loaded and warm
_LATE = Text(
    "モデルの切り替えに{n:.0f}秒以上かかっています。処理は続いています。GET /v1/models で確認するか、"
    "もう一度送ってください（同じ内容なら何も変わりません）。",
    "changing the model takes more than {n:.0f} seconds and goes on; see GET /v1/models, or send it again, "
    "which changes nothing twice.",
)
_WHICH = r"^([0-9]{1,9}|champion|shadow)$"


@router.get("", response_model=schemas.ModelList, summary="Registered models and monitoring")
async def list_models(
    request: Request, models: ModelAdminDep, limit: Limit = 1000, cursor: Cursor = None
) -> Response:
    """Registered model versions, newest first; the one in service has the alias `champion`."""
    page = partial(models.versions, language_of(request), limit=limit, cursor=cursor)
    return send(request, await pools_of(request).aside.run(page))


@router.get(
    "/compare",
    response_model=schemas.ModelComparison,
    responses=documented_problems("unknown_version", "no_shadow", "nothing_to_compare", "same_model"),
    summary="Two models on the rows that neither was fitted on",
)
async def compare_models(
    request: Request,
    comparisons: ModelComparisonsDep,
    a: Annotated[
        str, Query(pattern=_WHICH, description="A version, or `champion`, `shadow`", examples=["4"])
    ],
    b: Annotated[str, Query(pattern=_WHICH, description="What it is compared with")] = "champion",
    until: Annotated[
        str | None,
        Query(description="Moment up to which outcomes are known; a date means its end. Default: now"),
    ] = None,
) -> Response:
    """The verdict on A, by the comparison of the promotion gate; differences are A minus B.

    Computed once for a pair and a state of the data. `nothing_to_compare` (409): nothing is new to both yet.
    """
    told = (a, b, until, language_of(request))
    return send(request, await pools_of(request).slow.run(comparisons.compare, *told))


@router.get("/shadow", response_model=schemas.ShadowState, summary="What the model says that is not shown")
async def get_shadow(request: Request, comparisons: ModelComparisonsDep) -> Response:
    """How far the shadow's answers differ from those shown, and who is right where outcomes are known."""
    return send(request, await pools_of(request).aside.run(comparisons.shadow, language_of(request)))


@router.delete("/shadow", response_model=schemas.ShadowState, summary="End the shadow")
async def end_shadow(request: Request, comparisons: ModelComparisonsDep) -> Response:
    """No version answers beside the one in service any more; what was stored stays."""
    return send(
        request, await pools_of(request).aside.run(comparisons.set_shadow, None, language_of(request))
    )


@router.post(
    "/{version}/shadow",
    response_model=schemas.ShadowState,
    responses=documented_problems("is_champion"),
    summary="Let a version answer without being shown",
)
async def set_shadow(
    request: Request,
    comparisons: ModelComparisonsDep,
    version: Annotated[str, Path(pattern=r"^[0-9]{1,9}$", examples=["4"])],
) -> Response:
    """It scores every deal that is asked for, behind the answers, which stay as they are."""
    return send(
        request, await pools_of(request).aside.run(comparisons.set_shadow, version, language_of(request))
    )


@router.get(
    "/{version}",
    response_model=schemas.ModelDetails,
    summary="A version and its evaluation",
)
async def get_model(
    request: Request,
    models: ModelAdminDep,
    version: Annotated[str, Path(pattern=r"^[0-9]{1,9}$", examples=["3"])],
) -> Response:
    """How good it was on deals after its training data, and every baseline method on the same rows."""
    return send(request, await pools_of(request).aside.run(models.version, version, language_of(request)))


@router.get(
    "/{version}/proof",
    response_model=schemas.ModelProof,
    responses=documented_problems("unknown_version"),
    summary="How far a version can be trusted",
)
async def get_model_proof(
    request: Request,
    proofs: ProofsDep,
    version: Annotated[str, Path(pattern=r"^([0-9]{1,9}|champion)$", examples=["champion"])],
) -> Response:
    """What came of the chances it gave, which of its intervals hold, plain methods beside it, data and drift.

    From what its training and the newest backtest have kept; nothing is computed for it.
    """
    return send(request, await pools_of(request).aside.run(proofs.proof, version, language_of(request)))


@router.post(
    "/{version}/promote",
    response_model=schemas.ModelList,
    responses=documented_problems("promoted_elsewhere"),
    summary="Put a version in service",
)
async def promote_model(
    request: Request,
    models: ModelAdminDep,
    version: Annotated[str, Path(pattern=r"^[0-9]{1,9}$", examples=["3"])],
    promotion: schemas.Promotion | None = None,
) -> Response:
    """It is checked first: kept rows must score as they did in training. Sent twice, it changes nothing.

    Who decided so and why can be sent along, and is shown with the version.
    """
    who = (promotion and promotion.by) or caller_of(request).name
    because = (promotion and promotion.because) or ""
    told = (version, who.strip(), because.strip(), language_of(request))
    return send(request, await changed(request, models.promote, *told))


@router.post(
    "/rollback",
    response_model=schemas.ModelList,
    responses=documented_problems("no_earlier_model", "promoted_elsewhere"),
    summary="Go back to the previous version",
)
async def roll_back_model(
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
    return send(request, await changed(request, models.rollback, from_version, language_of(request)))


async def changed(request: Request, change: Callable[..., dict[str, Any]], *told: Any) -> dict[str, Any]:
    """What a change of the model in service gives; whoever waits long is told that it goes on."""
    late = SanchoError(_LATE.format(n=_CHANGE_SECONDS), BUSY)
    return await pools_of(request).aside.run_within(_CHANGE_SECONDS, change, *told, late=late)
