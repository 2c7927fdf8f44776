"""Is a KPI that rises without what should follow found, and nobody asked without reason?"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import betabinom, binom

from crm.instants import DAY
from features.kpis.followed import KINDS as FOLLOWED
from features.kpis.followed import Steps
from models.padding import ALLOWED, KINDS, Counts, Padding, holm, padded_kpis, unusual

PEOPLE, STRETCHES, LENGTH = 12, 9, 90 * DAY
START = 1_000 * LENGTH
UNTIL = START + LENGTH
FAR = 10**17
THERE = (np.full(PEOPLE, -FAR), np.full(PEOPLE, FAR))


def steps(counts: np.ndarray, empty: np.ndarray) -> Steps:
    """Rows of people in stretches of which the last begins at START: (people, stretches) of each."""
    people, stretches = counts.shape
    at, person, followed = [], [], []
    for who in range(people):
        for stretch in range(stretches):
            n, k = int(counts[who, stretch]), int(empty[who, stretch])
            begin = START + (stretch - stretches + 1) * LENGTH
            at.append(begin + np.arange(n) * (LENGTH // max(n, 1)))
            person.append(np.full(n, who))
            followed.append(np.arange(n) >= k)
    when = np.concatenate(at)
    order = np.argsort(when, kind="stable")
    deal = np.array([f"D{number}" for number in range(len(when))], object)
    return Steps(
        at=when[order],
        person=np.concatenate(person)[order],
        followed=np.concatenate(followed)[order],
        settled=when[order],
        deal=deal[order],
        activity=np.full(len(when), None, object),
    )


def honest(rng: np.random.Generator, mean: float = 40, share: float = 0.4) -> tuple[np.ndarray, np.ndarray]:
    """Counts of people who differ, and who differ from themselves from one stretch to the next."""
    pace = rng.gamma(20, mean / 20, (PEOPLE, 1))
    counts = rng.poisson(pace * np.ones((1, STRETCHES)))
    own = rng.beta(share * 40, (1 - share) * 40, (PEOPLE, 1))
    drifting = rng.beta(own * 80, (1 - own) * 80, (PEOPLE, STRETCHES))
    return counts, rng.binomial(counts, drifting)


def found(counts: np.ndarray, empty: np.ndarray, kind: str = "visits", style: str = "field") -> Padding:
    return padded_kpis({kind: steps(counts, empty)}, [style] * len(counts), THERE, START, UNTIL)


def test_every_kind_that_is_counted_has_its_question():
    assert set(KINDS) == set(FOLLOWED)


def test_a_seller_who_doubles_a_kpi_with_empty_rows_is_asked_and_told_the_figures():
    counts, empty = honest(np.random.default_rng(1))
    extra = counts[3, -1]
    counts[3, -1] += extra
    empty[3, -1] += extra
    padding = found(counts, empty)
    assert 1 <= padding.compared < PEOPLE  # of whom the KPI has risen
    [one] = padding.found
    assert (one.person, one.kind, one.rows, one.settled) == (3, "visits", counts[3, -1], counts[3, -1])
    assert one.followed == counts[3, -1] - empty[3, -1] < one.usual_followed
    assert one.usual_rows < one.rows / 1.2
    assert one.chance < ALLOWED / PEOPLE
    assert len(one.empty) == empty[3, -1]
    assert [row.at for row in one.empty] == sorted((row.at for row in one.empty), reverse=True)


def test_of_200_honest_organisations_no_more_than_1_in_20_and_chance_has_anything_to_ask_about():
    rng = np.random.default_rng(2)
    asked = sum(bool(found(*honest(rng)).found) for _ in range(200))
    assert asked <= binom.ppf(0.95, 200, ALLOWED)


def test_who_has_fewer_followed_but_no_more_rows_than_usual_is_not_asked():
    counts, empty = honest(np.random.default_rng(3))
    empty[5, -1] = counts[5, -1] - 1
    assert found(counts, empty).found == ()


def test_who_has_more_rows_that_are_followed_as_usual_is_not_asked():
    counts, empty = honest(np.random.default_rng(4))
    counts[5, -1] *= 3
    empty[5, -1] *= 3
    assert found(counts, empty).found == ()


def test_what_has_become_rarer_for_everybody_is_not_asked_of_one():
    counts, empty = honest(np.random.default_rng(5))
    counts[:, -1] *= 2
    empty[:, -1] = (counts[:, -1] * 0.7).astype(int)
    assert found(counts, empty).found == ()


def test_a_kind_is_asked_only_of_those_whose_kpi_it_raises():
    counts, empty = honest(np.random.default_rng(1))
    counts[3, -1], empty[3, -1] = counts[3, -1] * 2, empty[3, -1] + counts[3, -1]
    assert [one.person for one in found(counts, empty, "calls", "inside").found] == [3]
    assert found(counts, empty, "calls", "field") == Padding((), 0)
    assert found(counts, empty, "calls", "manager") == Padding((), 0)
    assert [one.person for one in found(counts, empty, "calls", "").found] == [3]  # style not known


def test_where_what_should_follow_was_never_recorded_its_absence_says_nothing():
    counts, _ = honest(np.random.default_rng(6))
    counts[3, -1] *= 2
    assert found(counts, counts) == Padding((), 0)


def test_without_a_past_nothing_is_compared():
    counts, empty = honest(np.random.default_rng(7))
    counts[:, :-1], empty[:, :-1] = 0, 0
    assert found(counts, empty).found == ()
    rows = {"visits": steps(counts, empty)}
    assert padded_kpis(rows, ["field"] * PEOPLE, THERE, START, START) == Padding((), 0)
    assert padded_kpis({}, [], (np.zeros(0, int), np.zeros(0, int)), START, UNTIL) == Padding((), 0)


def test_a_newcomer_is_compared_with_peers_and_the_pace_with_the_days_there():
    counts, empty = honest(np.random.default_rng(8))
    counts[0, :-1], empty[0, :-1] = 0, 0
    since, to = THERE[0].copy(), THERE[1]
    since[0] = START + LENGTH // 2
    rows = {"visits": steps(counts, empty)}
    made = Counts(
        group=np.zeros(PEOPLE, int),
        rows=counts[:, -1].astype(float),
        settled=counts[:, -1].astype(float),
        empty=empty[:, -1].astype(float),
        present=np.array([0.5] + [1.0] * (PEOPLE - 1)),
        past_rows=counts[:, :-1].astype(float),
        past_settled=counts[:, :-1].astype(float),
        past_empty=empty[:, :-1].astype(float),
        past_present=np.ones((PEOPLE, STRETCHES - 1)) * (np.arange(PEOPLE) > 0)[:, None],
    )
    usual = unusual(made)
    mean = counts[1:, :-1].mean()
    assert usual.rows[0] == pytest.approx(mean / 2, rel=0.3)
    assert usual.share[0] == pytest.approx(empty[1:].sum() / counts[1:].sum(), abs=0.1)
    assert padded_kpis(rows, ["field"] * PEOPLE, (since, to), START, UNTIL).found == ()


def test_the_chance_is_that_of_the_beta_binomial_distribution():
    from models.padding.unusual import _chance_of_more

    chance = _chance_of_more(np.array([9.0, 0, 3]), np.array([20.0, 5, 3]), np.full(3, 0.3), np.full(3, 0.1))
    expected = [betabinom.sf(8, 20, 0.3 * 9, 0.7 * 9), 1.0, betabinom.pmf(3, 3, 0.3 * 9, 0.7 * 9)]
    assert chance == pytest.approx(expected)


def test_holm_holds_the_chance_of_any_false_one():
    rng = np.random.default_rng(9)
    false = np.mean([holm(rng.uniform(size=60), 0.05).any() for _ in range(4000)])
    assert false == pytest.approx(0.05, abs=0.01)
    assert holm(np.zeros(0), 0.05).tolist() == []
