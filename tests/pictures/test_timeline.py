"""Does the timeline tell what happened, newest first, and does it mark what went the wrong way?"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

from pictures.timeline import Lane, Timeline
from tests.support.sample_pictures import timeline


def test_a_timeline_counts_what_each_lane_holds() -> None:
    assert timeline().sentence.ja == "10/1から12/1まで。段階 3件、受注予定 2件、活動 2件。"
    assert timeline().sentence.en == "From 10/1 to 12/1. stage: 3, planned date: 2, activities: 2."


def test_a_timeline_of_two_years_names_them() -> None:
    long = replace(timeline(), first=date(2025, 12, 14))
    assert long.sentence.ja.startswith("2025/12/14から2026/12/1まで。")
    assert ">2025/12/14<" in long.svg("en")


def test_a_timeline_of_nothing_tells_from_when_to_when() -> None:
    empty = replace(timeline(), lanes=[])
    assert empty.sentence.ja == "10/1から12/1まで。"
    assert empty.table().rows == []
    assert "10/1" in empty.svg("ja")


def test_a_timeline_of_one_day_is_drawn() -> None:
    day = date(2026, 11, 20)
    one = Timeline(name="t", title=timeline().title, lanes=[Lane(timeline().title)], first=day, last=day)
    assert one.svg("en").count("11/20") == 4, "twice in the sentence, and at both ends of the axis"


def test_the_table_of_a_timeline_has_the_newest_first() -> None:
    rows = timeline().table().rows
    days = [row[1] for row in rows]
    assert days == sorted(days, reverse=True)
    assert [words.ja for words in rows[0] if not isinstance(words, float)][-1] == "11/30 → 12/28"


def test_a_stretch_too_short_for_words_has_none_and_a_bad_mark_is_hollow() -> None:
    drawn = timeline().svg("ja")
    assert drawn.count('class="band80"') == 3
    assert "初回訪問" not in re.findall(r"<text[^>]*>([^<]*)", drawn)
    assert drawn.count('class="down-mark"') == 1
    assert drawn.count('class="up-mark"') == 3
