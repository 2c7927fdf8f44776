"""How is the service called from Python? By a method for each operation of its OpenAPI.

    from sancho.client import Client

    with Client("https://sancho.example.com", key) as client:
        insight = client.score_deal({"deal": {"deal_id": "D-1", "created_at": "2026-10-05", "stage": "提案"}})

Made by `python docs/generate.py`: change the endpoints in `service/api/`, not this file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, cast

from sancho.client_types import (
    AcceptRequest,
    ActionCounts,
    ActionList,
    Agreement,
    AgreementChange,
    AgreementList,
    AgreementRequest,
    Alive,
    AuditEntry,
    AuditList,
    Bottleneck,
    BottleneckList,
    CallRequest,
    CandidateList,
    CardToken,
    CardTokenRequest,
    ChannelList,
    ChannelRequest,
    ChannelTold,
    CheckRequest,
    DealAction,
    DealList,
    DealScore,
    Forecast,
    GoalLevels,
    Insight,
    JobAnswer,
    JobList,
    JobState,
    KpiCheck,
    KpiList,
    KpiReview,
    KpiSet,
    ModelComparison,
    ModelDetails,
    ModelList,
    ModelProof,
    ModelVersion,
    Muted,
    MuteRequest,
    MyAnswer,
    NewChannel,
    NewWebhook,
    NotesRequest,
    OneOnOne,
    OutcomeRequest,
    PaddingAnswer,
    PeopleList,
    PersonAnswerList,
    PersonRecord,
    Pinged,
    Plan,
    PlanRequest,
    Problem,
    Promotion,
    Proposal,
    ProposeRequest,
    QuarantinedRow,
    QuarantineList,
    Ready,
    RecommendationReport,
    RecordedOutcome,
    RemovedRow,
    RemovedWebhook,
    Replayed,
    RevenueCallList,
    Review,
    ScopeList,
    ScoreRequest,
    ShadowState,
    SharedTargets,
    ShareRequest,
    StoredPersonAnswer,
    TableResult,
    TargetEvenness,
    Timeline,
    TimelineEntry,
    TrainingRequest,
    Tree,
    WebhookDeliveries,
    WebhookDelivery,
    WebhookList,
    WebhookRequest,
    WhatIf,
    WhatIfRequest,
    Yomi,
)
from sancho.http_client import (
    ApiError,
    Call,
    HttpClient,
    json_bytes,
    json_lines,
    new_key,
    path_of,
    streamed_lines,
)

__all__ = ["ApiError", "Client"]


class Client(HttpClient):
    """A service, asked with one key; how it connects is said in `sancho.http_client.HttpClient`."""

    def check_liveness(self) -> Alive:
        """Liveness.

        The process answers.
        """
        call = Call(
            method="GET",
            path="/healthz",
            query={},
            repeatable=True,
        )
        return cast("Alive", self._ask(call))

    def check_readiness(self) -> Ready:
        """Readiness.

        A model is loaded, its kept rows score as in training, all is warm, and new data are taken up.
        """
        call = Call(
            method="GET",
            path="/readyz",
            query={},
            repeatable=True,
        )
        return cast("Ready", self._ask(call))

    def score_deal(self, body: ScoreRequest) -> Insight:
        """Insight for one deal sent in the request.

        Win probability, expected revenue, reasons, effect on the goal, next actions.

        Nothing of it is stored; while there is a shadow model, both models' probabilities of the deal are.

        Needs the right `score`.
        """
        call = Call(
            method="POST",
            path="/v1/deals/score",
            query={},
            body=json_bytes(body),
            repeatable=True,
        )
        return cast("Insight", self._ask(call))

    def score_deals(self, body: Iterable[ScoreRequest]) -> Iterator[Insight | Problem]:
        """Insights for many deals sent in the request, NDJSON in and out, streamed.

        Each line is a request of `POST /deals/score`, and is answered as if it were sent alone.

        Answers come while lines are still being sent. A line that cannot be answered has problem details
        with its number as `line`; the others are answered all the same. Nothing is stored.

        Needs the right `score`.
        """
        call = Call(
            method="POST",
            path="/v1/deals/score-batch",
            query={},
            body=streamed_lines(body),
            content_type="application/x-ndjson",
        )
        return cast("Iterator[Insight | Problem]", self._ask_by_line(call))

    def list_deals(
        self,
        *,
        scope: str | None = None,
        as_of: str | None = None,
        period: str | None = None,
        sort: str | None = None,
        flag: Literal["attention"]
        | Literal["stalled", "no_contact", "pushed", "past_due", "single_contact", "amount_cut", "new_deal"]
        | None = None,
        bottleneck: str | None = None,
        deal_id: str | None = None,
        q: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> DealList:
        """Scored open deals.

        The open deals of a scope, or those looked for: scores, what is known of each, what to do next.

        Needs the right `read`.
        """
        call = Call(
            method="GET",
            path="/v1/deals",
            query={
                "scope": scope,
                "as_of": as_of,
                "period": period,
                "sort": sort,
                "flag": flag,
                "bottleneck": bottleneck,
                "deal_id": deal_id,
                "q": q,
                "cursor": cursor,
                "limit": limit,
            },
            repeatable=True,
        )
        return cast("DealList", self._ask(call))

    def iter_deals(
        self,
        *,
        scope: str | None = None,
        as_of: str | None = None,
        period: str | None = None,
        sort: str | None = None,
        flag: Literal["attention"]
        | Literal["stalled", "no_contact", "pushed", "past_due", "single_contact", "amount_cut", "new_deal"]
        | None = None,
        bottleneck: str | None = None,
        deal_id: str | None = None,
        q: str | None = None,
        limit: int | None = None,
    ) -> Iterator[DealScore]:
        """All `deals` of `list_deals`, each page asked for when it is reached."""

        def page(cursor: str | None) -> DealList:
            return self.list_deals(
                scope=scope,
                as_of=as_of,
                period=period,
                sort=sort,
                flag=flag,
                bottleneck=bottleneck,
                deal_id=deal_id,
                q=q,
                cursor=cursor,
                limit=limit,
            )

        return self._pages(page, "deals")

    def get_deal_timeline(
        self, deal_id: str, *, as_of: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> Timeline:
        """What happened to a deal, and what was said of it.

        Creation, changes, activities and closing of any deal, and the scores of each stored day.

        Needs the right `read`.
        """
        call = Call(
            method="GET",
            path=path_of(
                "/v1/deals/{deal_id}/timeline",
                deal_id=deal_id,
            ),
            query={
                "as_of": as_of,
                "limit": limit,
                "cursor": cursor,
            },
            repeatable=True,
        )
        return cast("Timeline", self._ask(call))

    def iter_deal_timeline(
        self, deal_id: str, *, as_of: str | None = None, limit: int | None = None
    ) -> Iterator[TimelineEntry]:
        """All `entries` of `get_deal_timeline`, each page asked for when it is reached."""

        def page(cursor: str | None) -> Timeline:
            return self.get_deal_timeline(
                deal_id,
                as_of=as_of,
                limit=limit,
                cursor=cursor,
            )

        return self._pages(page, "entries")

    def get_deal(self, deal_id: str, *, as_of: str | None = None, period: str | None = None) -> Insight:
        """Insight for a stored deal.

        The insight of a stored deal, as of any moment at which it was open.

        Needs the right `read`.
        """
        call = Call(
            method="GET",
            path=path_of(
                "/v1/deals/{deal_id}",
                deal_id=deal_id,
            ),
            query={
                "as_of": as_of,
                "period": period,
            },
            repeatable=True,
        )
        return cast("Insight", self._ask(call))

    def get_forecast(
        self, period: str, *, scope: str | None = None, as_of: str | None = None, parts: str | None = None
    ) -> Forecast:
        """Probability of reaching a period's target.

        Probability of reaching the target, revenue, its components, and the effect of each open deal.

        Needs the right `read`.
        """
        call = Call(
            method="GET",
            path=path_of(
                "/v1/forecasts/{period}",
                period=period,
            ),
            query={
                "scope": scope,
                "as_of": as_of,
                "parts": parts,
            },
            repeatable=True,
        )
        return cast("Forecast", self._ask(call))

    def ask_what_if(self, period: str, body: WhatIfRequest) -> WhatIf:
        """The same under changed deals, people or targets.

        Before and after: deals won, lost, pushed back or repriced, people leave or join, new targets.

        Needs the right `read`.
        """
        call = Call(
            method="POST",
            path=path_of(
                "/v1/forecasts/{period}/what-if",
                period=period,
            ),
            query={},
            body=json_bytes(body),
            repeatable=True,
        )
        return cast("WhatIf", self._ask(call))

    def get_yomi(
        self, period: str, *, scope: str | None = None, as_of: str | None = None, week: int | None = None
    ) -> Yomi:
        """The deal sheet: ranks beside probabilities.

        Sums by rank and month, what past ranks were worth, and a row for each open or won deal.

        Needs the right `read`.
        """
        call = Call(
            method="GET",
            path=path_of(
                "/v1/yomi/{period}",
                period=period,
            ),
            query={
                "scope": scope,
                "as_of": as_of,
                "week": week,
            },
            repeatable=True,
        )
        return cast("Yomi", self._ask(call))

    def get_kpis(self, period: str, *, scope: str | None = None, as_of: str | None = None) -> KpiList:
        """KPI values and the probability of their targets.

        Each KPI so far and by the period's end, the probability of its target, the pace needed for it.

        Needs the right `read`.
        """
        call = Call(
            method="GET",
            path=path_of(
                "/v1/kpis/{period}",
                period=period,
            ),
            query={
                "scope": scope,
                "as_of": as_of,
            },
            repeatable=True,
        )
        return cast("KpiList", self._ask(call))

    def check_kpis(self, body: CheckRequest) -> KpiCheck:
        """SMART check of a proposed KPI set.

        Specific, measurable, achievable, relevant, time-bound; three to five controllable KPIs per person.

        Needs the right `read`.
        """
        call = Call(
            method="POST",
            path="/v1/kpis/check",
            query={},
            body=json_bytes(body),
            repeatable=True,
        )
        return cast("KpiCheck", self._ask(call))

    def get_tree(self, period: str, *, scope: str | None = None, as_of: str | None = None) -> Tree:
        """KGI -> KSF -> KPI with numbers.

        The drivers of the goal, by what a feasible step of each adds to the probability of the target.

        Needs the right `read`.
        """
        call = Call(
            method="GET",
            path=path_of(
                "/v1/trees/{period}",
                period=period,
            ),
            query={
                "scope": scope,
                "as_of": as_of,
            },
            repeatable=True,
        )
        return cast("Tree", self._ask(call))

    def make_plan(self, body: PlanRequest) -> Plan:
        """What it takes to reach the target with a probability.

        The smallest change of levers, up to the top quartile of peers, and each person's numbers.

        Needs the right `read`.
        """
        call = Call(
            method="POST",
            path="/v1/plans",
            query={},
            body=json_bytes(body),
            repeatable=True,
        )
        return cast("Plan", self._ask(call))

    def get_padding(
        self, period: str, *, scope: str | None = None, as_of: str | None = None
    ) -> PaddingAnswer:
        """KPIs that rise while what should follow does not.

        Calls without contacts, visits without effect, deals never touched: per person, as questions to ask.

        Needs the right `read`.
        """
        call = Call(
            method="GET",
            path=path_of(
                "/v1/kpis/{period}/padding",
                period=period,
            ),
            query={
                "scope": scope,
                "as_of": as_of,
            },
            repeatable=True,
        )
        return cast("PaddingAnswer", self._ask(call))

    def compare_people(
        self, period: str, *, scope: str | None = None, as_of: str | None = None
    ) -> PeopleList:
        """Comparison of people on equal deals.

        Results compared with those of an average rep on the same deals, and where to help whom.

        Needs the right `read`.
        """
        call = Call(
            method="GET",
            path=path_of(
                "/v1/people/{period}",
                period=period,
            ),
            query={
                "scope": scope,
                "as_of": as_of,
            },
            repeatable=True,
        )
        return cast("PeopleList", self._ask(call))

    def list_scopes(self, *, period: str | None = None, as_of: str | None = None) -> ScopeList:
        """Company, teams and people.

        What can be given as `scope`, as of a moment: names, kinds, and which belongs to which.

        Needs the right `read`.
        """
        call = Call(
            method="GET",
            path="/v1/scopes",
            query={
                "period": period,
                "as_of": as_of,
            },
            repeatable=True,
        )
        return cast("ScopeList", self._ask(call))

    def list_bottlenecks(
        self,
        *,
        scope: str | None = None,
        period: str | None = None,
        as_of: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> BottleneckList:
        """Process bottlenecks and what they cost.

        Where deals of which segment stall, how sure that is, and what the open deals in it cost the goal.

        Needs the right `read`.
        """
        call = Call(
            method="GET",
            path="/v1/bottlenecks",
            query={
                "scope": scope,
                "period": period,
                "as_of": as_of,
                "limit": limit,
                "cursor": cursor,
            },
            repeatable=True,
        )
        return cast("BottleneckList", self._ask(call))

    def iter_bottlenecks(
        self,
        *,
        scope: str | None = None,
        period: str | None = None,
        as_of: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Bottleneck]:
        """All `bottlenecks` of `list_bottlenecks`, each page asked for when it is reached."""

        def page(cursor: str | None) -> BottleneckList:
            return self.list_bottlenecks(
                scope=scope,
                period=period,
                as_of=as_of,
                limit=limit,
                cursor=cursor,
            )

        return self._pages(page, "bottlenecks")

    def list_actions(
        self,
        *,
        scope: str | None = None,
        deal_id: str | None = None,
        period: str | None = None,
        as_of: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> ActionList:
        """Ranked next actions.

        The best next action of each open deal, by points of the goal's probability per hour of effort.

        Needs the right `read` or `recommend`.
        """
        call = Call(
            method="GET",
            path="/v1/actions",
            query={
                "scope": scope,
                "deal_id": deal_id,
                "period": period,
                "as_of": as_of,
                "limit": limit,
                "cursor": cursor,
            },
            repeatable=True,
        )
        return cast("ActionList", self._ask(call))

    def iter_actions(
        self,
        *,
        scope: str | None = None,
        deal_id: str | None = None,
        period: str | None = None,
        as_of: str | None = None,
        limit: int | None = None,
    ) -> Iterator[DealAction]:
        """All `actions` of `list_actions`, each page asked for when it is reached."""

        def page(cursor: str | None) -> ActionList:
            return self.list_actions(
                scope=scope,
                deal_id=deal_id,
                period=period,
                as_of=as_of,
                limit=limit,
                cursor=cursor,
            )

        return self._pages(page, "actions")

    def record_outcome(self, recommendation_id: str, body: OutcomeRequest) -> RecordedOutcome:
        """Record the outcome of a recommendation.

        Shown, accepted, dismissed (and why) or done. Sent twice, it changes nothing.

        Needs the right `recommend`.
        """
        call = Call(
            method="POST",
            path=path_of(
                "/v1/recommendations/{recommendation_id}/outcome",
                recommendation_id=recommendation_id,
            ),
            query={},
            body=json_bytes(body),
            repeatable=True,
        )
        return cast("RecordedOutcome", self._ask(call))

    def report_recommendations(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> RecommendationReport:
        """Whether recommendations help.

        Outcomes by action, lift over the holdout group, and the off-policy value of the best-rated action.

        Needs the right `read` or `recommend`.
        """
        call = Call(
            method="GET",
            path="/v1/recommendations/report",
            query={
                "limit": limit,
                "cursor": cursor,
            },
            repeatable=True,
        )
        return cast("RecommendationReport", self._ask(call))

    def iter_recommendations(self, *, limit: int | None = None) -> Iterator[ActionCounts]:
        """All `by_action` of `report_recommendations`, each page asked for when it is reached."""

        def page(cursor: str | None) -> RecommendationReport:
            return self.report_recommendations(
                limit=limit,
                cursor=cursor,
            )

        return self._pages(page, "by_action")

    def list_models(self, *, limit: int | None = None, cursor: str | None = None) -> ModelList:
        """Registered models and monitoring.

        Registered model versions, newest first; the one in service has the alias `champion`.

        Needs the right `read`.
        """
        call = Call(
            method="GET",
            path="/v1/models",
            query={
                "limit": limit,
                "cursor": cursor,
            },
            repeatable=True,
        )
        return cast("ModelList", self._ask(call))

    def iter_models(self, *, limit: int | None = None) -> Iterator[ModelVersion]:
        """All `models` of `list_models`, each page asked for when it is reached."""

        def page(cursor: str | None) -> ModelList:
            return self.list_models(
                limit=limit,
                cursor=cursor,
            )

        return self._pages(page, "models")

    def compare_models(self, *, a: str, b: str | None = None, until: str | None = None) -> ModelComparison:
        """Two models on the rows that neither was fitted on.

        The verdict on A, by the comparison of the promotion gate; differences are A minus B.

        Computed once for a pair and a state of the data. `nothing_to_compare` (409): nothing is new to both
        yet.

        Needs the right `read`.
        """
        call = Call(
            method="GET",
            path="/v1/models/compare",
            query={
                "a": a,
                "b": b,
                "until": until,
            },
            repeatable=True,
        )
        return cast("ModelComparison", self._ask(call))

    def get_shadow(self) -> ShadowState:
        """What the model says that is not shown.

        How far the shadow's answers differ from those shown, and who is right where outcomes are known.

        Needs the right `read`.
        """
        call = Call(
            method="GET",
            path="/v1/models/shadow",
            query={},
            repeatable=True,
        )
        return cast("ShadowState", self._ask(call))

    def end_shadow(self) -> ShadowState:
        """End the shadow.

        No version answers beside the one in service any more; what was stored stays.

        Needs the right `admin`.
        """
        call = Call(
            method="DELETE",
            path="/v1/models/shadow",
            query={},
            repeatable=True,
        )
        return cast("ShadowState", self._ask(call))

    def set_shadow(self, version: str) -> ShadowState:
        """Let a version answer without being shown.

        It scores every deal that is asked for, behind the answers, which stay as they are.

        Needs the right `admin`.
        """
        call = Call(
            method="POST",
            path=path_of(
                "/v1/models/{version}/shadow",
                version=version,
            ),
            query={},
            repeatable=True,
        )
        return cast("ShadowState", self._ask(call))

    def get_model(self, version: str) -> ModelDetails:
        """A version and its evaluation.

        How good it was on deals after its training data, and every baseline method on the same rows.

        Needs the right `read`.
        """
        call = Call(
            method="GET",
            path=path_of(
                "/v1/models/{version}",
                version=version,
            ),
            query={},
            repeatable=True,
        )
        return cast("ModelDetails", self._ask(call))

    def get_model_proof(self, version: str) -> ModelProof:
        """How far a version can be trusted.

        What came of the chances it gave, which of its intervals hold, plain methods beside it, data and
        drift.

        From what its training and the newest backtest have kept; nothing is computed for it.

        Needs the right `read`.
        """
        call = Call(
            method="GET",
            path=path_of(
                "/v1/models/{version}/proof",
                version=version,
            ),
            query={},
            repeatable=True,
        )
        return cast("ModelProof", self._ask(call))

    def promote_model(self, version: str, body: Promotion | None | None = None) -> ModelList:
        """Put a version in service.

        It is checked first: kept rows must score as they did in training. Sent twice, it changes nothing.

        Who decided so and why can be sent along, and is shown with the version.

        Needs the right `admin`.
        """
        call = Call(
            method="POST",
            path=path_of(
                "/v1/models/{version}/promote",
                version=version,
            ),
            query={},
            body=None if body is None else json_bytes(body),
            repeatable=True,
        )
        return cast("ModelList", self._ask(call))

    def roll_back_model(self, *, from_version: str | None = None) -> ModelList:
        """Go back to the previous version.

        Puts the previous champion back in service, once it is checked.

        Needs the right `admin`.
        """
        call = Call(
            method="POST",
            path="/v1/models/rollback",
            query={
                "from_version": from_version,
            },
        )
        return cast("ModelList", self._ask(call))

    def put_table_rows(
        self,
        table: str,
        body: Iterable[Mapping[str, Any]] | bytes | str,
        content_type: str = "application/x-ndjson",
    ) -> TableResult:
        """Upsert rows of a canonical table.

        Adds rows, or replaces those of the same key; twice changes nothing. Bad rows are quarantined.

        Needs the right `write`.
        """
        call = Call(
            method="PUT",
            path=path_of(
                "/v1/tables/{table}",
                table=table,
            ),
            query={},
            body=json_lines(body),
            content_type=content_type,
            repeatable=True,
        )
        return cast("TableResult", self._ask(call))

    def delete_table_row(self, table: str, row_id: str) -> RemovedRow:
        """Delete a row of a canonical table.

        The row is gone from now on; answers as of earlier moments still know it.

        Needs the right `write`.
        """
        call = Call(
            method="DELETE",
            path=path_of(
                "/v1/tables/{table}/{row_id}",
                table=table,
                row_id=row_id,
            ),
            query={},
            repeatable=True,
        )
        return cast("RemovedRow", self._ask(call))

    def list_quarantine(self, *, limit: int | None = None, cursor: str | None = None) -> QuarantineList:
        """Rows that imports could not use.

        Line, column, value and reason of each; a row leaves when it comes again without errors.

        Needs the right `write`.
        """
        call = Call(
            method="GET",
            path="/v1/quarantine",
            query={
                "limit": limit,
                "cursor": cursor,
            },
            repeatable=True,
        )
        return cast("QuarantineList", self._ask(call))

    def iter_quarantine(self, *, limit: int | None = None) -> Iterator[QuarantinedRow]:
        """All `rows` of `list_quarantine`, each page asked for when it is reached."""

        def page(cursor: str | None) -> QuarantineList:
            return self.list_quarantine(
                limit=limit,
                cursor=cursor,
            )

        return self._pages(page, "rows")

    def import_file(
        self,
        body: bytes | Iterable[bytes],
        *,
        file: str | None = None,
        table: str | None = None,
        mapping: str | None = None,
        dry_run: bool | None = None,
        full: bool | None = None,
        encoding: str | None = None,
        decimal: str | None = None,
        from_job: str | None = None,
        idempotency_key: str | None = None,
    ) -> JobAnswer:
        """Import a file, as a job.

        CSV, TSV, XLSX, Parquet or NDJSON as the body, or as `file` of a form with a mapping as `mapping`.

        The answer's job tells counts and bad rows; that of a dry run also the columns, with what each means
        and its first values, and its file can be imported by `from_job` for a day.

        Needs the right `write`.
        """
        call = Call(
            method="POST",
            path="/v1/imports",
            query={
                "file": file,
                "table": table,
                "mapping": mapping,
                "dry_run": dry_run,
                "full": full,
                "encoding": encoding,
                "decimal": decimal,
                "from_job": from_job,
            },
            body=body,
            content_type="application/octet-stream",
            idempotency_key=idempotency_key or new_key(),
            repeatable=True,
        )
        return cast("JobAnswer", self._ask(call))

    def train_model(self, body: TrainingRequest) -> JobAnswer:
        """Train a model, as a job.

        Trains on the store, registers, promotes past the gate. While one is open, that one is the answer.

        Needs the right `admin`.
        """
        call = Call(
            method="POST",
            path="/v1/trainings",
            query={},
            body=json_bytes(body),
            repeatable=True,
        )
        return cast("JobAnswer", self._ask(call))

    def list_jobs(
        self,
        *,
        state: Literal["queued", "running", "done", "failed", "cancelled"] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> JobList:
        """Jobs, newest first.

        Imports, trainings and scheduled work; those that ended are kept for 90 days.

        Needs the right `read` or `write`.
        """
        call = Call(
            method="GET",
            path="/v1/jobs",
            query={
                "state": state,
                "limit": limit,
                "cursor": cursor,
            },
            repeatable=True,
        )
        return cast("JobList", self._ask(call))

    def iter_jobs(
        self,
        *,
        state: Literal["queued", "running", "done", "failed", "cancelled"] | None = None,
        limit: int | None = None,
    ) -> Iterator[JobState]:
        """All `jobs` of `list_jobs`, each page asked for when it is reached."""

        def page(cursor: str | None) -> JobList:
            return self.list_jobs(
                state=state,
                limit=limit,
                cursor=cursor,
            )

        return self._pages(page, "jobs")

    def get_job(self, job_id: str) -> JobAnswer:
        """A job: progress or result.

        How far a job is, or what came of it.

        Needs the right `read` or `write`.
        """
        call = Call(
            method="GET",
            path=path_of(
                "/v1/jobs/{job_id}",
                job_id=job_id,
            ),
            query={},
            repeatable=True,
        )
        return cast("JobAnswer", self._ask(call))

    def cancel_job(self, job_id: str) -> JobAnswer:
        """Cancel a job.

        A queued job is cancelled at once; one that is being done stops soon, and keeps nothing.

        Needs the right `write`.
        """
        call = Call(
            method="POST",
            path=path_of(
                "/v1/jobs/{job_id}/cancel",
                job_id=job_id,
            ),
            query={},
            repeatable=True,
        )
        return cast("JobAnswer", self._ask(call))

    def add_webhook(self, body: WebhookRequest, *, idempotency_key: str | None = None) -> NewWebhook:
        """Add a webhook.

        Events are posted to the address as JSON, signed by the secret that this answer alone shows.

        Needs the right `admin`.
        """
        call = Call(
            method="POST",
            path="/v1/webhooks",
            query={},
            body=json_bytes(body),
            idempotency_key=idempotency_key or new_key(),
            repeatable=True,
        )
        return cast("NewWebhook", self._ask(call))

    def list_webhooks(self) -> WebhookList:
        """Webhooks, and the types of event.

        Who is told what.

        Needs the right `admin`.
        """
        call = Call(
            method="GET",
            path="/v1/webhooks",
            query={},
            repeatable=True,
        )
        return cast("WebhookList", self._ask(call))

    def remove_webhook(self, webhook_id: str) -> RemovedWebhook:
        """Remove a webhook.

        Nothing more is sent to it; what was to be sent is dropped.

        Needs the right `admin`.
        """
        call = Call(
            method="DELETE",
            path=path_of(
                "/v1/webhooks/{webhook_id}",
                webhook_id=webhook_id,
            ),
            query={},
            repeatable=True,
        )
        return cast("RemovedWebhook", self._ask(call))

    def ping_webhook(self, webhook_id: str) -> Pinged:
        """Try a webhook out.

        Sends an event of type `ping`; its deliveries tell whether it arrived.

        Needs the right `admin`.
        """
        call = Call(
            method="POST",
            path=path_of(
                "/v1/webhooks/{webhook_id}/ping",
                webhook_id=webhook_id,
            ),
            query={},
        )
        return cast("Pinged", self._ask(call))

    def list_webhook_deliveries(
        self,
        webhook_id: str,
        *,
        state: Literal["queued", "delivered", "dead"] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> WebhookDeliveries:
        """What became of the events sent to a webhook.

        Newest first; those that ended are kept for 30 days.

        Needs the right `admin`.
        """
        call = Call(
            method="GET",
            path=path_of(
                "/v1/webhooks/{webhook_id}/deliveries",
                webhook_id=webhook_id,
            ),
            query={
                "state": state,
                "limit": limit,
                "cursor": cursor,
            },
            repeatable=True,
        )
        return cast("WebhookDeliveries", self._ask(call))

    def iter_webhook_deliveries(
        self,
        webhook_id: str,
        *,
        state: Literal["queued", "delivered", "dead"] | None = None,
        limit: int | None = None,
    ) -> Iterator[WebhookDelivery]:
        """All `deliveries` of `list_webhook_deliveries`, each page asked for when it is reached."""

        def page(cursor: str | None) -> WebhookDeliveries:
            return self.list_webhook_deliveries(
                webhook_id,
                state=state,
                limit=limit,
                cursor=cursor,
            )

        return self._pages(page, "deliveries")

    def replay_webhook_events(self, webhook_id: str, *, event_id: str | None = None) -> Replayed:
        """Send given-up events again.

        All events that were given up, or one; a webhook that was disabled is in use again.

        Needs the right `admin`.
        """
        call = Call(
            method="POST",
            path=path_of(
                "/v1/webhooks/{webhook_id}/replay",
                webhook_id=webhook_id,
            ),
            query={
                "event_id": event_id,
            },
            repeatable=True,
        )
        return cast("Replayed", self._ask(call))

    def list_kpi_candidates(
        self, period: str, *, scope: str | None = None, as_of: str | None = None
    ) -> CandidateList:
        """Every KPI that a person or team could be given, ranked.

        What a feasible step of each brings, how soon, how completely it is recorded, and who could pad it.

        Needs the right `read`.
        """
        call = Call(
            method="GET",
            path=path_of(
                "/v1/kpis/{period}/candidates",
                period=period,
            ),
            query={
                "scope": scope,
                "as_of": as_of,
            },
            repeatable=True,
        )
        return cast("CandidateList", self._ask(call))

    def propose_kpi_sets(self, body: ProposeRequest) -> Proposal:
        """Three to five KPIs for each person.

        Each KPI as one sentence with its chance; what somebody has stays unless another is much better.

        Needs the right `read`.
        """
        call = Call(
            method="POST",
            path="/v1/kpis/propose",
            query={},
            body=json_bytes(body),
            repeatable=True,
        )
        return cast("Proposal", self._ask(call))

    def review_kpi_sets(
        self, period: str, *, scope: str | None = None, as_of: str | None = None
    ) -> KpiReview:
        """What became of the accepted KPIs of a period.

        Which were reached, what they brought, which lost their relation to the goal; what to do about each.

        Needs the right `read`.
        """
        call = Call(
            method="GET",
            path=path_of(
                "/v1/kpis/{period}/review",
                period=period,
            ),
            query={
                "scope": scope,
                "as_of": as_of,
            },
            repeatable=True,
        )
        return cast("KpiReview", self._ask(call))

    def get_kpi_set(self, scope: str, period: str) -> KpiSet:
        """The accepted KPIs of a person or team.

        The set that holds, with what the SMART check says of it, and all versions with who accepted them.

        Needs the right `read`.
        """
        call = Call(
            method="GET",
            path=path_of(
                "/v1/kpi-sets/{scope}/{period}",
                scope=scope,
                period=period,
            ),
            query={},
            repeatable=True,
        )
        return cast("KpiSet", self._ask(call))

    def accept_kpi_set(self, scope: str, period: str, body: AcceptRequest) -> KpiSet:
        """Accept KPIs for a person or team.

        Stores them as the next version, and their values as targets; earlier versions stay.

        Needs the right `write` or `recommend`.
        """
        call = Call(
            method="PUT",
            path=path_of(
                "/v1/kpi-sets/{scope}/{period}",
                scope=scope,
                period=period,
            ),
            query={},
            body=json_bytes(body),
            repeatable=True,
        )
        return cast("KpiSet", self._ask(call))

    def get_review(self, week: str, *, scope: str | None = None) -> Review:
        """A week's review.

        What changed, what was agreed before and now, and notes; a past week as its meeting saw it.

        Needs the right `read`.
        """
        call = Call(
            method="GET",
            path=path_of(
                "/v1/reviews/{week}",
                week=week,
            ),
            query={
                "scope": scope,
            },
            repeatable=True,
        )
        return cast("Review", self._ask(call))

    def save_review(self, week: str, body: NotesRequest, *, scope: str | None = None) -> Review:
        """Save the notes of a week's review.

        In the place of the version that was read; refused where another has been saved since.

        Needs the right `write` or `recommend`.
        """
        call = Call(
            method="PUT",
            path=path_of(
                "/v1/reviews/{week}",
                week=week,
            ),
            query={
                "scope": scope,
            },
            body=json_bytes(body),
            repeatable=True,
        )
        return cast("Review", self._ask(call))

    def get_one_on_one(self, person: str, *, day: str | None = None) -> OneOnOne:
        """A person's one-on-one.

        The facts of the week, what was agreed before and now, and notes; the person sees them, too.

        Needs the right `read`.
        """
        call = Call(
            method="GET",
            path=path_of(
                "/v1/people/{person}/one-on-one",
                person=person,
            ),
            query={
                "day": day,
            },
            repeatable=True,
        )
        return cast("OneOnOne", self._ask(call))

    def save_one_on_one(self, person: str, body: NotesRequest, *, day: str | None = None) -> OneOnOne:
        """Save the notes of a one-on-one.

        In the place of the version that was read; refused where another has been saved since.

        Needs the right `write` or `recommend`.
        """
        call = Call(
            method="PUT",
            path=path_of(
                "/v1/people/{person}/one-on-one",
                person=person,
            ),
            query={
                "day": day,
            },
            body=json_bytes(body),
            repeatable=True,
        )
        return cast("OneOnOne", self._ask(call))

    def list_agreements(
        self, *, scope: str | None = None, result: Literal["open", "done", "not_done"] | None = None
    ) -> AgreementList:
        """Who agreed to do what until when.

        Of the people of a scope, the newest first; results are said, or found from activities.

        Needs the right `read`.
        """
        call = Call(
            method="GET",
            path="/v1/agreements",
            query={
                "scope": scope,
                "result": result,
            },
            repeatable=True,
        )
        return cast("AgreementList", self._ask(call))

    def add_agreement(self, body: AgreementRequest, *, idempotency_key: str | None = None) -> Agreement:
        """Agree on something.

        Who does what until when, in a week's review or a one-on-one; carried forward until it is settled.

        Needs the right `write` or `recommend`.
        """
        call = Call(
            method="POST",
            path="/v1/agreements",
            query={},
            body=json_bytes(body),
            idempotency_key=idempotency_key or new_key(),
            repeatable=True,
        )
        return cast("Agreement", self._ask(call))

    def change_agreement(self, agreement_id: str, body: AgreementChange) -> Agreement:
        """Say what came of an agreement.

        Done, not done, open again, or other words; sent twice, it changes nothing.

        Needs the right `write` or `recommend`.
        """
        call = Call(
            method="PUT",
            path=path_of(
                "/v1/agreements/{agreement_id}",
                agreement_id=agreement_id,
            ),
            query={},
            body=json_bytes(body),
            repeatable=True,
        )
        return cast("Agreement", self._ask(call))

    def get_calls(self, period: str, *, scope: str | None = None) -> RevenueCallList:
        """The revenue that people called.

        Each call with what was forecast when it was made; both are marked when the period is over.

        Needs the right `read`.
        """
        call = Call(
            method="GET",
            path=path_of(
                "/v1/calls/{period}",
                period=period,
            ),
            query={
                "scope": scope,
            },
            repeatable=True,
        )
        return cast("RevenueCallList", self._ask(call))

    def make_call(
        self, period: str, body: CallRequest, *, scope: str | None = None, idempotency_key: str | None = None
    ) -> RevenueCallList:
        """Call a revenue.

        Kept beside what is forecast now; earlier calls stay. Saying the same again adds nothing.

        Needs the right `write` or `recommend`.
        """
        call = Call(
            method="PUT",
            path=path_of(
                "/v1/calls/{period}",
                period=period,
            ),
            query={
                "scope": scope,
            },
            body=json_bytes(body),
            idempotency_key=idempotency_key or new_key(),
            repeatable=True,
        )
        return cast("RevenueCallList", self._ask(call))

    def get_goal_levels(
        self,
        period: str,
        *,
        scope: str | None = None,
        as_of: str | None = None,
        kpi: str | None = None,
        where: list[str] | None = None,
        value: float | None = None,
        growth: float | None = None,
    ) -> GoalLevels:
        """What is likely, safe, bold for a goal.

        Amounts that are reached with 90, 80, 50, 30 %, last year's, and stored targets that do not add up.

        Needs the right `read`.
        """
        call = Call(
            method="GET",
            path=path_of(
                "/v1/goals/{period}/levels",
                period=period,
            ),
            query={
                "scope": scope,
                "as_of": as_of,
                "kpi": kpi,
                "where": where,
                "value": value,
                "growth": growth,
            },
            repeatable=True,
        )
        return cast("GoalLevels", self._ask(call))

    def share_targets(self, body: ShareRequest) -> SharedTargets:
        """Share a target out to teams and people.

        Everybody gets the same chance of reaching the own target; beside it what the usual ways give.

        Nothing is stored without `write`.

        Needs the right `read`.
        """
        call = Call(
            method="POST",
            path="/v1/targets/share",
            query={},
            body=json_bytes(body),
        )
        return cast("SharedTargets", self._ask(call))

    def get_target_evenness(
        self, *, scope: str | None = None, as_of: str | None = None, quarters: int | None = None
    ) -> TargetEvenness:
        """How uneven chances were under past targets.

        The chance of each person's target on the first day of past quarters, and who reached it.

        Needs the right `read`.
        """
        call = Call(
            method="GET",
            path="/v1/targets/evenness",
            query={
                "scope": scope,
                "as_of": as_of,
                "quarters": quarters,
            },
            repeatable=True,
        )
        return cast("TargetEvenness", self._ask(call))

    def list_alert_channels(self) -> ChannelList:
        """Channels of alerts, and who is muted.

        Who is told what, and how many alerts arrived.

        Needs the right `admin`.
        """
        call = Call(
            method="GET",
            path="/v1/alerts",
            query={},
            repeatable=True,
        )
        return cast("ChannelList", self._ask(call))

    def add_alert_channel(self, body: ChannelRequest) -> NewChannel:
        """Add a channel of alerts.

        Alerts go by mail, to Slack, Teams or Chatwork, or to a program; to a person, or about a scope.

        Needs the right `admin`.
        """
        call = Call(
            method="POST",
            path="/v1/alerts",
            query={},
            body=json_bytes(body),
        )
        return cast("NewChannel", self._ask(call))

    def mute_alerts(self, body: MuteRequest) -> Muted:
        """Mute alerts.

        A person, or a channel, is told nothing more of some kinds, or again.

        Needs the right `admin`.
        """
        call = Call(
            method="POST",
            path="/v1/alerts/mutes",
            query={},
            body=json_bytes(body),
        )
        return cast("Muted", self._ask(call))

    def remove_alert_channel(self, channel_id: str) -> ChannelTold:
        """Remove a channel of alerts.

        Nothing more is sent to it; what was to be sent is dropped.

        Needs the right `admin`.
        """
        call = Call(
            method="DELETE",
            path=path_of(
                "/v1/alerts/{channel_id}",
                channel_id=channel_id,
            ),
            query={},
            repeatable=True,
        )
        return cast("ChannelTold", self._ask(call))

    def test_alert_channel(self, channel_id: str) -> ChannelTold:
        """Try a channel of alerts out.

        Sends an alert that says nothing, at any hour; the list tells whether it arrived.

        Needs the right `admin`.
        """
        call = Call(
            method="POST",
            path=path_of(
                "/v1/alerts/{channel_id}/test",
                channel_id=channel_id,
            ),
            query={},
        )
        return cast("ChannelTold", self._ask(call))

    def list_audit(
        self,
        *,
        since: str | None = None,
        until: str | None = None,
        caller: str | None = None,
        person: str | None = None,
        operation: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> AuditList:
        """Who did what, and who read whose figures.

        Every change, and every read of another person's figures, newest first; stored within seconds.

        Needs the right `admin`.
        """
        call = Call(
            method="GET",
            path="/v1/audit",
            query={
                "since": since,
                "until": until,
                "caller": caller,
                "person": person,
                "operation": operation,
                "limit": limit,
                "cursor": cursor,
            },
            repeatable=True,
        )
        return cast("AuditList", self._ask(call))

    def iter_audit(
        self,
        *,
        since: str | None = None,
        until: str | None = None,
        caller: str | None = None,
        person: str | None = None,
        operation: str | None = None,
        limit: int | None = None,
    ) -> Iterator[AuditEntry]:
        """All `entries` of `list_audit`, each page asked for when it is reached."""

        def page(cursor: str | None) -> AuditList:
            return self.list_audit(
                since=since,
                until=until,
                caller=caller,
                person=person,
                operation=operation,
                limit=limit,
                cursor=cursor,
            )

        return self._pages(page, "entries")

    def get_my_record(self, *, period: str | None = None) -> PersonRecord:
        """What is stored about me.

        All that is stored and computed about who asks: rows, figures, who read them, own answers.

        Needs the right `read`.
        """
        call = Call(
            method="GET",
            path="/v1/me/record",
            query={
                "period": period,
            },
            repeatable=True,
        )
        return cast("PersonRecord", self._ask(call))

    def answer_my_figure(self, body: MyAnswer) -> StoredPersonAnswer:
        """Answer a figure or question about me.

        The answer is stored, and told beside the figure to those who may see it.

        Needs the right `read`.
        """
        call = Call(
            method="POST",
            path="/v1/me/answers",
            query={},
            body=json_bytes(body),
        )
        return cast("StoredPersonAnswer", self._ask(call))

    def list_person_answers(self, *, person: str) -> PersonAnswerList:
        """What a person answered to his figures.

        Newest first; to be shown beside his figures.

        Needs the right `read`.
        """
        call = Call(
            method="GET",
            path="/v1/person-answers",
            query={
                "person": person,
            },
            repeatable=True,
        )
        return cast("PersonAnswerList", self._ask(call))

    def issue_card_token(self, body: CardTokenRequest) -> CardToken:
        """A token for the card of a deal in a page of another system.

        For one deal, one person and ten minutes. The person sees on it what he may see here.

        Needs the right `read`.
        """
        call = Call(
            method="POST",
            path="/v1/card-tokens",
            query={},
            body=json_bytes(body),
        )
        return cast("CardToken", self._ask(call))
