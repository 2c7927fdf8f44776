"""How does an endpoint get its use case? From a dependency, which a test can override."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from service.alert_requests import AlertRequests
from service.audit.book import AuditBook
from service.calls import Calls
from service.deal_insight import DealInsights
from service.forecasts import Forecasts
from service.goals import Goals
from service.job_requests import JobRequests
from service.kpi_sets import KpiSets
from service.meetings.agreements import Agreements
from service.meetings.meeting import Meetings
from service.model_admin import ModelAdmin
from service.model_comparisons import ModelComparisons
from service.padding import PaddingQuestions
from service.person_record import PersonRecords
from service.proof import Proofs
from service.quarantine import Quarantine
from service.recommendations import Recommendations
from service.scopes import Scopes
from service.serving_state import ServingState
from service.stored_answers import StoredAnswers
from service.tables import Tables
from service.targets import Targets
from service.timeline import Timelines
from service.use_cases import UseCases
from service.webhook_requests import WebhookRequests
from service.yomi.sheets import YomiSheets

# Coroutines, because FastAPI runs plain functions in its thread pool, which takes longer than they do.


async def serving_state(request: Request) -> ServingState:
    """The serving state, for health checks."""
    return _use_cases(request).serving


async def deal_insights(request: Request) -> DealInsights:
    """Insight for deals."""
    return _use_cases(request).deals


async def forecasts(request: Request) -> Forecasts:
    """Forecasts of periods."""
    return _use_cases(request).forecasts


async def goals(request: Request) -> Goals:
    """KPIs, drivers, plans and people."""
    return _use_cases(request).goals


async def padding(request: Request) -> PaddingQuestions:
    """Questions about KPIs that rise without what should follow."""
    return _use_cases(request).padding


async def recommendations(request: Request) -> Recommendations:
    """Next actions and bottlenecks."""
    return _use_cases(request).recommendations


async def model_admin(request: Request) -> ModelAdmin:
    """Versions of the model."""
    return _use_cases(request).models


async def comparisons(request: Request) -> ModelComparisons:
    """Versions of the model compared, and the shadow."""
    return _use_cases(request).comparisons


async def proofs(request: Request) -> Proofs:
    """What is known of how good models are."""
    return _use_cases(request).proofs


async def quarantine(request: Request) -> Quarantine:
    """Rows that imports could not use."""
    return _use_cases(request).quarantine


async def stored_answers(request: Request) -> StoredAnswers | None:
    """The answers that have been made; None where none are stored."""
    return _use_cases(request).answers


async def tables(request: Request) -> Tables:
    """Tables that can be written to."""
    return _use_cases(request).tables


async def targets(request: Request) -> Targets:
    """Levels of goals, and targets shared out."""
    return _use_cases(request).targets


async def timelines(request: Request) -> Timelines:
    """What happened to a deal."""
    return _use_cases(request).timelines


async def scopes(request: Request) -> Scopes:
    """Of whom can be asked."""
    return _use_cases(request).scopes


async def yomi(request: Request) -> YomiSheets:
    """The deal sheet."""
    return _use_cases(request).yomi


async def job_requests(request: Request) -> JobRequests:
    """The queue of imports and trainings."""
    return _use_cases(request).jobs


async def webhook_requests(request: Request) -> WebhookRequests:
    """Who is told what."""
    return _use_cases(request).webhooks


async def audit_book(request: Request) -> AuditBook:
    """Who did what, and who read whose figures."""
    book = _use_cases(request).audit
    assert book is not None  # noqa: S101 - UseCases.open gives it
    return book


async def person_records(request: Request) -> PersonRecords:
    """What is stored about a person."""
    records = _use_cases(request).records
    assert records is not None  # noqa: S101 - UseCases.open gives it
    return records


async def kpi_sets(request: Request) -> KpiSets:
    """Sets of KPIs."""
    return _use_cases(request).sets_of_kpis


async def meetings(request: Request) -> Meetings:
    """Weekly reviews and one-on-ones."""
    return _use_cases(request).meetings


async def agreements(request: Request) -> Agreements:
    """What was agreed in them."""
    return _use_cases(request).agreements


async def calls(request: Request) -> Calls:
    """The revenue that people called."""
    return _use_cases(request).calls


async def alert_requests(request: Request) -> AlertRequests:
    """Which people are told."""
    return _use_cases(request).alerts


def _use_cases(request: Request) -> UseCases:
    use_cases: UseCases = request.app.state.use_cases
    return use_cases


ServingStateDep = Annotated[ServingState, Depends(serving_state)]
DealInsightsDep = Annotated[DealInsights, Depends(deal_insights)]
ForecastsDep = Annotated[Forecasts, Depends(forecasts)]
GoalsDep = Annotated[Goals, Depends(goals)]
PaddingDep = Annotated[PaddingQuestions, Depends(padding)]
RecommendationsDep = Annotated[Recommendations, Depends(recommendations)]
ModelAdminDep = Annotated[ModelAdmin, Depends(model_admin)]
ModelComparisonsDep = Annotated[ModelComparisons, Depends(comparisons)]
JobsDep = Annotated[JobRequests, Depends(job_requests)]
MeetingsDep = Annotated[Meetings, Depends(meetings)]
AgreementsDep = Annotated[Agreements, Depends(agreements)]
CallsDep = Annotated[Calls, Depends(calls)]
KpiSetsDep = Annotated[KpiSets, Depends(kpi_sets)]
AlertsDep = Annotated[AlertRequests, Depends(alert_requests)]
WebhooksDep = Annotated[WebhookRequests, Depends(webhook_requests)]
StoredAnswersDep = Annotated[StoredAnswers | None, Depends(stored_answers)]
TablesDep = Annotated[Tables, Depends(tables)]
TargetsDep = Annotated[Targets, Depends(targets)]
TimelinesDep = Annotated[Timelines, Depends(timelines)]
ScopesDep = Annotated[Scopes, Depends(scopes)]
YomiDep = Annotated[YomiSheets, Depends(yomi)]
AuditDep = Annotated[AuditBook, Depends(audit_book)]
ProofsDep = Annotated[Proofs, Depends(proofs)]
QuarantineDep = Annotated[Quarantine, Depends(quarantine)]
PersonRecordsDep = Annotated[PersonRecords, Depends(person_records)]
