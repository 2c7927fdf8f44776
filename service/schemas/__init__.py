"""What do requests and answers look like? Pydantic models that validate requests and document answers."""

from __future__ import annotations

from service.schemas.actions import ActionList, OutcomeRequest, RecommendationReport, RecordedOutcome
from service.schemas.alerts import ChannelList, ChannelRequest, ChannelTold, Muted, MuteRequest, NewChannel
from service.schemas.audit import AuditList
from service.schemas.bottlenecks import BottleneckList
from service.schemas.cards import CardToken, CardTokenRequest
from service.schemas.deal_list import DealFilter, DealList
from service.schemas.deals import Insight, ScoreRequest, Timeline
from service.schemas.forecasts import Forecast, NewLevel, WhatIf, WhatIfRequest
from service.schemas.jobs import JobAnswer, JobList, State, TrainingRequest
from service.schemas.kpi_sets import (
    AcceptRequest,
    CandidateList,
    KpiReview,
    KpiSet,
    Proposal,
    ProposeRequest,
)
from service.schemas.kpis import CheckRequest, KpiCheck, KpiList, Plan, PlanRequest, Tree
from service.schemas.meetings import (
    Agreement,
    AgreementChange,
    AgreementList,
    AgreementRequest,
    AgreementResult,
    CallRequest,
    NotesRequest,
    OneOnOne,
    RevenueCallList,
    Review,
)
from service.schemas.models import ModelComparison, ModelDetails, ModelList, Promotion, ShadowState
from service.schemas.padding import PaddingAnswer
from service.schemas.people import PeopleList
from service.schemas.person_record import MyAnswer, PersonAnswerList, PersonRecord, StoredPersonAnswer
from service.schemas.proof import ModelProof
from service.schemas.quarantine import QuarantineList
from service.schemas.scopes import ScopeList
from service.schemas.sign_in import (
    ChangedPassword,
    LinkRequest,
    Me,
    PasswordRequest,
    SignedOut,
    SignInRequest,
    SignInWays,
)
from service.schemas.tables import RemovedRow, TableResult
from service.schemas.targets import GoalLevels, SharedTargets, ShareRequest, TargetEvenness
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
from service.schemas.yomi import Yomi

__all__ = [
    "AcceptRequest",
    "ActionList",
    "Agreement",
    "AgreementChange",
    "AgreementList",
    "AgreementRequest",
    "AgreementResult",
    "AuditList",
    "BottleneckList",
    "CallRequest",
    "CandidateList",
    "CardToken",
    "CardTokenRequest",
    "ChangedPassword",
    "ChannelList",
    "ChannelRequest",
    "ChannelTold",
    "CheckRequest",
    "DealFilter",
    "DealList",
    "DeliveryState",
    "Forecast",
    "GoalLevels",
    "Insight",
    "JobAnswer",
    "JobList",
    "KpiCheck",
    "KpiList",
    "KpiReview",
    "KpiSet",
    "LinkRequest",
    "Me",
    "ModelComparison",
    "ModelDetails",
    "ModelList",
    "ModelProof",
    "MuteRequest",
    "Muted",
    "MyAnswer",
    "NewChannel",
    "NewLevel",
    "NewWebhook",
    "NotesRequest",
    "OneOnOne",
    "OutcomeRequest",
    "PaddingAnswer",
    "PasswordRequest",
    "PeopleList",
    "PersonAnswerList",
    "PersonRecord",
    "Pinged",
    "Plan",
    "PlanRequest",
    "Promotion",
    "Proposal",
    "ProposeRequest",
    "QuarantineList",
    "RecommendationReport",
    "RecordedOutcome",
    "RemovedRow",
    "RemovedWebhook",
    "Replayed",
    "RevenueCallList",
    "Review",
    "ScopeList",
    "ScoreRequest",
    "ShadowState",
    "ShareRequest",
    "SharedTargets",
    "SignInRequest",
    "SignInWays",
    "SignedOut",
    "State",
    "StoredPersonAnswer",
    "TableResult",
    "TargetEvenness",
    "Timeline",
    "TrainingRequest",
    "Tree",
    "WebhookDeliveries",
    "WebhookList",
    "WebhookRequest",
    "WhatIf",
    "WhatIfRequest",
    "Yomi",
]
