"""Who sees what of the past, after somebody has moved or left, and while rows change?"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.fakes import PERIOD
from tests.support.served_teams import (
    Served,
    opened,
    questions_of,
)
from tests.support.teams import (
    MOVED,
    PAST,
    push,
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with pytest.MonkeyPatch.context() as patch:
        made = opened(tmp_path_factory.mktemp("sight"), patch)
        yield made
        made.close()


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    made = opened(tmp_path, monkeypatch)
    yield made
    made.close()


def closed(served: Served, caller: str, scope: str, as_of: str | None = None) -> float:
    more = f"&as_of={as_of}" if as_of else ""
    return float(served.ask(caller, "GET", f"/forecasts/{PERIOD}?scope={scope}{more}").json()["closed"])


def test_who_moved_this_week_is_seen_by_the_new_manager_alone_and_in_the_past_too(served: Served):
    for path in (
        "/deals/d-mori-2", f"/deals/d-mori-2?as_of={PAST}", "/deals/d-mori-2/timeline",
        f"/forecasts/{PERIOD}?scope=person:p-mori", f"/forecasts/{PERIOD}?scope=person:p-mori&as_of={PAST}",
    ):  # fmt: skip
        assert served.ask("manager", "GET", path).status_code == 404
        assert served.ask("manager of the mover now", "GET", path).status_code == 200
        assert served.ask("the mover", "GET", path).status_code == 200


def test_the_old_teams_past_is_told_without_who_moved(served: Served):
    people = ("p-sato", "p-abe", "p-ueda")
    those = sum(closed(served, "admin", f"person:{person}", PAST) for person in people)
    theirs = closed(served, "admin", "person:p-mori", PAST)
    assert theirs > 0
    assert closed(served, "admin", "team:t-hill", PAST) == pytest.approx(those + theirs)
    assert closed(served, "manager", "team:t-hill", PAST) == pytest.approx(those)
    answer = served.ask("manager", "GET", f"/forecasts/{PERIOD}?as_of={PAST}").json()
    children = [row["scope"] for row in answer["children"]]
    assert children == ["team:t-hill", "team:t-lake", "person:p-kato"]
    assert answer["closed"] == pytest.approx(sum(row["closed"] for row in answer["children"]))
    assert closed(served, "manager of the mover now", "team:t-west", PAST) == pytest.approx(
        closed(served, "admin", "team:t-west", PAST)
    )


def test_the_history_of_the_old_team_begins_after_who_moved_had_left(served: Served):
    def days(caller: str, scope: str) -> list[str]:
        answer = served.ask(caller, "GET", f"/forecasts/{PERIOD}?scope={scope}").json()
        return [row["as_of"][:10] for row in answer["history"]]

    assert len(days("admin", "team:t-hill")) > 1
    assert min(days("admin", "team:t-hill")) < "2026-11-18"
    assert [day for day in days("manager", "team:t-hill") if day < "2026-11-18"] == []
    assert days("manager", "person:p-sato") == days("admin", "person:p-sato")


def test_a_deal_is_seen_by_who_sees_its_owner_of_now(served: Served):
    assert served.ask("seller", "GET", f"/deals/{MOVED}").status_code == 404
    assert served.ask("seller", "GET", f"/deals/{MOVED}?as_of={PAST}").status_code == 404
    assert served.ask("manager", "GET", f"/deals/{MOVED}/timeline").status_code == 404
    assert served.ask("manager of the mover now", "GET", f"/deals/{MOVED}").status_code == 200
    past = served.ask("manager of the mover now", "GET", f"/deals/{MOVED}?as_of={PAST}")
    assert past.status_code == 404, "what a model says of it then is said of who had it then"
    timeline = served.ask("manager of the mover now", "GET", f"/deals/{MOVED}/timeline").json()
    change = next(row for row in timeline["entries"] if row["field"] == "owner_id")
    assert (change["value"], change["old_value"], change["old_value_name"]) == ("p-baba", None, None)


def test_who_has_left_sees_nothing_and_is_seen_by_the_manager(served: Served):
    assert served.ask("one who left", "GET", f"/forecasts/{PERIOD}").status_code == 404
    assert served.ask("one who left", "GET", "/deals/d-ueda-2").status_code == 404
    assert served.ask("manager", "GET", "/deals/d-ueda-2").status_code == 200


def test_who_moves_while_the_service_runs_is_seen_by_the_other_manager_from_then_on(fresh: Served):
    path = f"/forecasts/{PERIOD}?scope=person:p-abe&as_of={PAST}"
    assert fresh.ask("manager", "GET", path).status_code == 200
    team = f"/forecasts/{PERIOD}?as_of={PAST}"
    before = fresh.ask("manager", "GET", team).json()["closed"]
    push(
        fresh.cases.serving.store,
        {"people": [{"person_id": "p-abe", "team_id": "t-west"}]},
        "2026-11-20T09:30",
    )
    fresh.cases.serving.refresh()
    assert fresh.ask("manager", "GET", path).status_code == 404
    assert fresh.ask("manager of the mover now", "GET", path).status_code == 200
    gone = fresh.ask("admin", "GET", path).json()["closed"]
    assert fresh.ask("manager", "GET", team).json()["closed"] == pytest.approx(before - gone)
    assert fresh.ask("manager", "GET", "/actions?deal_id=d-abe-2").status_code == 404


def test_what_changed_in_a_week_is_told_each_reader_by_what_they_see_whoever_asks_first(
    served: Served, fresh: Served
):
    path = f"/forecasts/{PERIOD}?scope=team:t-hill"

    def told(one: Served, *callers: str) -> dict[str, Any]:
        return {caller: one.ask(caller, "GET", path).json()["change"] for caller in callers}

    first, second = told(served, "admin", "manager"), told(fresh, "manager", "admin")
    assert first == second
    moved = {
        caller: next(row["revenue"] for row in change["contributions"] if row["code"] == "moved")
        for caller, change in first.items()
    }
    assert moved["admin"] < moved["manager"] < 0, "p-mori's deals have gone, of which the manager is not told"


def test_what_was_asked_keeps_no_state_in_memory_that_rows_have_replaced(fresh: Served):
    for method, path, body in questions_of("manager"):
        fresh.ask("manager", method, path, body)
    before = weakref.ref(fresh.cases.serving.current().hierarchy)
    push(
        fresh.cases.serving.store,
        {"deals": [{"deal_id": "d-sato-2", "amount": 7_000_003}]},
        "2026-11-20T09:40",
    )
    fresh.cases.serving.refresh()
    gc.collect()
    assert before() is None
