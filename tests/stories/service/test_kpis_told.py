"""What is said of KPIs, levers, people and bottlenecks, by REST and on the command line?"""

from __future__ import annotations

import pytest

from service.cli import run
from service.schemas import (
    BottleneckList,
    KpiCheck,
    KpiList,
    PeopleList,
    Plan,
    Proposal,
    Tree,
)
from tests.support.story import AS_OF, PERIOD, Service


def test_kpis_say_the_same_by_rest_and_on_the_command_line(
    service: Service, capfd: pytest.CaptureFixture[str]
) -> None:
    response = service.client.get(f"/v1/kpis/{PERIOD}?as_of={AS_OF}", headers={"Accept-Language": "en"})
    assert response.status_code == 200, response.text
    rows = {kpi.kpi: kpi for kpi in KpiList.model_validate(response.json()).kpis}
    forecast = service.get(f"/v1/forecasts/{PERIOD}?as_of={AS_OF}")
    assert rows["revenue"].value == pytest.approx(forecast["closed"])
    assert rows["revenue"].forecast is not None
    assert rows["revenue"].forecast.p50 == pytest.approx(forecast["revenue"]["p50"])
    assert rows["visits"].forecast is not None
    assert rows["visits"].value <= rows["visits"].forecast.p10
    aimed = [row for row in rows.values() if row.target is not None and row.value is not None]
    assert aimed
    assert all(row.probability is not None for row in aimed)
    capfd.readouterr()
    assert run(["kpis", PERIOD, "--as-of", AS_OF, "--json", "--lang", "en"]) == 0
    assert capfd.readouterr().out.strip() == response.text
    assert run(["kpis", PERIOD, "--as-of", AS_OF, "--lang", "ja"]) == 0
    assert "受注率" in capfd.readouterr().out


def test_the_tree_and_the_plan_say_the_same_by_rest_and_on_the_command_line(
    service: Service, capfd: pytest.CaptureFixture[str]
) -> None:
    forecast = service.get(f"/v1/forecasts/{PERIOD}?as_of={AS_OF}")
    tree = service.client.get(f"/v1/trees/{PERIOD}?as_of={AS_OF}", headers={"Accept-Language": "en"})
    assert tree.status_code == 200, tree.text
    found = Tree.model_validate(tree.json())
    assert found.goal.probability == pytest.approx(forecast["probability"])
    assert [one.lever for one in found.branches] == [one["lever"] for one in forecast["drivers"]]
    strength = [
        one.attainment_pp if found.ranked_by == "attainment" else one.revenue for one in found.branches
    ]
    assert strength == sorted(strength, reverse=True)
    assert [one.revenue for one in found.branches] == [one["revenue"] for one in forecast["drivers"]]
    body = {"period": PERIOD, "as_of": AS_OF, "probability": 0.97}
    response = service.client.post("/v1/plans", json=body, headers={"Accept-Language": "en"})
    assert response.status_code == 200, response.text
    plan = Plan.model_validate(response.json())
    assert plan.current_probability == pytest.approx(forecast["probability"])
    assert plan.attainable == (plan.maximum >= 0.97 or plan.current_probability >= 0.97)
    assert plan.probability >= plan.current_probability
    assert {row.kpi for one in plan.people for row in one.kpis} <= {"leads", "appointments", "proposals"}
    capfd.readouterr()
    assert run(["plan", PERIOD, "--probability", "0.97", "--as-of", AS_OF, "--json", "--lang", "en"]) == 0
    assert capfd.readouterr().out.strip() == response.text
    assert run(["tree", PERIOD, "--as-of", AS_OF, "--json", "--lang", "en"]) == 0
    assert capfd.readouterr().out.strip() == tree.text
    for command in (["tree", PERIOD], ["plan", PERIOD, "--lever", "leads"]):
        assert run([*command, "--as-of", AS_OF, "--lang", "ja"]) == 0
    assert "達成確率" in capfd.readouterr().out
    strange = service.client.post("/v1/plans", json={**body, "levers": ["luck"]})
    assert (strange.status_code, strange.json()["code"]) == (422, "bad_request")


