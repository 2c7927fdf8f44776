"""Is the service ready, does it take rows, and does every answer keep to its OpenAPI?"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import GenerationMode, openapi
from schemathesis.config import GenerationConfig, SchemathesisConfig
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from service.cli import run
from tests.support.story import AS_OF, PERIOD, Service


def test_the_service_is_ready_and_says_which_model_answers(service: Service) -> None:
    ready = service.get("/readyz")
    assert ready["status"] == "ready"
    assert ready["verified_rows"] > 0
    assert ready["model_version"] == service.get("/v1/models")["model"]["version"]


def test_readyz_is_503_where_a_kept_row_scores_differently(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = service.use_cases.serving.current()
    kept = dataclasses.replace(state.bundle.self_check, won_by=state.bundle.self_check.won_by + 1e-6)
    bent = dataclasses.replace(state, bundle=dataclasses.replace(state.bundle, self_check=kept))
    monkeypatch.setattr(service.use_cases.serving, "_state", bent)
    response = service.client.get("/readyz", headers={"Accept-Language": "en"})
    assert response.status_code == 503
    assert "sancho models rollback" in response.json()["detail"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/deals/NOPE", 404, "unknown_deal"),
        ("/v1/forecasts/2026-Q9", 422, "bad_period"),
        ("/v1/forecasts/2026-Q4?scope=team:NOPE", 404, "unknown_scope"),
        ("/v1/forecasts/2026-Q4?as_of=soon", 422, "bad_as_of"),
        ("/v1/forecasts/2026-Q4?as_of=0001-01-01", 422, "bad_as_of"),
        ("/v1/deals?sort=nope", 422, "bad_sort"),
        ("/v1/deals?limit=0", 422, "invalid_request"),
    ],
)
def test_api_answers_an_impossible_question_with_a_problem(
    service: Service, path: str, status: int, code: str
) -> None:
    response = service.client.get(path)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("address", ["/v1/deals?as_of={day}", "/v1/forecasts/2026-Q4?as_of={day}"])
def test_a_moment_beyond_our_time_is_one_problem(service: Service, address: str) -> None:
    for day in ("9999-12-31", "0001-01-01", "9999-12-31T23:59:59-12:00"):
        response = service.client.get(address.format(day=day))
        assert (response.status_code, response.json()["code"]) == (422, "bad_as_of")


def test_tables_for_people_can_be_printed(service: Service, capfd: pytest.CaptureFixture[str]) -> None:
    for lang in ("ja", "en"):
        for command in (
            ["forecast", PERIOD, "--as-of", AS_OF],
            ["score", "--as-of", AS_OF],
            ["models", "list"],
            ["models", "show", "1"],
        ):
            assert run([*command, "--lang", lang]) == 0
    assert "log loss" in capfd.readouterr().out


def test_scores_can_be_written_to_a_file(service: Service) -> None:
    assert run(["score", "--as-of", AS_OF, "--out", "scores.csv"]) == 0
    heading = (service.folder / "scores.csv").read_text("utf-8").splitlines()[0]
    assert heading == (
        "deal_id,as_of,period,win_probability,win_by_period_end,expected_revenue,"
        "revenue_p10,revenue_p50,revenue_p90,expected_close_date,model_version,name,account_name"
    )


def test_pushed_rows_are_answered_for_after_a_moment(service: Service) -> None:
    row = {"deal_id": "PUSHED", "created_at": "2026-11-01T09:00", "stage": "アポイント", "amount": 500_000}
    bad = {**row, "deal_id": "BAD", "amount": -5}
    body = "\n".join(json.dumps(one) for one in (row, bad))
    headers = {"Content-Type": "application/x-ndjson", "Accept-Language": "en"}
    first = service.client.put("/v1/tables/deals", content=body, headers=headers).json()
    assert (first["read"], first["imported"], first["quarantined"]) == (2, 1, 1)
    assert (first["errors"][0]["line"], first["errors"][0]["column"]) == (2, "amount")
    again = service.client.put("/v1/tables/deals", content=json.dumps(row), headers=headers).json()
    assert (again["imported"], again["unchanged"]) == (0, 1)
    service.use_cases.serving.refresh()
    assert service.get("/v1/deals/PUSHED")["deal_id"] == "PUSHED"


def test_rows_in_csv_are_taken_too(service: Service) -> None:
    body = "team_id,name\nTX,新設\n".encode()
    answer = service.client.put("/v1/tables/teams", content=body, headers={"Content-Type": "text/csv"})
    assert answer.json()["imported"] == 1


@pytest.mark.parametrize(
    ("table", "kind", "body", "status"),
    [
        ("nothing", "text/csv", b"a\n1\n", 404),
        ("deals", "image/png", b"", 415),
        ("deals", "application/x-ndjson", b"{", 400),
        ("deals", "application/x-ndjson", b"[1]", 400),
        ("deals", "text/csv", b"\xff\xfe", 422),
    ],
)
def test_api_answers_an_impossible_push_with_a_problem(
    service: Service, table: str, kind: str, body: bytes, status: int
) -> None:
    response = service.client.put(f"/v1/tables/{table}", content=body, headers={"Content-Type": kind})
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"


@schemathesis.serializer("application/x-ndjson")
def _as_a_line(_context: Any, value: Any) -> bytes:
    return json.dumps(value).encode()


def _has_a_documented_code(_context: Any, response: Any, case: Any) -> None:
    """The code of a problem is one that the OpenAPI names for its status."""
    if response.status_code >= 400:
        code = json.loads(response.content)["code"]
        documented = case.operation.definition.raw["responses"][str(response.status_code)]["x-codes"]
        assert code in documented, f"{response.status_code} {code!r} is not documented: {documented}"


def test_answers_keep_to_their_openapi(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.api.attempts.MOST", 10**9)  # it tries out wrong keys, too
    generation = GenerationConfig(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
    config = SchemathesisConfig.from_dict({})
    config.projects.default.generation = generation
    schema = openapi.from_asgi("/openapi.json", service.client.app, config=config)
    bounded = settings(
        max_examples=8,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    for result in schema.get_all_operations():
        _check_operation(result.ok(), bounded, service.key)


def _check_operation(operation: Any, bounded: Any, key: str) -> None:
    # A request may fit its schema and still name a day or a deal that is not there; a line of a batch that
    # does not fit is refused in its own place, beside the answers to the others.
    by_line = [negative_data_rejection] if operation.path.endswith("/score-batch") else []
    excluded = [positive_data_acceptance, *by_line]

    @bounded
    @_given(operation)
    def check(case: Any) -> None:
        case.call_and_validate(
            headers={"Authorization": f"Bearer {key}"},
            additional_checks=[_has_a_documented_code],
            excluded_checks=excluded,
        )

    check()


def _given(operation: Any) -> Any:
    from hypothesis import given

    return given(case=operation.as_strategy())
