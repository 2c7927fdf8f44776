"""Each kind of condition is found where it is planted, and told in words and by open deals."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from crm.eventlog import EventLog
from crm.instants import end_of_day
from features import CATALOGUE
from models.bottlenecks import Bottleneck, Condition
from service.bottlenecks import describe_bottleneck
from training.bottlenecks import find_bottlenecks
from training.observational_data import ObservationalData

TOKYO = ZoneInfo("Asia/Tokyo")
END = date(2026, 6, 30)
DEALS = 9_000
STAGES = ("初回訪問", "提案・見積", "クロージング", "受注", "失注")


def organisation(seed: int, planted: bool) -> EventLog:
    """Deals that go 初回訪問, 提案・見積, クロージング, one month each.

    Planted: product B is hardly won without a demo in 初回訪問; product C hardly where the first meeting came
    more than 14 days after the creation; from 提案・見積 fewer of region 関西 go on.
    """
    rng = np.random.default_rng(seed)
    created = pd.Timestamp("2023-07-01", tz=TOKYO) + pd.to_timedelta(rng.uniform(0, 1080, DEALS), "D")
    product, region = rng.choice(list("ABCD"), DEALS), rng.choice(["関東", "関西", "中部"], DEALS)
    demo, meeting = rng.random(DEALS) < 0.5, rng.uniform(1, 28, DEALS)
    on = rng.random((DEALS, 3)) < [0.8, 0.75, 0.6]
    if planted:
        on[:, 1] &= (region != "関西") | (rng.random(DEALS) < 0.6)
        on[:, 2] &= (product != "B") | demo | (rng.random(DEALS) < 0.35)
        on[:, 2] &= (product != "C") | (meeting <= 14) | (rng.random(DEALS) < 0.35)
    reached = np.cumprod(on, axis=1).sum(axis=1)  # stages gone on from
    end = pd.Timestamp(END, tz=TOKYO)
    ids = np.array([f"D{n}" for n in range(DEALS)])
    moves = []
    for step in range(3):
        at = created + pd.to_timedelta(30 * (step + 1) + rng.uniform(-3, 3, DEALS), "D")
        last = reached < step + 1
        new = np.where(last, STAGES[4], STAGES[step + 1])
        use = (reached >= step) & (at < end)
        moves.append(pd.DataFrame({"deal_id": ids, "at": at, "value": new, "old_value": STAGES[step]})[use])
    events = pd.concat(moves, ignore_index=True).assign(field="stage")
    final = events.groupby("deal_id").agg(stage=("value", "last"), at=("at", "last")).reindex(ids)
    over = final["stage"].isin(STAGES[3:]).to_numpy()
    deals = pd.DataFrame(
        {
            "deal_id": ids,
            "created_at": created,
            "product": product,
            "account_id": [f"A{n}" for n in range(DEALS)],
            "stage": final["stage"].fillna(STAGES[0]).to_numpy(),
            "closed_at": final["at"].where(over).to_numpy(),
            "outcome": np.where(over, np.where(final["stage"] == STAGES[3], "won", "lost"), None),
        }
    )
    acts = [
        pd.DataFrame({"deal_id": ids, "at": created + pd.to_timedelta(2.0, "D"), "kind": "call"}),
        pd.DataFrame({"deal_id": ids, "at": created + pd.to_timedelta(meeting, "D"), "kind": "visit"}),
        pd.DataFrame({"deal_id": ids, "at": created + pd.to_timedelta(20.0, "D"), "kind": "demo"})[demo],
    ]
    activities = pd.concat(acts, ignore_index=True)
    activities = activities[activities["at"] < end].assign(direction="out").reset_index(drop=True)
    activities["activity_id"] = [f"K{n}" for n in range(len(activities))]
    stages = pd.DataFrame(
        {
            "stage": STAGES,
            "position": range(1, 6),
            "outcome": [None, None, None, "won", "lost"],
            "kpi": [None] * 5,
        }
    )
    accounts = pd.DataFrame({"account_id": deals["account_id"], "region": region})
    tables = {"stages": stages, "deals": deals, "deal_events": events, "activities": activities}
    return EventLog.of({**tables, "accounts": accounts}, TOKYO)


@pytest.fixture(scope="module")
def found() -> tuple[Bottleneck, ...]:
    return find_bottlenecks(ObservationalData.of(organisation(1, True), end_of_day(END, TOKYO)))


def test_a_step_left_out_an_interval_between_activities_and_a_weak_conversion_are_found(
    found: tuple[Bottleneck, ...],
) -> None:
    assert {(one.condition, tuple(one.segment.items())) for one in found} == {
        (Condition("activity_gap", STAGES[0], STAGES[1], 0, "demos"), (("product", "B"),)),
        (Condition("interval", STAGES[0], STAGES[1], 14, "created_to_meeting_days"), (("product", "C"),)),
        (Condition("conversion", STAGES[1], STAGES[2], 0), (("region", "関西"),)),
    }
    by_kind = {one.condition.feature or one.condition.kind: one for one in found}
    # Those that go on to 提案・見積 are won by .75 x .6, two in three of them no more with the fault.
    assert by_kind["demos"].effect == pytest.approx(-0.65 * 0.75 * 0.6, abs=0.1)
    assert by_kind["conversion"].effect == pytest.approx(-0.4 * 0.75, abs=0.1)


def test_bottleneck_search_finds_nothing_where_nothing_is_planted() -> None:
    assert find_bottlenecks(ObservationalData.of(organisation(2, False), end_of_day(END, TOKYO))) == ()


def test_bottleneck_texts_are_in_both_languages(found: tuple[Bottleneck, ...]) -> None:
    said = [
        describe_bottleneck(one, CATALOGUE, "ja")["label"]
        + describe_bottleneck(one, CATALOGUE, "en")["label"]
        for one in found
    ]
    assert any("製品デモのないまま" in text and "without a product demonstration" in text for text in said)
    assert any("初回面談までの日数が14日を超える" in text for text in said)
    assert any("「クロージング」へ進む割合" in text and "クロージング" in text for text in said)
    conditions = [describe_bottleneck(one, CATALOGUE, "en")["condition"] for one in found]
    assert {(one["feature"], one["op"]) for one in conditions} == {
        ("demos", "="),
        ("created_to_meeting_days", ">"),
        ("conversion", "<"),
    }


def test_bottleneck_condition_holds_open_deals_in_it_and_those_yet_to_reach_it() -> None:
    names = ("stage", "days_in_stage", "product", "demos", "created_to_meeting_days")
    features = [next(one for one in CATALOGUE if one.name == name) for name in names]
    levels = {"stage": list(STAGES), "product": ["A", "B"]}
    x = np.array(
        [[0, 5, 1, 0, np.nan], [1, 5, 1, 0, 20], [1, 5, 1, 2, 3], [2, 5, 1, 0, 20], [0, 5, 0, 0, np.nan]]
    )

    def touched(condition: Condition) -> tuple[list[bool], list[bool]]:
        one = Bottleneck(
            condition=condition,
            segment={"product": "B"},
            effect=-0.2,
            low=-0.3,
            high=-0.1,
            q=0.01,
            deals=300,
            rate_with=0.3,
            rate_without=0.5,
        )
        inside, coming = one.affected_and_at_risk(x, features, levels)
        return inside.tolist(), coming.tolist()

    no, first, second = [False] * 5, [True] + [False] * 4, [False, True, False, False, False]
    assert touched(Condition("activity_gap", STAGES[0], STAGES[1], 0, "demos")) == (second, first)
    late = Condition("interval", STAGES[0], STAGES[1], 14, "created_to_meeting_days")
    assert touched(late) == (second, first)
    assert touched(Condition("conversion", STAGES[1], STAGES[2], 0)) == (
        [False, True, True, False, False],
        no,
    )


def test_without_a_weak_conversion_as_many_more_get_as_far() -> None:
    one = Bottleneck(
        condition=Condition("conversion", "b", "c", 0),
        segment={},
        effect=-0.2,
        low=-0.3,
        high=-0.1,
        q=0.01,
        deals=300,
        rate_with=0.4,
        rate_without=0.6,
    )
    assert one.counterfactual_chance(np.array([0.2, 0.9, 0.995])) == pytest.approx([0.3, 0.99, 0.995])
