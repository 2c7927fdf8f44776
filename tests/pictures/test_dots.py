"""Do the dots say what the probability says?"""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sample_pictures import dots, outcomes

_SVG = "{http://www.w3.org/2000/svg}"


def circles(picture, width: float = 640.0) -> list[tuple[float, bool]]:
    """(place, whether it is filled) of each dot."""
    root = ElementTree.fromstring(picture.svg("en", width))
    return [(float(one.get("cx")), one.get("class") == "up-mark") for one in root.findall(f"{_SVG}circle")]


@given(probability=st.floats(0.0, 1.0), target=st.floats(1e8, 4e8), width=st.sampled_from([640.0, 350.0]))
def test_filled_dots_are_the_rounded_probability_and_stand_right_of_the_target(
    probability, target, width
) -> None:
    drawn = dots(probability, target)
    shown = circles(drawn, width)
    assert len(shown) == 50
    assert sum(filled for _, filled in shown) == int(50 * probability + 0.5)
    line = ElementTree.fromstring(drawn.svg("en", width)).find(f"{_SVG}line[@class='target']")
    for x, filled in shown:
        assert (x > float(line.get("x1"))) == filled


@given(probability=st.floats(0.0, 1.0))
def test_the_counts_of_the_table_add_up_to_the_dots(probability) -> None:
    drawn = dots(probability)
    rows = drawn.table().rows
    assert sum(row[3] for row in rows) == drawn.reached
    assert sum(row[2] + row[3] for row in rows) == 50
    assert all(low < high for low, high, *_ in rows)


def test_a_dot_on_the_wrong_side_of_the_target_is_moved_to_the_line() -> None:
    drawn = replace(dots(0.5), outcomes=outcomes(10, 150e6, 1e6))  # all short of 200 million
    assert sum(filled for _, filled in circles(drawn)) == 5


def test_without_a_target_there_is_a_range_and_no_count() -> None:
    drawn = dots(None, None)
    assert drawn.sentence.en == (
        "Of 50 equally likely outcomes the middle one is 196.4 M JPY; "
        "8 in 10 lie between 175.1 M JPY and 216.9 M JPY."
    )
    assert "target" not in drawn.svg("en")


@pytest.mark.parametrize(
    ("probability", "words"), [(0.0004, "probability under 1%"), (0.9999, "probability over 99%")]
)
def test_no_probability_reads_as_certain(probability, words) -> None:
    assert words in dots(probability).sentence.en
