"""Is what is recommended kept, and followed to its outcome?"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from models.actions import ActionEffect, Effects, Evidence
from service.schemas import (
    ActionList,
    RecommendationReport,
)
from service.serving_state import Caches
from tests.support.story import AS_OF, PERIOD, Service


@pytest.fixture
def with_actions(service: Service, monkeypatch: pytest.MonkeyPatch) -> Service:
    """The service with a model that knows of an action which helps; a world of 300 deals shows none."""
    state = service.use_cases.serving.current()
    stages = (500,) * len(state.bundle.levels["stage"])
    effects = Effects((), (), np.array([0.3]), np.array([[1e-4]]))
    helps = ActionEffect("demo", effects, 0.0, stages, 60.0, Evidence(200, 900, 0.4, 0.3, 0.5, 0.2))
    bundle = dataclasses.replace(state.bundle, actions=(helps,))
    told = dataclasses.replace(state, bundle=bundle, caches=Caches())
    monkeypatch.setattr(service.use_cases.serving, "_state", told)
    monkeypatch.setattr(service.use_cases.serving, "refresh", lambda warm=False: None)
    return service


def test_a_recommendation_is_made_kept_and_followed_to_its_outcome(with_actions: Service) -> None:
    service = with_actions
    answer = service.get("/v1/actions?limit=500")
    ActionList.model_validate(answer)
    assert answer["actions"]
    ranked = "attainment_pp" if answer["ranked_by"] == "attainment" else "revenue"
    hours = [one[ranked] or 0.0 for one in answer["actions"]]
    assert [round(one, 2) for one in hours] == sorted((round(one, 2) for one in hours), reverse=True)
    for one in answer["actions"]:
        assert one["revenue"] == one["expected_revenue"]
        assert (one["gap_share"] is None) == (service.get(f"/v1/forecasts/{PERIOD}")["gap"] <= 0)
    first = answer["actions"][0]
    path = f"/v1/recommendations/{first['recommendation_id']}/outcome"
    body = {"state": "dismissed", "reason": "予算がない"}
    for _ in range(2):
        response = service.client.post(path, json=body)
        assert response.status_code == 200, response.text
    report = service.get("/v1/recommendations/report")
    RecommendationReport.model_validate(report)
    mine = next(one for one in report["by_action"] if one["action"] == "demo")
    assert (mine["dismissed"], mine["reasons"]) == (1, {"予算がない": 1})
    assert mine["recommended"] >= len(answer["actions"])
    insight = service.get(f"/v1/deals/{first['deal_id']}")
    assert insight["actions"][0]["recommendation_id"] == first["recommendation_id"]
    assert {one["outcome"] for one in insight["actions"][0]["similar_deals"]} <= {"won", "lost"}


def test_actions_are_answered_while_the_store_is_full_and_written_later(
    with_actions: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_rows: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(with_actions.use_cases.serving.store, "save_recommendations", full)
        first = with_actions.get("/v1/actions?limit=1")["actions"][0]
        assert first["recommendation_id"] in with_actions.use_cases.recommendations._waiting
    response = with_actions.client.post(
        f"/v1/recommendations/{first['recommendation_id']}/outcome", json={"state": "shown"}
    )
    assert response.status_code == 200
    assert not with_actions.use_cases.recommendations._waiting


def test_actions_as_of_the_past_are_not_recorded_as_recommendations(with_actions: Service) -> None:
    before = with_actions.get("/v1/recommendations/report")["recommendations"]
    with_actions.get(f"/v1/actions?as_of={AS_OF}")
    with_actions.get(f"/v1/deals/{with_actions.open_deal()}?as_of={AS_OF}")
    assert with_actions.get("/v1/recommendations/report")["recommendations"] == before


def test_one_deal_is_told_why_actions_are_not_recommended(with_actions: Service) -> None:
    answer = with_actions.get(f"/v1/actions?as_of={AS_OF}&deal_id={with_actions.open_deal()}")
    assert {one["deal_id"] for one in answer["actions"]} <= {with_actions.open_deal()}
    assert len(answer["actions"]) + len(answer["not_recommended"]) == 1
    missing = with_actions.client.get("/v1/actions?deal_id=nobody")
    assert missing.status_code == 404


def test_an_outcome_of_what_was_never_recommended_is_refused(service: Service) -> None:
    response = service.client.post("/v1/recommendations/R0/outcome", json={"state": "done"})
    assert response.status_code == 404
    assert "recommendation_id" in response.json()["detail"]
