"""Does each address ask the use case it is for? With fakes in their place, in milliseconds."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.api import use_cases
from service.app import create_app
from service.keys import ApiKey
from service.settings import Settings
from service.use_cases import UseCases

KINDS = {
    use_cases.deal_insights: "deals",
    use_cases.forecasts: "forecasts",
    use_cases.goals: "goals",
    use_cases.kpi_sets: "kpi_sets",
    use_cases.meetings: "meetings",
    use_cases.agreements: "agreements",
    use_cases.calls: "calls",
    use_cases.recommendations: "recommendations",
    use_cases.model_admin: "models",
    use_cases.comparisons: "comparisons",
    use_cases.tables: "tables",
    use_cases.job_requests: "jobs",
    use_cases.timelines: "timelines",
    use_cases.scopes: "scopes",
    use_cases.yomi: "yomi",
    use_cases.padding: "padding",
    use_cases.targets: "targets",
    use_cases.proofs: "proofs",
    use_cases.quarantine: "quarantine",
}


class Fake:
    """Stands in for a use case: answers every question by repeating it."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def is_quick(self, *_: object) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        return lambda *asked, **_named: {"asked": f"{self._kind}.{name}", "with": [str(one) for one in asked]}


class AnyKey:
    """Stands in for the keys: any text is one."""

    def remembered(self, *_: object) -> ApiKey:
        return ApiKey("k", "tester", 0)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    settings = Settings(home=tmp_path_factory.mktemp("routing"))
    nothing: dict[str, Any] = dict.fromkeys(
        name for name in UseCases.__dataclass_fields__ if name != "settings"
    )
    app = create_app(settings, UseCases(settings=settings, **nothing), warm=False, keys=AnyKey())  # type: ignore[arg-type]
    for provider, kind in KINDS.items():
        app.dependency_overrides[provider] = lambda kind=kind: Fake(kind)
    return TestClient(app, headers={"Authorization": "Bearer any"})


DEAL = {"deal": {"deal_id": "D1", "created_at": "2026-10-05", "stage": "提案"}}


@pytest.mark.parametrize(
    ("method", "path", "body", "asked"),
    [
        ("GET", "/deals?limit=2", None, "deals.list_deals"),
        ("GET", "/deals/D1", None, "deals.get_deal"),
        ("GET", "/deals/D1/timeline", None, "timelines.timeline"),
        ("GET", "/goals/2026-Q4/levels", None, "targets.levels"),
        ("POST", "/targets/share", {"period": "2026-Q4"}, "targets.share"),
        ("GET", "/targets/evenness", None, "targets.evenness"),
        ("GET", "/models/compare?a=2", None, "comparisons.compare"),
        ("GET", "/models/shadow", None, "comparisons.shadow"),
        ("POST", "/models/2/shadow", None, "comparisons.set_shadow"),
        ("DELETE", "/models/shadow", None, "comparisons.set_shadow"),
        ("POST", "/deals/score", DEAL, "deals.score_deal"),
        ("GET", "/forecasts/2026-Q4", None, "forecasts.forecast"),
        ("POST", "/forecasts/2026-Q4/what-if", {"won": ["D1"]}, "forecasts.what_if"),
        ("GET", "/kpis/2026-Q4", None, "goals.kpis"),
        ("POST", "/kpis/check", {"proposals": [{"kpi": "leads"}]}, "goals.check_kpis"),
        ("GET", "/kpis/2026-Q4/padding", None, "padding.padding"),
        ("GET", "/kpis/2026-Q4/candidates", None, "kpi_sets.candidates"),
        ("POST", "/kpis/propose", {"period": "2026-Q4"}, "kpi_sets.propose"),
        ("GET", "/kpis/2026-Q4/review", None, "kpi_sets.review"),
        ("GET", "/kpi-sets/company/2026-Q4", None, "kpi_sets.show"),
        (
            "PUT",
            "/kpi-sets/company/2026-Q4",
            {"kpis": [{"kpi": "leads", "value": 9}]},
            "kpi_sets.accept",
        ),
        ("GET", "/reviews/2026-W48", None, "meetings.review"),
        ("PUT", "/reviews/2026-W48", {"notes": {}, "version": 0}, "meetings.save_review"),
        ("GET", "/people/P1/one-on-one", None, "meetings.one_on_one"),
        ("PUT", "/people/P1/one-on-one", {"notes": {}, "version": 0}, "meetings.save_one_on_one"),
        ("GET", "/agreements", None, "agreements.listed"),
        ("PUT", "/agreements/A1", {"result": "done", "version": 1}, "agreements.change"),
        ("GET", "/calls/2026-Q4", None, "calls.calls"),
        ("PUT", "/calls/2026-Q4", {"amount": 1, "confidence": "low"}, "calls.make"),
        ("GET", "/trees/2026-Q4", None, "goals.tree"),
        ("POST", "/plans", {"period": "2026-Q4", "probability": 0.9}, "goals.plan"),
        ("GET", "/people/2026-Q4", None, "goals.people"),
        ("GET", "/scopes", None, "scopes.scopes"),
        ("GET", "/yomi/2026-Q4", None, "yomi.sheet"),
        ("GET", "/bottlenecks", None, "recommendations.bottlenecks"),
        ("GET", "/actions", None, "recommendations.actions"),
        ("POST", "/recommendations/R1/outcome", {"state": "done"}, "recommendations.record_outcome"),
        ("GET", "/recommendations/report", None, "recommendations.report"),
        ("GET", "/models", None, "models.versions"),
        ("GET", "/models/champion/proof", None, "proofs.proof"),
        ("GET", "/quarantine", None, "quarantine.listed"),
        ("POST", "/models/3/promote", None, "models.promote"),
        ("POST", "/models/rollback", None, "models.rollback"),
        ("PUT", "/tables/deals", [{"deal_id": "D1"}], "tables.push"),
        ("GET", "/jobs", None, "jobs.newest"),
        ("GET", "/jobs/J1", None, "jobs.one"),
        ("POST", "/jobs/J1/cancel", None, "jobs.cancel"),
    ],
)
def test_an_address_asks_its_use_case(client: TestClient, method: str, path: str, body: Any, asked: str):
    response = client.request(method, f"/v1{path}", json=body, headers={"Accept-Language": "en"})
    assert response.status_code == 200, response.text
    assert response.json()["asked"] == asked
    assert response.json()["with"][-1] == "en"
    assert response.headers["content-language"] == "en"


