"""Do ticks, labels and lines stand where they can be read?"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pictures.layout import Axis, round_step, shortened, spread_apart, text_width, wrapped


@given(start=st.floats(-20, 20), spread=st.floats(1e-3, 1e9), most=st.integers(2, 8))
def test_ticks_are_round_within_the_axis_and_not_too_many(start, spread, most) -> None:
    low = start * spread
    axis = Axis(low, low + spread, 0, 100)
    ticks = axis.ticks(most)
    assert len(ticks) <= most
    assert all(low - 1e-6 * spread <= tick <= low + spread * (1 + 1e-6) for tick in ticks)
    if len(ticks) > 1:
        step = ticks[1] - ticks[0]
        assert abs(round_step(step * 0.999999) - step) < 1e-6 * step


@given(places=st.lists(st.floats(0, 300), min_size=1, max_size=8), least=st.floats(1, 20))
def test_labels_are_spread_within_the_bounds_in_their_order(places, least) -> None:
    moved = spread_apart(places, least, 0, 300)
    order = sorted(range(len(places)), key=lambda one: places[one])
    assert all(
        after - before >= least - 1e-6
        for before, after in zip(sorted(moved), sorted(moved)[1:], strict=False)
    )
    assert [moved[one] for one in order] == sorted(moved)
    assert min(moved) >= -1e-6
    assert max(moved) <= 300 + 1e-6


def test_labels_far_enough_apart_stay_where_they_are() -> None:
    assert spread_apart([200, 100, 50], 14, 0, 300) == [200, 100, 50]


def test_a_crowd_at_the_upper_bound_moves_down_together() -> None:
    assert spread_apart([298, 299, 300], 10, 0, 300) == [280, 290, 300]


@given(words=st.text(alphabet="今後の新規abc ", max_size=30))
def test_wrapping_loses_no_letter_unless_it_says_so(words) -> None:
    lines = wrapped(words, 10, 60, 3)
    kept = "".join(lines).replace(" ", "")
    assert len(lines) <= 3
    assert kept == words.replace(" ", "") or "…" in kept


def test_a_name_is_shortened_to_its_room() -> None:
    assert text_width(shortened("Haruka Takahashi", 12, 60), 12) <= 60
    assert shortened("短い", 12, 60) == "短い"
