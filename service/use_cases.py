"""Which use cases does the service have? One object for each, built around one serving state."""

from __future__ import annotations

from dataclasses import dataclass

from crm.store import Store
from service.alert_requests import AlertRequests
from service.alerts.notices import AlertNotices
from service.answers_for_commands import AnswersForCommands
from service.audit.book import AuditBook
from service.calls import Calls
from service.deal_insight import DealInsights
from service.forecasts import Forecasts
from service.goals import Goals
from service.job_requests import JobRequests
from service.jobs import JobQueue
from service.kpi_sets import KpiSets
from service.meetings.agreements import Agreements
from service.meetings.meeting import Meetings
from service.model_admin import ModelAdmin
from service.model_comparisons import ModelComparisons
from service.organisation import open_registry, open_store
from service.padding import PaddingQuestions
from service.pauses import Settled
from service.person_record import PersonRecords
from service.proof import Proofs
from service.quarantine import Quarantine
from service.questions import usual_questions
from service.recommendations import Recommendations
from service.scopes import Scopes
from service.serving_state import ServingState
from service.set_up import SetUp
from service.settings import Settings
from service.shadow import Shadow
from service.stored_answers import StoredAnswers
from service.tables import Tables
from service.targets import Targets
from service.timeline import Timelines
from service.webhook_requests import WebhookRequests
from service.webhooks.notices import Notices
from service.yomi.sheets import YomiSheets
from training.registry import Registry


@dataclass(frozen=True, kw_only=True)
class UseCases:
    """The use cases behind REST, pages and the command line."""

    settings: Settings
    serving: ServingState
    deals: DealInsights
    forecasts: Forecasts
    goals: Goals
    padding: PaddingQuestions
    recommendations: Recommendations
    models: ModelAdmin
    tables: Tables
    timelines: Timelines
    scopes: Scopes
    yomi: YomiSheets
    shadow: Shadow
    comparisons: ModelComparisons
    jobs: JobRequests
    webhooks: WebhookRequests
    alerts: AlertRequests
    targets: Targets
    meetings: Meetings
    agreements: Agreements
    calls: Calls
    quarantine: Quarantine
    proofs: Proofs
    set_up: SetUp
    answers: StoredAnswers | None = None
    audit: AuditBook | None = None
    kpi_sets: KpiSets | None = None
    records: PersonRecords | None = None

    @classmethod
    def open(
        cls, settings: Settings, store: Store | None = None, registry: Registry | None = None
    ) -> UseCases:
        """Use cases with a store and a registry; by default those of the settings."""
        serving = ServingState(
            settings,
            store if store is not None else open_store(settings),
            registry if registry is not None else open_registry(settings),
        )
        goals = Goals(serving)
        forecasts = Forecasts(serving, goals)
        padding = PaddingQuestions(serving)
        recommendations = Recommendations(serving, goals)
        shadow = Shadow(serving)
        deals = DealInsights(serving, recommendations, shadow)
        models = ModelAdmin(serving)
        tables = Tables(serving)
        quarantine = Quarantine(serving)
        webhooks = WebhookRequests(serving, settings)
        notices = Notices(serving, webhooks.book, webhooks.wake)
        alerts = AlertRequests(serving, settings)
        of_people = AlertNotices(serving, alerts.book, models.is_due, alerts.wake)
        serving.register(
            warm_ups=(forecasts.warm_up, deals.warm_up, models.warm_up),
            renewals=(forecasts.simulate_quarter,),
            chores=(
                forecasts.store_history_if_possible,
                recommendations.flush_if_possible,
                notices.look_if_possible,
                of_people.look_if_possible,
                Settled.settle,
                quarantine.count_if_changed,
            ),
        )
        jobs = JobRequests(serving, JobQueue(settings.store_url))
        answers = StoredAnswers(serving)
        agreements = Agreements(serving, recommendations)
        use = (forecasts, goals, recommendations)
        answers.register(
            lambda is_all: usual_questions(serving, use, settings.language, is_all),
            AnswersForCommands(settings, serving).make_and_keep,
        )
        return cls(
            settings=settings,
            serving=serving,
            deals=deals,
            forecasts=forecasts,
            goals=goals,
            padding=padding,
            recommendations=recommendations,
            models=models,
            tables=tables,
            targets=Targets(serving, tables),
            quarantine=quarantine,
            proofs=Proofs(serving, models, quarantine),
            timelines=Timelines(serving),
            scopes=Scopes(serving),
            yomi=YomiSheets(serving, recommendations),
            shadow=shadow,
            comparisons=ModelComparisons(serving, shadow),
            jobs=jobs,
            set_up=SetUp(serving, jobs, quarantine),
            webhooks=webhooks,
            alerts=alerts,
            answers=answers,
            records=PersonRecords(serving, goals, recommendations, padding),
            agreements=agreements,
            meetings=Meetings(serving, agreements),
            calls=Calls(serving, forecasts),
            kpi_sets=KpiSets(serving, goals, models.is_due),
            audit=AuditBook(serving.store, serving.zone),
        )

    @property
    def sets_of_kpis(self) -> KpiSets:
        """Sets of KPIs, which `open` gives."""
        assert self.kpi_sets is not None  # noqa: S101 - UseCases.open gives it
        return self.kpi_sets

    def start(self) -> None:
        """Warms up in a thread, which then takes up new data and models; lets others work behind it."""
        self.serving.start()
        if self.answers is not None:
            self.answers.start()
        self.shadow.start()

    def close(self) -> None:
        """Stores queued recommendations where that is possible, ends the threads, and closes the store."""
        try:
            if self.answers is not None:
                self.answers.close()
            self.shadow.close()
            self.jobs.close()
            self.webhooks.close()
            self.alerts.close()
            self.recommendations.flush_if_possible()
        finally:
            self.serving.close()
