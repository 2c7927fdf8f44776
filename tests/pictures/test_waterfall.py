"""Do the parts of a change add up?"""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from crm.i18n import Text
from pictures.diverging import Diverging
from pictures.waterfall import Part, Waterfall
from tests.support.sample_pictures import waterfall

_SVG = "{http://www.w3.org/2000/svg}"


def test_parts_that_do_not_add_up_are_refused() -> None:
    drawn = waterfall()
    with pytest.raises(ValueError, match=r"the parts leave 0\.01 of the change"):
        replace(drawn, end=Part(drawn.end.label, drawn.end.value + 0.01))


def test_each_bar_begins_where_the_one_before_ended() -> None:
    root = ElementTree.fromstring(waterfall().svg("ja"))
    bars = [
        (float(one.get("y")), float(one.get("height")), one.get("class"))
        for one in root.findall(f"{_SVG}rect")
    ]
    joins = [float(one.get("y1")) for one in root.findall(f"{_SVG}line[@class='join']")]
    assert len(bars) == 7
    level = bars[0][0]
    for (top, height, style), join in zip(bars[1:-1], joins, strict=False):
        assert join == pytest.approx(level, abs=0.15)
        before, after = (top + height, top) if style == "up-mark" else (top, top + height)
        assert before == pytest.approx(level, abs=0.15)
        level = after
    assert level == pytest.approx(bars[-1][0], abs=0.15)


def test_what_raises_is_filled_and_what_lowers_is_hollow() -> None:
    root = ElementTree.fromstring(waterfall().svg("en"))
    styles = [one.get("class") for one in root.findall(f"{_SVG}rect")]
    assert styles == ["level", "up-mark", "down-mark", "down-mark", "up-mark", "down-mark", "level"]


def test_the_sentence_names_the_largest_parts() -> None:
    assert (
        waterfall().sentence.ja
        == "先週の43%から今週の40%へ。大きいのは期ずれ −7ポイント、受注 +6ポイントです。"
    )
    assert waterfall().sentence.en == (
        "From 43% (last week) to 40% (this week). Largest parts: slipped −7 points, won +6 points."
    )


def test_a_change_without_parts_is_told_in_one_sentence() -> None:
    same = Part(Text("先週", "last week"), 0.4)
    drawn = Waterfall(name="w", title=Text("変化", "Change"), start=same, end=same, parts=[])
    assert drawn.sentence.en == "From 40% (last week) to 40% (last week)."


def test_reasons_that_leave_something_get_a_bar_for_all_others() -> None:
    drawn = Diverging(
        name="d",
        title=Text("理由", "Reasons"),
        reference=Part(Text("ふつう", "usual"), 0.2),
        result=Part(Text("この商談", "this deal"), 0.5),
        reasons=[Part(Text("段階", "stage"), 0.1)],
    )
    assert [(bar.label.en, round(bar.value, 9)) for bar in drawn.bars] == [
        ("stage", 0.1),
        ("all others", 0.2),
    ]
    exact = replace(drawn, reasons=[Part(Text("段階", "stage"), 0.3)])
    assert len(exact.bars) == 1


def test_names_that_do_not_fit_below_the_bars_stand_beside_them() -> None:
    drawn = replace(
        waterfall(),
        parts=[
            replace(part, label=Text(part.label.ja, f"undertakings {part.label.en}"))
            for part in waterfall().parts
        ],
    )
    root = ElementTree.fromstring(drawn.svg("en", 350.0))
    rects = root.findall(f"{_SVG}rect")
    assert [one.get("class") for one in rects].count("level") == 2
    assert len({one.get("y") for one in rects}) == 7  # a row each
    assert all(float(one.get("x")) + float(one.get("width")) <= 350 for one in rects)
    words = [one.text for one in root.findall(f"{_SVG}text")]
    assert "undertakings won" in words
