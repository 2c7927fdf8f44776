"""Are sets of KPIs proposed, checked, accepted with their history, and reviewed?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from crm.importing import push_rows
from service import schemas
from service.cli.kpi_set import _chosen
from tests.support.served import Served, small_service

PERIOD, PERSON = "2026-Q4", "person:P0"
BOTH = {"kpis": [{"kpi": "new_deals", "value": 4}, {"kpi": "proposals", "value": 3}]}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with small_service(tmp_path_factory.mktemp("kpi-sets")) as made:
        made.know_an_action()
        yield made


@pytest.fixture(scope="module")
def client(served: Served) -> TestClient:
    headers = {"Authorization": f"Bearer {served.key('read', 'write')}", "Accept-Language": "en"}
    return TestClient(served.app, headers=headers)


def asked(client: TestClient, method: str, path: str, body: Any = None, status: int = 200) -> Any:
    answer = client.request(method, f"/v1{path}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_candidates_say_what_their_effect_is_or_that_there_is_only_a_correlation(client: TestClient) -> None:
    answer = asked(client, "GET", f"/kpis/{PERIOD}/candidates")
    found = schemas.CandidateList.model_validate(answer).candidates
    names = [one.kpi for one in found]
    assert "revenue" not in names
    assert {"proposals", "visits", "demos"} <= set(names)
    for one in found:
        assert one.reason
        if one.evidence in ("correlation", "none"):
            assert one.attainment_pp is one.revenue is one.strength is one.source is None
        else:
            assert one.source is not None
    demos = next(one for one in found if one.kpi == "demos")
    assert demos.evidence in ("action", "none", "correlation")


def test_a_proposal_stores_nothing_and_what_it_proposes_passes_the_check(
    client: TestClient, served: Served
) -> None:
    before = served.cases.serving.store.imports_stored()
    answer = asked(client, "POST", "/kpis/propose", {"period": PERIOD})
    proposal = schemas.Proposal.model_validate(answer)
    assert served.cases.serving.store.imports_stored() == before
    assert served.cases.serving.store.kpi_sets() == []
    for one in proposal.sets:
        assert len(one.kpis) <= 5
        rows = [
            {"kpi": kpi.kpi, "scope": one.scope, "value": kpi.value, "period": PERIOD} for kpi in one.kpis
        ]
        if rows:
            checked = asked(client, "POST", "/kpis/check", {"proposals": rows})
            assert all(found["ok"] for row in checked["proposals"] for found in row["smart"].values())


def test_an_accepted_set_becomes_targets_and_its_versions_stay(client: TestClient, served: Served) -> None:
    first = asked(client, "PUT", f"/kpi-sets/{PERSON}/{PERIOD}", BOTH)
    assert first["current"]["version"] == 1
    assert first["current"]["accepted_by"] == "read+write"
    assert set(first["current"]["kpis"][0]["smart"]) >= {"specific", "relevant"}
    served.cases.serving.refresh()
    assert targets(served) == {("new_deals", 4.0, "committed"), ("proposals", 3.0, "committed")}
    fewer = {"kpis": [{"kpi": "proposals", "value": 5}], "reason": "四半期の見直し"}
    second = asked(client, "PUT", f"/kpi-sets/{PERSON}/2026-10-01..2026-12-31", fewer)
    assert second["current"]["version"] == 2
    assert [one["version"] for one in second["versions"]] == [2, 1]
    assert second["versions"][0]["reason"] == "四半期の見直し"
    assert [row["kpi"] for row in second["versions"][1]["kpis"]] == ["new_deals", "proposals"]
    schemas.KpiSet.model_validate(second)
    assert asked(client, "GET", f"/kpi-sets/{PERSON}/{PERIOD}")["versions"] == second["versions"]


def test_the_review_tells_of_each_accepted_kpi(client: TestClient) -> None:
    asked(client, "PUT", f"/kpi-sets/team:T1/{PERIOD}", BOTH)
    answer = asked(client, "GET", f"/kpis/{PERIOD}/review?scope=team:T1")
    review = schemas.KpiReview.model_validate(answer)
    of_team = next(one for one in review.sets if one.scope == "team:T1")
    assert [one.kpi for one in of_team.kpis] == ["new_deals", "proposals"]
    for one in of_team.kpis:
        assert one.verdict in ("drop", "keep", "change")
        assert one.sentence


def test_a_period_without_sets_says_so(client: TestClient) -> None:
    answer = asked(client, "GET", "/kpis/2026-11/review")
    assert answer["sets"] == []
    assert "no_kpi_set" in {one["code"] for one in answer["warnings"]}


@pytest.mark.parametrize(
    ("kpis", "code"),
    [
        ([{"kpi": "spirit", "value": 1}], "unknown_kpi"),
        ([{"kpi": "revenue", "value": 1}], "bad_request"),
        ([{"kpi": "visits", "value": 1}, {"kpi": "visits", "value": 2}], "bad_request"),
    ],
)
def test_what_cannot_stand_in_a_set_is_refused(client: TestClient, kpis: list[Any], code: str) -> None:
    answer = asked(client, "PUT", f"/kpi-sets/company/{PERIOD}", {"kpis": kpis}, 422)
    assert answer["code"] == code
    assert asked(client, "GET", f"/kpi-sets/company/{PERIOD}")["versions"] == []


def test_a_scope_that_nobody_knows_is_refused(client: TestClient) -> None:
    for method, body in (("GET", None), ("PUT", BOTH)):
        assert asked(client, method, f"/kpi-sets/person:zzz/{PERIOD}", body, 404)["code"] == "unknown_scope"


def test_a_kpi_on_the_command_line_is_a_name_and_a_value() -> None:
    assert _chosen("material:ROI=試算=3") == ("material:ROI=試算", 3.0)
    for wrong in ("visits", "visits=many"):
        with pytest.raises(Exception, match=wrong):
            _chosen(wrong)


def targets(served: Served) -> set[tuple[str, float, str]]:
    """Stored targets of the person: KPI, value and kind."""
    table = served.cases.serving.store.read(served.cases.serving.zone(), ["targets"])["targets"]
    own = table[(table["scope"] == PERSON) & (table["kind"] == "committed")]
    return set(zip(own["metric"], own["value"], own["kind"], strict=True))


def test_a_kpi_that_counts_an_action_can_be_a_target(served: Served) -> None:
    store, zone = served.cases.serving.store, served.cases.serving.zone()
    rows = [
        {"metric": metric, "scope": "company", "period": "2030-Q1", "value": 3}
        for metric in ("material:導入事例集", "action:現地調査", "material:", "action: ", "導入事例集")
    ]
    result = push_rows(store, "targets", rows, zone)
    assert [(error.line, error.column) for error in result.errors] == [
        (3, "metric"),
        (4, "metric"),
        (5, "metric"),
    ]
