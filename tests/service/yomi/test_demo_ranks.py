"""Do the demo's ranks follow from what was entered by then?"""

from __future__ import annotations

import csv

from service.demo_ranks import COLUMN, rank_changes, write_ranks

_STEPS = [
    ("D1", "2026-10-01T09:00:00", "owner_id", "P1"),
    ("D1", "2026-10-01T09:00:00", "stage", "アポイント"),
    ("D1", "2026-10-08T09:00:00", "stage", "提案・見積"),
    ("D2", "2026-10-09T09:00:00", "stage", "クロージング"),
    ("D1", "2026-10-20T09:00:00", "stage", "クロージング"),
    ("D1", "2026-11-02T09:00:00", "stage", "受注"),
]
EVENTS = [
    {"deal_id": deal, "at": at, "field": field, "value": value, "old_value": ""}
    for deal, at, field, value in _STEPS
]


def test_a_rank_rises_with_the_stage_and_stays_once_the_deal_is_over() -> None:
    found = [row for row in rank_changes(iter(EVENTS)) if row["deal_id"] == "D1"]
    assert [row["value"] for row in found] == sorted([row["value"] for row in found], reverse=True)
    assert found[-1]["at"] < "2026-11-02"
    assert {row["field"] for row in found} == {COLUMN}
    assert [row["old_value"] for row in found] == ["", *(row["value"] for row in found)][: len(found)]


def test_what_comes_later_changes_no_earlier_rank() -> None:
    whole = list(rank_changes(iter(EVENTS)))
    for count in range(len(EVENTS)):
        early = list(rank_changes(iter(EVENTS[:count])))
        assert early == whole[: len(early)]


def test_a_closed_deal_is_ranked_no_more_and_the_newest_rank_is_in_its_row(tmp_path) -> None:
    world = tmp_path / "world"
    world.mkdir()
    with (world / "deal_events.csv").open("w", encoding="utf-8", newline="") as file:
        written = csv.DictWriter(file, list(EVENTS[0]))
        written.writeheader()
        written.writerows(EVENTS)
    (world / "deals.csv").write_text("deal_id,closed_at\nD1,2026-10-15T09:00:00\nD2,\n", "utf-8")
    write_ranks(world, tmp_path / "ranks")
    with (tmp_path / "ranks" / "deal_events.csv").open(encoding="utf-8", newline="") as file:
        changes = list(csv.DictReader(file))
    assert all(row["at"] < "2026-10-15" for row in changes if row["deal_id"] == "D1")
    with (tmp_path / "ranks" / "deals.csv").open(encoding="utf-8", newline="") as file:
        newest = {row["deal_id"]: row[COLUMN] for row in csv.DictReader(file)}
    assert newest == {row["deal_id"]: row["value"] for row in changes}
    assert (tmp_path / "ranks" / "organisation.csv").read_text("utf-8").split()[1] == f"company,{COLUMN}"
