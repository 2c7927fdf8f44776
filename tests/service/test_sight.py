"""Is each kind of caller answered what the matrix says, about whom it says?"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from service.access_rules import NEEDS, SIGHT
from tests.support.fakes import PERIOD
from tests.support.served_teams import NEW, OWN, SEEN, Served, may_see_owner, opened, scopes_of
from tests.support.teams import (
    OWNERS,
    PEOPLE,
    deal_of,
)

_FILE = Path(__file__).parent / "sight_matrix.csv"
MATRIX = list(csv.DictReader(_FILE.read_text(encoding="utf-8").splitlines()))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with pytest.MonkeyPatch.context() as patch:
        made = opened(tmp_path_factory.mktemp("sight"), patch)
        yield made
        made.close()


# The matrix: what each kind of caller is answered about whom.

DEALS = {"other_person": "p-abe", "other_team": "p-baba", "company": ""}
CELLS = [
    (row["operation"], row["caller"], column, row[column])
    for row in MATRIX
    for column in scopes_of("seller")
    if row[column] != "-" and row["operation"] not in ("put_table_rows", "delete_table_row")
]
ASKED: dict[str, tuple[str, str, Any]] = {
    "list_deals": ("GET", "/deals?scope={scope}", None),
    "get_forecast": ("GET", f"/forecasts/{PERIOD}?scope={{scope}}", None),
    "download_report": ("GET", f"/reports/yomi/{PERIOD}?format=csv&scope={{scope}}", None),
    "get_yomi": ("GET", f"/yomi/{PERIOD}?scope={{scope}}", None),
    "ask_what_if": ("POST", f"/forecasts/{PERIOD}/what-if", {"scope": "{scope}"}),
    "get_kpis": ("GET", f"/kpis/{PERIOD}?scope={{scope}}", None),
    "check_kpis": ("POST", "/kpis/check", {"proposals": [{"kpi": "leads", "scope": "{scope}", "value": 9}]}),
    "get_padding": ("GET", f"/kpis/{PERIOD}/padding?scope={{scope}}", None),
    "list_kpi_candidates": ("GET", f"/kpis/{PERIOD}/candidates?scope={{scope}}", None),
    "propose_kpi_sets": ("POST", "/kpis/propose", {"period": PERIOD, "scope": "{scope}"}),
    "review_kpi_sets": ("GET", f"/kpis/{PERIOD}/review?scope={{scope}}", None),
    "get_kpi_set": ("GET", f"/kpi-sets/{{scope}}/{PERIOD}", None),
    "accept_kpi_set": ("PUT", f"/kpi-sets/{{scope}}/{PERIOD}", {"kpis": [{"kpi": "leads", "value": 9}]}),
    "get_review": ("GET", "/reviews/this-week?scope={scope}", None),
    "save_review": (
        "PUT",
        "/reviews/this-week?scope={scope}",
        {"notes": {"decisions": "同行する"}, "version": 0},
    ),
    "list_agreements": ("GET", "/agreements?scope={scope}", None),
    "get_one_on_one": ("GET", "/people/{person}/one-on-one", None),
    "save_one_on_one": ("PUT", "/people/{person}/one-on-one", {"notes": {}, "version": 0}),
    "add_agreement": (
        "POST",
        "/agreements",
        {"person_id": "{person}", "what": "訪問する", "due": "2030-01-31", "day": "2030-01-24"},
    ),
    "change_agreement": ("PUT", "/agreements/{agreement}", {"result": "done", "version": 1}),
    "get_calls": ("GET", f"/calls/{PERIOD}?scope={{scope}}", None),
    "make_call": ("PUT", f"/calls/{PERIOD}?scope={{scope}}", {"amount": 9e6, "confidence": "high"}),
    "get_tree": ("GET", f"/trees/{PERIOD}?scope={{scope}}", None),
    "make_plan": ("POST", "/plans", {"period": PERIOD, "probability": 0.8, "scope": "{scope}"}),
    "compare_people": ("GET", f"/people/{PERIOD}?scope={{scope}}", None),
    "get_goal_levels": ("GET", f"/goals/{PERIOD}/levels?scope={{scope}}", None),
    "share_targets": ("POST", "/targets/share", {"period": PERIOD, "scope": "{scope}", "total": 9e6}),
    "get_target_evenness": ("GET", "/targets/evenness?quarters=1&scope={scope}", None),
    "list_bottlenecks": ("GET", "/bottlenecks?scope={scope}", None),
    "list_actions": ("GET", "/actions?scope={scope}", None),
    "get_deal": ("GET", "/deals/{deal}", None),
    "get_deal_timeline": ("GET", "/deals/{deal}/timeline", None),
    "score_deal": ("POST", "/deals/score", {"deal": NEW}),
    "score_deals": ("POST", "/deals/score-batch", {"deal": NEW}),
    "record_outcome": ("POST", "/recommendations/{recommendation}/outcome", {"state": "shown"}),
    "issue_card_token": ("POST", "/card-tokens", {"deal_id": "{deal}"}),
    "report_recommendations": ("GET", "/recommendations/report", None),
    "list_scopes": ("GET", "/scopes", None),
    "list_person_answers": ("GET", "/person-answers?person={person}", None),
    "get_my_record": ("GET", "/me/record", None),
    "answer_my_figure": ("POST", "/me/answers", {"subject": "kpi.win_rate", "answer": "はい"}),
    "list_audit": ("GET", "/audit", None),
    "add_alert_channel": ("POST", "/alerts", {}),
    "list_alert_channels": ("GET", "/alerts", None),
    "remove_alert_channel": ("DELETE", "/alerts/A1", None),
    "test_alert_channel": ("POST", "/alerts/A1/test", None),
    "mute_alerts": ("POST", "/alerts/mutes", {}),
    "list_jobs": ("GET", "/jobs", None),
    "get_job": ("GET", "/jobs/{job}", None),
    "cancel_job": ("POST", "/jobs/{job}/cancel", None),
    "list_models": ("GET", "/models", None),
    "get_model": ("GET", "/models/1", None),
    "compare_models": ("GET", "/models/compare?a=1", None),
    "get_shadow": ("GET", "/models/shadow", None),
    "get_model_proof": ("GET", "/models/1/proof", None),
    "list_quarantine": ("GET", "/quarantine", None),
    "download_quarantine": ("GET", "/quarantine/deals.csv", None),
    "import_file": ("POST", "/imports?file=deals.csv", None),
    "train_model": ("POST", "/trainings", {}),
    "promote_model": ("POST", "/models/1/promote", None),
    "roll_back_model": ("POST", "/models/rollback", None),
    "set_shadow": ("POST", "/models/1/shadow", None),
    "end_shadow": ("DELETE", "/models/shadow", None),
    "add_webhook": ("POST", "/webhooks", {"url": "https://example.com/", "events": ["model.promoted"]}),
    "list_webhooks": ("GET", "/webhooks", None),
    "remove_webhook": ("DELETE", "/webhooks/W1", None),
    "ping_webhook": ("POST", "/webhooks/W1/ping", None),
    "list_webhook_deliveries": ("GET", "/webhooks/W1/deliveries", None),
    "replay_webhook_events": ("POST", "/webhooks/W1/replay", {}),
}
_WRITES = ("put_table_rows", "delete_table_row")  # see test_rows_of_others_are_not_written
_OF_ALL = [name for name in ASKED if name not in SIGHT]


def filled(value: Any, **names: str) -> Any:
    """A question with its names filled in."""
    if isinstance(value, str):
        return value.format(
            **{
                name: names.get(name, "")
                for name in ("scope", "deal", "recommendation", "job", "person", "agreement")
            }
        )
    if isinstance(value, dict):
        return {key: filled(one, **names) for key, one in value.items()}
    return [filled(one, **names) for one in value] if isinstance(value, list) else value


def test_the_matrix_has_every_call_for_every_kind_of_caller(served: Served):
    operations = {
        operation["operationId"]
        for path, calls in served.app.openapi()["paths"].items()
        for operation in calls.values()
        if path.startswith("/v1/")
    }
    kinds = ["program", "key of team", "seller", "manager", "admin"]
    assert [(row["operation"], row["caller"]) for row in MATRIX] == [
        (operation, kind) for operation in dict.fromkeys(row["operation"] for row in MATRIX) for kind in kinds
    ]
    assert {row["operation"] for row in MATRIX} == operations
    assert {*ASKED, *_WRITES} == operations
    assert SIGHT.keys() <= NEEDS.keys()


def test_a_call_without_a_rule_is_only_for_who_sees_everything(
    served: Served, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("service.api.seen.SIGHT", {})
    for caller in SEEN:
        answer = served.ask(caller, "GET", "/deals")
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    assert served.ask("program", "GET", "/deals").status_code == 200


@pytest.mark.parametrize(("operation", "caller", "column", "expected"), CELLS, ids=str)
def test_the_matrix_holds(operation: str, caller: str, column: str, expected: str, served: Served):
    scope = scopes_of(caller)[column]
    owner = OWN.get(caller, "p-x") if column == "own_person" else DEALS.get(column, "p-x")
    method, path, body = ASKED[operation]
    if operation in _OF_ALL and expected == "yes":
        return  # who sees everything is refused by rights alone: test_access
    deal = deal_of(owner, 2)
    names = {"scope": scope, "deal": deal, "person": owner}
    if operation == "report_recommendations" or "{recommendation}" in path:
        names["recommendation"] = recommendation_of(served, deal)
    if operation == "list_jobs" or "{job}" in path:
        names["job"] = job(served)
    if "{agreement}" in path:
        names["agreement"] = agreement_of(served, owner)
    answer = served.ask(caller, method, filled(path, **names), filled(body, **names))
    is_yes, done = expected == "yes", 201 if operation == "add_agreement" else 200
    if operation in _OF_ALL:
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    elif operation in ("score_deal", "score_deals"):
        assert (answer.json()["attainment"]["scope"] == scope) == is_yes
    elif operation == "check_kpis":
        assert ("誰のKPIか" in answer.json()["proposals"][0]["smart"]["specific"]["why"]) != is_yes
    elif operation == "report_recommendations":
        counted = answer.json()["recommendations"]
        seen = [name for name in everybody() if may_see_owner(caller, name)]
        assert counted == sum(open_deals_of(name) for name in seen)
        assert (owner in seen) == is_yes
    elif operation == "list_scopes":
        assert (scope in {row["scope"] for row in answer.json()["scopes"]}) == is_yes
    elif operation in ("get_my_record", "answer_my_figure"):
        assert answer.status_code in (200, 201), answer.text
    elif operation == "list_jobs":
        assert bool(answer.json()["jobs"]) == is_yes
    elif operation in ("compare_models", "get_model", "get_shadow", "get_model_proof"):
        assert answer.status_code in (200, 404, 409, 422)
        assert answer.json() == served.ask("program", method, filled(path, **names)).json()
    else:
        assert answer.status_code == (done if is_yes else 404), answer.text
        if not is_yes:
            unknown = {name: ("zzz" if name != "scope" else "person:zzz") for name in names}
            other = served.ask(caller, method, filled(path, **unknown), filled(body, **unknown))
            assert without(answer.json(), *names.values()) == without(other.json(), *unknown.values())


def everybody() -> list[str]:
    return [*PEOPLE, ""]


def open_deals_of(owner: str) -> int:
    """Open deals of an owner now."""
    if owner not in OWNERS:
        return 0
    return 2 + (owner == "p-baba") - (owner == "p-sato")


def without(answer: Any, *names: str) -> str:
    """The text of an answer without names that the question had."""
    text = orjson.dumps(answer).decode()
    for name in filter(None, names):
        text = (
            text.replace(f"「{name}」", "「」").replace(f"「person:{name}」", "「」").replace(f"/{name}", "/")
        )
    return text


def recommendation_of(served: Served, deal_id: str) -> str:
    """The id of what is recommended for a deal; all that is recommended is stored."""
    listed = served.ask("program", "GET", "/actions?limit=1000").json()["actions"]
    return next((row["recommendation_id"] for row in listed if row["deal_id"] == deal_id), "R0")


def agreement_of(served: Served, person: str) -> str:
    """The id of an agreement of a person, which nobody has touched."""
    method, path, body = ASKED["add_agreement"]
    return str(served.ask("program", method, path, filled(body, person=person)).json()["agreement_id"])


def job(served: Served) -> str:
    """A job that somebody has put into the queue."""
    queue = served.cases.jobs._queue
    return queue.add("training", {}, unique_key="training", requested_by="crm")[0].job_id
