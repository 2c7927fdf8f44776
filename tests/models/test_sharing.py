"""Are targets that are shared out exact in their sums, equal in their chances, and within their bounds?"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.sharing import Infeasible, Part, Proportion, Quantiles, share_out
from models.sharing.parts import CENTS

DRAWS = 4_096
STEP = 1_000.0


def person(at: int, mean: float, shape: float = 3.0, **bounds: float) -> Part:
    """A person whose revenue is around a mean."""
    draws = np.random.default_rng(at).gamma(shape, mean / shape, DRAWS)
    return Part(scope=f"person:P{at:02d}", curve=Quantiles.of(np.round(draws * 64) / 64), **bounds)


def company(people: list[Part], teams: int) -> Part:
    """People in so many teams; with none, right below the company."""
    if not teams:
        return Part(scope="company", parts=tuple(people))
    groups = [tuple(people[number::teams]) for number in range(min(teams, len(people)))]
    return Part(
        scope="company",
        parts=tuple(Part(scope=f"team:T{at}", parts=group) for at, group in enumerate(groups)),
    )


def ends(part: Part) -> list[Part]:
    """The people of a tree."""
    return [part] if part.is_last else [end for one in part.parts for end in ends(one)]


def cents(amount: float) -> int:
    """An amount in hundredths."""
    return round(amount * CENTS)


MEANS = st.lists(st.floats(1e5, 5e7), min_size=1, max_size=9)
TEAMS = st.integers(0, 4)
SHARES = st.floats(0.2, 1.6)


def test_two_people_get_the_medians_where_these_are_the_whole() -> None:
    low, high = np.arange(1.0, 1_002.0), np.arange(2.0, 2_003.0, 2.0)
    parts = tuple(Part(scope=name, curve=Quantiles.of(draws)) for name, draws in (("a", low), ("b", high)))
    assert share_out(Part(scope="all", parts=parts), 501.0 + 1_002.0) == {"a": 501.0, "b": 1_002.0}


@settings(max_examples=60, deadline=None)
@given(MEANS, TEAMS, SHARES, st.sampled_from([1.0, 1.05, 1.2]), st.sampled_from([0.01, STEP, 100_000.0]))
def test_the_parts_add_up_exactly_at_every_level(
    means: list[float], teams: int, share: float, over: float, step: float
) -> None:
    whole = company([person(at, mean) for at, mean in enumerate(means)], teams)
    amount = round(share * sum(means))
    found = share_out(whole, amount, over=over, round_to=step)
    people = [found[end.scope] for end in ends(whole)]
    if teams:
        assert sum(cents(found[team.scope]) for team in whole.parts) == cents(amount)
        for team in whole.parts:
            below = sum(cents(found[end.scope]) for end in ends(team))
            assert below == round(cents(found[team.scope]) * over)
    else:
        assert sum(map(cents, people)) == round(cents(amount) * over)


@settings(max_examples=60, deadline=None)
@given(MEANS, TEAMS, SHARES)
def test_chances_are_equal_but_for_what_rounding_moves(means: list[float], teams: int, share: float) -> None:
    whole = company([person(at, mean) for at, mean in enumerate(means)], teams)
    found = share_out(whole, round(share * sum(means)), round_to=STEP)
    chances, slack = [], 0.0
    for end in ends(whole):
        assert isinstance(end.curve, Quantiles)
        target = found[end.scope]
        chances.append(end.curve.ease(target))
        # Two steps up or down (the team's rounding, and the person's), and one draw.
        moved = [end.curve.ease(max(target + sign * 3 * STEP, 0.0)) for sign in (-1, 1)]
        slack = max(slack, moved[0] - moved[1])
    largest = max(found[end.scope] for end in ends(whole))
    if largest:
        assert max(chances) - min(chances) <= slack + 2 / DRAWS


@settings(max_examples=60, deadline=None)
@given(MEANS, SHARES, st.data())
def test_bounds_are_kept_and_a_fixed_part_is_what_was_said(
    means: list[float], share: float, data: st.DataObject
) -> None:
    people = []
    for at, mean in enumerate(means):
        lo, hi = sorted(data.draw(st.tuples(st.floats(0, 2), st.floats(0, 2))))
        kind = data.draw(st.sampled_from(["free", "free", "fixed", "within"]))
        bounds = {"free": {}, "fixed": {"lo": round(lo * mean), "hi": round(lo * mean)}, "within": {
            "lo": round(lo * mean), "hi": round(hi * mean)}}[kind]  # fmt: skip
        people.append(person(at, mean, **bounds))
    amount = round(share * sum(means))
    least, most = sum(one.lo for one in people), sum(one.hi for one in people)
    whole = company(people, 2)
    if amount < least - 1 or amount > most + 1:
        with pytest.raises(Infeasible, match="cannot be shared"):
            share_out(whole, amount, round_to=STEP)
    elif least + 1 < amount < most - 1:
        found = share_out(whole, amount, round_to=STEP)
        for one in people:
            assert (
                cents(one.lo)
                <= cents(found[one.scope])
                <= (math.inf if one.hi == math.inf else cents(one.hi))
            )


@settings(max_examples=40, deadline=None)
@given(MEANS, TEAMS, SHARES, st.randoms(use_true_random=False))
def test_the_order_of_people_changes_nothing(
    means: list[float], teams: int, share: float, random: object
) -> None:
    whole = company([person(at, mean) for at, mean in enumerate(means)], teams)
    shuffled = list(whole.parts)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    other = replace(
        whole,
        parts=tuple(one if one.is_last else replace(one, parts=one.parts[::-1]) for one in shuffled),
    )
    amount = round(share * sum(means))
    assert share_out(whole, amount, round_to=STEP) == share_out(other, amount, round_to=STEP)


def test_who_is_at_a_bound_leaves_the_search_and_the_others_stay_equal() -> None:
    free = [person(at, mean) for at, mean in enumerate((1e6, 2e6, 4e6))]
    fixed = person(9, 3e6, lo=9e6, hi=9e6)
    whole = company([*free, fixed], 0)
    found = share_out(whole, 14_000_000, round_to=STEP)
    assert found[fixed.scope] == 9e6
    chances = [one.curve.ease(found[one.scope]) for one in free if one.curve is not None]
    assert max(chances) - min(chances) < 0.01
    assert sum(found.values()) == 14_000_000


def test_a_team_with_a_fixed_target_shares_it_among_its_own_people() -> None:
    one, two, other = person(0, 1e6), person(1, 3e6), person(2, 5e6)
    team = Part(scope="team:T1", parts=(one, two), lo=2e6, hi=2e6)
    whole = Part(scope="company", parts=(team, Part(scope="team:T2", parts=(other,))))
    found = share_out(whole, 9e6, round_to=STEP)
    assert (found["team:T1"], found["team:T2"]) == (2e6, 7e6)
    assert found[one.scope] + found[two.scope] == 2e6


def test_what_no_draw_reaches_and_what_all_reach_is_shared_in_proportion() -> None:
    low, high = Quantiles.of(np.full(64, 10.0)), Quantiles.of(np.full(64, 30.0))
    whole = Part(scope="all", parts=(Part(scope="a", curve=low), Part(scope="b", curve=high)))
    assert share_out(whole, 80.0) == {"a": 20.0, "b": 60.0}
    assert share_out(whole, 20.0) == {"a": 5.0, "b": 15.0}


def test_a_usual_way_shares_by_its_weights_and_rounds_by_the_largest_remainder() -> None:
    parts = tuple(Part(scope=name, curve=Proportion(1.0)) for name in "abc")
    found = share_out(Part(scope="all", parts=parts), 1_000.0, round_to=100.0)
    assert sorted(found.values()) == [300.0, 300.0, 400.0]
    weighted = (Part(scope="a", curve=Proportion(1.0)), Part(scope="b", curve=Proportion(3.0)))
    assert share_out(Part(scope="all", parts=weighted), 400.0) == {"a": 100.0, "b": 300.0}


def test_a_step_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="expected positive"):
        share_out(company([person(0, 1e6)], 0), 1.0, round_to=0.0)