def test_proposed_kpis_are_checked(service: Service) -> None:
    rows = service.get(f"/v1/kpis/{PERIOD}?as_of={AS_OF}")["kpis"]
    leads = next(row for row in rows if row["kpi"] == "leads")
    fair = {"kpi": "leads", "value": leads["forecast"]["p50"], "period": PERIOD}
    hopeless = {"kpi": "leads", "value": 100 * leads["forecast"]["p90"], "period": PERIOD, "unit": "円"}
    vague = {"kpi": "spirit", "scope": "tanaka"}
    body = {"as_of": AS_OF, "proposals": [fair, hopeless, vague]}
    response = service.client.post("/v1/kpis/check", json=body, headers={"Accept-Language": "en"})
    assert response.status_code == 200, response.text
    first, second, third = KpiCheck.model_validate(response.json()).proposals
    assert first.smart["specific"].ok
    assert first.smart["measurable"].ok
    assert first.smart["achievable"].ok
    assert first.probability == pytest.approx(0.5, abs=0.05)
    assert not second.smart["achievable"].ok
    assert second.probability is not None
    assert 0.0 < second.probability < 0.001
    assert not second.smart["specific"].ok
    assert not any(finding.ok for finding in third.smart.values())
    assert "tanaka" in third.smart["specific"].why
    aimed = [row for row in rows if row["target"] is not None]
    assert all(set(row["smart"]) == set(first.smart) for row in aimed)


def test_people_are_compared_fairly_by_rest_and_on_the_command_line(
    service: Service, capfd: pytest.CaptureFixture[str]
) -> None:
    response = service.client.get(f"/v1/people/FY2026?as_of={AS_OF}", headers={"Accept-Language": "en"})
    assert response.status_code == 200, response.text
    people = PeopleList.model_validate(response.json()).people
    assert sum(row.expected_wins for row in people) == pytest.approx(sum(row.wins for row in people), rel=0.1)
    assert all(
        row.wins_above_expected.p10 <= row.wins_above_expected.p50 <= row.wins_above_expected.p90
        for row in people
    )
    assert any(row.stages for row in people)
    capfd.readouterr()
    assert run(["people", "FY2026", "--as-of", AS_OF, "--json", "--lang", "en"]) == 0
    assert capfd.readouterr().out.strip() == response.text
    assert run(["people", "FY2026", "--as-of", AS_OF, "--lang", "ja"]) == 0
    assert "期待比" in capfd.readouterr().out


def test_bottlenecks_come_with_their_price_and_the_funnel(service: Service) -> None:
    for lang in ("ja", "en"):
        answer = service.get(f"/v1/bottlenecks?as_of={AS_OF}", **{"Accept-Language": lang})
        BottleneckList.model_validate(answer)
    for step in answer["funnel"]:
        assert step["entered"] == step["advanced"] + step["lost"] + step["open"]
    assert answer["bottlenecks"] or "no_bottleneck" in {one["code"] for one in answer["warnings"]}
    team = service.get(f"/v1/forecasts/{PERIOD}?as_of={AS_OF}")["children"][0]["scope"]
    mine = service.get(f"/v1/bottlenecks?as_of={AS_OF}&scope={team}")["funnel"]
    assert sum(step["entered"] for step in mine) <= sum(step["entered"] for step in answer["funnel"])


def test_proposed_sets_pass_the_check(service: Service) -> None:
    body = {"period": PERIOD, "as_of": AS_OF}
    made = service.client.post("/v1/kpis/propose", json=body)
    assert made.status_code == 200, made.text
    sets = Proposal.model_validate(made.json()).sets
    rows = [
        {"kpi": kpi.kpi, "scope": one.scope, "value": kpi.value, "period": PERIOD}
        for one in sets
        for kpi in one.kpis
    ]
    assert rows
    response = service.client.post("/v1/kpis/check", json={"as_of": AS_OF, "proposals": rows})
    checked = KpiCheck.model_validate(response.json())
    assert {name for row in checked.proposals for name, found in row.smart.items() if not found.ok} == set()
    assert all(person.findings["controllable"].ok for person in checked.people)
    assert {one.scope for one in sets if len(one.kpis) >= 3} == {
        person.scope for person in checked.people if person.findings["three_to_five"].ok
    }
