"""Which endpoints say who is told of changes, and what became of it?"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from service import schemas
from service.api.access import CallerDep
from service.api.parameters import Cursor, IdempotencyKey
from service.api.pools import pools_of
from service.api.responses import documented_problems, send
from service.api.use_cases import WebhooksDep
from service.idempotency import REUSED
from service.problems import language_of

router = APIRouter(prefix="/webhooks", tags=["webhooks"])
_WEBHOOK = Annotated[str, Path(max_length=64, examples=["wh_3f9c2a1b7d5e6f80"])]
_CREATED = 201


@router.post(
    "",
    status_code=_CREATED,
    response_model=schemas.NewWebhook,
    responses=documented_problems(
        "bad_webhook_url", "private_webhook_url", "unknown_event_type", "too_many_webhooks", REUSED
    ),
    summary="Add a webhook",
)
async def add_webhook(
    request: Request,
    webhooks: WebhooksDep,
    caller: CallerDep,
    asked: schemas.WebhookRequest,
    key: IdempotencyKey = None,
) -> Response:
    """Events are posted to the address as JSON, signed by the secret that this answer alone shows."""
    made = await pools_of(request).writes.run(webhooks.add, asked.url, asked.types, caller.name, key)
    response = send(request, made, secret=True)
    response.status_code = _CREATED
    return response


@router.get("", response_model=schemas.WebhookList, summary="Webhooks, and the types of event")
async def list_webhooks(request: Request, webhooks: WebhooksDep) -> Response:
    """Who is told what."""
    return send(request, await pools_of(request).aside.run(webhooks.all, language_of(request)))


@router.delete(
    "/{webhook_id}",
    response_model=schemas.RemovedWebhook,
    summary="Remove a webhook",
)
async def remove_webhook(request: Request, webhooks: WebhooksDep, webhook_id: _WEBHOOK) -> Response:
    """Nothing more is sent to it; what was to be sent is dropped."""
    return send(request, await pools_of(request).writes.run(webhooks.remove, webhook_id))


@router.post(
    "/{webhook_id}/ping",
    response_model=schemas.Pinged,
    summary="Try a webhook out",
)
async def ping_webhook(request: Request, webhooks: WebhooksDep, webhook_id: _WEBHOOK) -> Response:
    """Sends an event of type `ping`; its deliveries tell whether it arrived."""
    return send(request, await pools_of(request).writes.run(webhooks.ping, webhook_id))


@router.get(
    "/{webhook_id}/deliveries",
    response_model=schemas.WebhookDeliveries,
    summary="What became of the events sent to a webhook",
)
async def list_webhook_deliveries(
    request: Request,
    webhooks: WebhooksDep,
    webhook_id: _WEBHOOK,
    state: Annotated[schemas.DeliveryState | None, Query(description="Only those in a state")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Cursor = None,
) -> Response:
    """Newest first; those that ended are kept for 30 days."""
    asked = (webhook_id, state, limit, cursor)
    return send(request, await pools_of(request).aside.run(webhooks.deliveries, *asked))


@router.post(
    "/{webhook_id}/replay",
    response_model=schemas.Replayed,
    summary="Send given-up events again",
)
async def replay_webhook_events(
    request: Request,
    webhooks: WebhooksDep,
    webhook_id: _WEBHOOK,
    event_id: Annotated[str | None, Query(description="This one alone", max_length=64)] = None,
) -> Response:
    """All events that were given up, or one; a webhook that was disabled is in use again."""
    return send(request, await pools_of(request).writes.run(webhooks.replay, webhook_id, event_id))
