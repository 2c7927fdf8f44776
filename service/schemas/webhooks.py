"""What do webhooks look like, and what became of the events sent to them?"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.base import AnswerWarning, ModelInfo
from service.webhooks.events import TYPES

DeliveryState = Literal["queued", "delivered", "dead"]


class _Answer(BaseModel):
    as_of: str
    model: ModelInfo | None
    warnings: list[AnswerWarning]


class WebhookRequest(BaseModel):
    """An address to which events are posted."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(min_length=1, max_length=2_000, examples=["https://crm.example.com/sancho"])
    types: list[str] = Field(
        default_factory=list, max_length=20, description=f"Of {', '.join(TYPES)}; none = all of them"
    )


class WebhookState(BaseModel):
    """A webhook; its secret is never shown again."""

    webhook_id: str = Field(examples=["wh_3f9c2a1b7d5e6f80"])
    url: str
    types: list[str]
    requested_by: str | None = Field(description="Name of the key that asked for it")
    created_at: str
    disabled_at: str | None = Field(description="Since when nothing is sent: its receiver answered 410 Gone")


class NewWebhook(_Answer, WebhookState):
    """A new webhook, with the secret that proves who calls."""

    secret: str = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])


class EventType(BaseModel):
    """A type of event, and what it says."""

    type: str
    label: str


class WebhookList(_Answer):
    """All webhooks, and which types of event there are."""

    webhooks: list[WebhookState]
    event_types: list[EventType]


class RemovedWebhook(_Answer):
    """A webhook that is gone."""

    webhook_id: str


class Pinged(_Answer):
    """An event that says nothing is on its way."""

    webhook_id: str
    event_id: str


class WebhookDelivery(BaseModel):
    """An event to a webhook: `queued` to be sent, `delivered`, or `dead`: given up."""

    event_id: str
    type: str
    subject: str | None = Field(description="The deal, period and scope, or bottleneck it is about")
    state: DeliveryState
    attempts: int
    created_at: str
    due_at: str | None = Field(description="When it is sent next")
    finished_at: str | None
    last_status: int | None = Field(description="HTTP status of the last answer")
    last_error: str | None = Field(description="Why there was no answer")


class WebhookDeliveries(_Answer):
    """Events to a webhook, newest first."""

    deliveries: list[WebhookDelivery]
    next_cursor: str | None


class Replayed(_Answer):
    """How many given-up events are sent again."""

    webhook_id: str
    replayed: int
