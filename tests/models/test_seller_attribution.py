"""Is a person's skill told apart from luck and from the deals that were handed over?"""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from crm.eventlog import EventLog
from crm.instants import as_of_instant
from features.calendar import Calendar
from features.kpis import KpiEvents
from models.forecast.organisation import ScopeTree
from models.kpis import RemainingPeriod
from models.seller_attribution import AttributedDeals, _received_at, results_above_expected
from models.stage_conversion import stage_conversions

TOKYO = ZoneInfo("Asia/Tokyo")


def handed(skill: list[float], chance: list[float], deals: int, seed: int) -> AttributedDeals:
    """Deals of several sellers, each handed deals of a chance of its own, won more often by the skilled."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(len(skill)), deals)
    p = np.array(chance)[person] * rng.uniform(0.7, 1.3, len(person))
    won = rng.random(len(person)) < p * (1 + np.array(skill)[person])
    amount = np.full(len(person), 100.0)
    brought = np.where(won, amount * rng.lognormal(-0.02, 0.2, len(person)), 0.0)
    return AttributedDeals(person, np.arange(len(person)), won, brought, p, amount, 0.2)


def test_good_deals_do_not_count_as_skill_and_skill_shows_through_poor_ones() -> None:
    skill, chance = [0.0, 0.0, 0.5, -0.5, 0.0, 0.0], [0.5, 0.5, 0.15, 0.3, 0.15, 0.3]
    found = handed(skill, chance, 400, 1)
    stands = results_above_expected(found, found, np.append(np.arange(6), -1), 6)
    assert stands.wins[0] > stands.wins[2]  # the raw numbers say the opposite
    above = stands.wins_above / stands.expected_wins[:, None]
    assert int(above[:, 1].argmax()) == 2
    assert int(above[:, 1].argmin()) == 3
    assert above[2, 0] > 0 > above[3, 2]
    assert (above[[0, 1, 4, 5], 0] < 0).all()
    assert (above[[0, 1, 4, 5], 2] > 0).all()
    money = stands.revenue_above / stands.expected_revenue[:, None]
    assert money[2, 0] > 0 > money[3, 2]


def test_intervals_cover_the_true_skill_as_often_as_they_say() -> None:
    rng, inside = np.random.default_rng(5), []
    for seed in range(60):
        skill = np.clip(rng.normal(0, 0.2, 12), -0.6, 0.6)
        found = handed(skill.tolist(), [0.25] * 12, 60, seed)
        stands = results_above_expected(found, found, np.append(np.arange(12), -1), 12)
        low, _, high = (stands.wins_above / stands.expected_wins[:, None]).T
        inside.append((low <= skill) & (skill <= high))
    assert 0.72 <= np.mean(inside) <= 0.88


def test_a_period_holds_its_own_deals_and_expects_together_what_they_brought() -> None:
    found = handed([0.3, 0.3], [0.2, 0.4], 300, 2)
    part = found.within(100, 500)
    assert len(part.won) == 400
    assert part.chance.sum() == pytest.approx(part.won.sum())
    assert (part.chance * part.amount).sum() == pytest.approx(part.revenue.sum())
    assert part.chance[250] > part.chance[50]  # the better deals stay the better ones


def test_a_deal_counts_from_its_last_hand_over_before_it_closed() -> None:
    log = EventLog.of(
        {
            "deals": pd.DataFrame(
                {
                    "deal_id": ["A", "B"],
                    "created_at": ["2026-01-01", "2026-01-02"],
                    "stage": ["受注", "失注"],
                    "closed_at": ["2026-03-01", "2026-03-02"],
                    "outcome": ["won", "lost"],
                }
            ),
            "deal_events": pd.DataFrame(
                {
                    "deal_id": ["A", "A", "A"],
                    "at": ["2026-02-01T10:00", "2026-02-15T10:00", "2026-04-01"],
                    "field": ["owner_id"] * 3,
                    "value": ["bob", "cid", "dan"],
                }
            ),
        },
        TOKYO,
    )
    day = [as_of_instant(text, TOKYO) for text in ("2025-12-31", "2026-01-01", "2026-02-28", "2026-03-01")]
    got = _received_at(log, np.array(["A", "B"], object), np.array(day[:2]), np.array(day[2:]))
    assert got[0] == as_of_instant("2026-02-15T10:00", TOKYO) + 1
    assert got[1] == day[1] + 1


def test_the_way_from_checkpoint_to_checkpoint_is_what_one_counts_by_hand() -> None:
    """Six peers with 40 deals each: of p0's all go on from the proposal, of the others' half."""
    rows, events = [], []
    for person in range(6):
        for number in range(40):
            name = f"{person}-{number}"
            on = person == 0 or number % 2 == 0
            rows.append(
                (
                    name,
                    "2026-01-05",
                    f"p{person}",
                    "受注" if on else "失注",
                    "2026-04-01",
                    "won" if on else "lost",
                )
            )
            events.append((name, "2026-01-10", "stage", "アポイント"))
            events.append((name, "2026-01-20", "stage", "提案・見積"))
            if on:
                events.append((name, f"2026-02-{19 if person else 4}", "stage", "クロージング"))
    tables = {
        "deals": pd.DataFrame(
            rows, columns=["deal_id", "created_at", "owner_id", "stage", "closed_at", "outcome"]
        ),
        "deal_events": pd.DataFrame(events, columns=["deal_id", "at", "field", "value"]),
        "people": pd.DataFrame({"person_id": [f"p{n}" for n in range(6)], "style": ["field"] * 6}),
    }
    log = EventLog.of(tables, TOKYO)
    organisation = ScopeTree.of(log)
    moment = as_of_instant("2026-06-30", TOKYO)
    ahead = RemainingPeriod.of(log, Calendar(TOKYO), organisation, moment, moment, moment)
    legs = {leg.start.en: leg for leg in stage_conversions(KpiEvents(log, organisation.people), ahead)}
    assert set(legs) == {"appointment", "proposal", "closing"}
    assert legs["appointment"].deals[:6].tolist() == [40] * 6
    assert legs["appointment"].share[0] > 0.9  # the first visit was skipped, the proposal reached
    proposal = legs["proposal"]
    assert proposal.share[0] > 0.85
    assert proposal.share[1] == pytest.approx(0.5, abs=0.08)
    assert proposal.days[0] == pytest.approx(15, rel=0.15)
    assert proposal.days[1] == pytest.approx(30, rel=0.1)
    assert proposal.top_share[1] >= proposal.share[1]
