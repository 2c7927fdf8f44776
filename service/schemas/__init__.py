"""What do requests and answers look like? Pydantic models that validate requests and document answers."""

from __future__ import annotations

from service.schemas.actions import ActionList, OutcomeRequest, RecommendationReport, RecordedOutcome
from service.schemas.alerts import ChannelList, ChannelRequest, ChannelTold, Muted, MuteRequest, NewChannel
from service.schemas.bottlenecks import BottleneckList
from service.schemas.deals import DealList, Insight, ScoreRequest, Timeline
from service.schemas.forecasts import Forecast, NewLevel, WhatIf, WhatIfRequest
from service.schemas.jobs import JobAnswer, JobList, State, TrainingRequest
from service.schemas.kpis import CheckRequest, KpiCheck, KpiList, Plan, PlanRequest, Tree
from service.schemas.models import ModelComparison, ModelDetails, ModelList, Promotion, ShadowState
from service.schemas.people import PeopleList
from service.schemas.tables import RemovedRow, TableResult
from service.schemas.webhooks import (
    DeliveryState,
    NewWebhook,
    Pinged,
    RemovedWebhook,
    Replayed,
    WebhookDeliveries,
    WebhookList,
    WebhookRequest,
)

__all__ = [
    "ActionList",
    "BottleneckList",
    "ChannelList",
    "ChannelRequest",
    "ChannelTold",
    "CheckRequest",
    "DealList",
    "DeliveryState",
    "Forecast",
    "Insight",
    "JobAnswer",
    "JobList",
    "KpiCheck",
    "KpiList",
    "ModelComparison",
    "ModelDetails",
    "ModelList",
    "MuteRequest",
    "Muted",
    "NewChannel",
    "NewLevel",
    "NewWebhook",
    "OutcomeRequest",
    "PeopleList",
    "Pinged",
    "Plan",
    "PlanRequest",
    "Promotion",
    "RecommendationReport",
    "RecordedOutcome",
    "RemovedRow",
    "RemovedWebhook",
    "Replayed",
    "ScoreRequest",
    "ShadowState",
    "State",
    "TableResult",
    "Timeline",
    "TrainingRequest",
    "Tree",
    "WebhookDeliveries",
    "WebhookList",
    "WebhookRequest",
    "WhatIf",
    "WhatIfRequest",
]
