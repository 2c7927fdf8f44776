"""Which endpoints say which people are told when something needs them?"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from service import schemas
from service.api.access import CallerDep
from service.api.pools import pools_of
from service.api.responses import documented_problems, send
from service.api.use_cases import AlertsDep
from service.problems import language_of

_OF_CHANNEL = (
    *("no_reader", "bad_address", "no_email", "too_many_channels", "unknown_form", "unknown_kind"),
    *("unknown_language", "unknown_person", "unknown_scope", "bad_webhook_url", "private_webhook_url"),
)
router = APIRouter(prefix="/alerts", tags=["alerts"])
_CHANNEL = Annotated[str, Path(max_length=64, examples=["al_3f9c2a1b7d5e6f80"])]
_CREATED = 201


@router.post(
    "",
    status_code=_CREATED,
    response_model=schemas.NewChannel,
    responses=documented_problems(*_OF_CHANNEL),
    summary="Add a channel of alerts",
)
async def add_alert_channel(
    request: Request, alerts: AlertsDep, caller: CallerDep, asked: schemas.ChannelRequest
) -> Response:
    """Alerts go by mail, to Slack, Teams or Chatwork, or to a program; to a person, or about a scope."""
    made = await pools_of(request).writes.run(alerts.add, asked.model_dump(), caller.name)
    response = send(request, made)
    response.status_code = _CREATED
    return response


@router.get("", response_model=schemas.ChannelList, summary="Channels of alerts, and who is muted")
async def list_alert_channels(request: Request, alerts: AlertsDep) -> Response:
    """Who is told what, and how many alerts arrived."""
    return send(request, await pools_of(request).aside.run(alerts.all, language_of(request)))


@router.post(
    "/mutes",
    response_model=schemas.Muted,
    responses=documented_problems("unknown_kind", "unknown_channel"),
    summary="Mute alerts",
)
async def mute_alerts(request: Request, alerts: AlertsDep, asked: schemas.MuteRequest) -> Response:
    """A person, or a channel, is told nothing more of some kinds, or again."""
    given = (asked.who, asked.kinds, asked.muted)
    return send(request, await pools_of(request).writes.run(alerts.mute, *given))


@router.delete(
    "/{channel_id}",
    response_model=schemas.ChannelTold,
    responses=documented_problems("unknown_channel"),
    summary="Remove a channel of alerts",
)
async def remove_alert_channel(request: Request, alerts: AlertsDep, channel_id: _CHANNEL) -> Response:
    """Nothing more is sent to it; what was to be sent is dropped."""
    return send(request, await pools_of(request).writes.run(alerts.remove, channel_id))


@router.post(
    "/{channel_id}/test",
    response_model=schemas.ChannelTold,
    responses=documented_problems("unknown_channel"),
    summary="Try a channel of alerts out",
)
async def test_alert_channel(request: Request, alerts: AlertsDep, channel_id: _CHANNEL) -> Response:
    """Sends an alert that says nothing, at any hour; the list tells whether it arrived."""
    return send(request, await pools_of(request).writes.run(alerts.test, channel_id))