def test_parameters_arrive_as_they_were_sent(client: TestClient):
    path = "/v1/deals?scope=team:T1&as_of=2026-11-20&period=2026-Q4&sort=deal_id&limit=3"
    asked = client.get(path, headers={"Accept-Language": "en"}).json()["with"]
    assert asked == ["team:T1", "2026-11-20", "2026-Q4", "deal_id", "None", "3", "en"]


def test_a_call_whose_log_line_cannot_be_written_is_answered(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
):
    class Closed:
        def write(self, _text: str) -> int:
            raise ValueError("I/O operation on closed file.")

        flush = close = lambda self: None

    monkeypatch.setattr("sys.stdout", Closed())
    monkeypatch.setattr("sys.stderr", Closed())
    assert client.get("/v1/deals").status_code == 200


def test_operation_ids_are_verbs_in_snake_case(client: TestClient):
    paths = client.get("/openapi.json").json()["paths"]
    assert {one["operationId"] for path in paths.values() for one in path.values()} == {
        "accept_kpi_set",
        "add_agreement",
        "add_alert_channel",
        "add_webhook",
        "answer_my_figure",
        "ask_what_if",
        "cancel_job",
        "change_agreement",
        "change_password",
        "check_kpis",
        "check_liveness",
        "check_readiness",
        "compare_models",
        "compare_people",
        "delete_table_row",
        "download_report",
        "end_shadow",
        "download_quarantine",
        "finish_oidc",
        "get_calls",
        "get_deal",
        "get_deal_timeline",
        "get_forecast",
        "get_goal_levels",
        "get_job",
        "get_kpi_set",
        "get_kpis",
        "get_me",
        "get_metrics",
        "get_model",
        "get_model_proof",
        "get_my_record",
        "get_one_on_one",
        "get_padding",
        "get_review",
        "get_shadow",
        "get_target_evenness",
        "get_tree",
        "get_yomi",
        "import_file",
        "issue_card_token",
        "list_actions",
        "list_agreements",
        "list_audit",
        "list_alert_channels",
        "list_bottlenecks",
        "list_deals",
        "list_jobs",
        "list_kpi_candidates",
        "list_models",
        "list_scopes",
        "list_sign_in_ways",
        "list_person_answers",
        "list_quarantine",
        "list_webhook_deliveries",
        "list_webhooks",
        "make_call",
        "make_plan",
        "mute_alerts",
        "ping_webhook",
        "promote_model",
        "propose_kpi_sets",
        "put_table_rows",
        "record_outcome",
        "remove_alert_channel",
        "remove_webhook",
        "replay_webhook_events",
        "report_recommendations",
        "review_kpi_sets",
        "roll_back_model",
        "save_one_on_one",
        "save_review",
        "score_deal",
        "score_deals",
        "set_shadow",
        "share_targets",
        "sign_in",
        "sign_out",
        "start_oidc",
        "test_alert_channel",
        "train_model",
        "use_link",
    }
