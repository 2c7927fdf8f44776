"""Are targets shared out, stored when told to, and seen by who may? Over HTTP and on the command line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from crm.errors import SanchoError
from crm.instants import as_of_instant
from service.callers import Caller
from service.cli import run, target_screens
from service.cli import targets as commands
from service.cli.reader import Reader
from service.schemas import GoalLevels, SharedTargets, TargetEvenness
from tests.service.test_cli_screens import Canned, screen  # noqa: F401 - a fixture
from tests.support.fakes import PERIOD, TOKYO
from tests.support.served_teams import CALLERS, Served, opened
from tests.support.teams import TARGETS, push

BODY = {"period": PERIOD, "total": 6e7, "round_to": 1e4}
LATER = "2026-11-20T09:59"  # before the moment of the answers


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(CALLERS, "reader", Caller(name="reader", rights=("read",)))
        made = opened(tmp_path_factory.mktemp("targets"), patch)
        yield made
        made.close()


def shared(served: Served, caller: str = "program", **body: Any) -> Any:
    """The answer to a request to share out."""
    answer = served.ask(caller, "POST", "/targets/share", {**BODY, **body}, **{"Accept-Language": "en"})
    assert answer.status_code == 200, answer.text
    SharedTargets.model_validate(answer.json())
    return answer.json()


def below(rows: list[Any], prefix: str) -> dict[str, float]:
    return {row["scope"]: row["value"] for row in rows if row["scope"].startswith(prefix)}


def spread_of(answer: Any, way: str) -> float:
    return float(next(one["spread_pp"] for one in answer["ways"] if one["way"] == way))


def test_targets_add_up_and_chances_are_more_even_than_in_any_usual_way(served: Served) -> None:
    answer = shared(served, total=1e8)
    people, teams = below(answer["targets"], "person:"), below(answer["targets"], "team:")
    assert sum(people.values()) == 1e8
    assert teams["team:t-hill"] + teams["team:t-lake"] + people["person:p-kato"] == teams["team:t-east"]
    assert {one["way"] for one in answer["ways"]} == {"chance", "even", "history", "pipeline"}
    assert all(
        2 * spread_of(answer, "chance") < spread_of(answer, way) for way in ("even", "history", "pipeline")
    )
    assert "person:p-ueda" not in people  # has left
    assert any("owner" in text for text in answer["assumptions"])


def test_the_order_is_that_of_the_tree_and_a_name_is_beside_each(served: Served) -> None:
    rows = shared(served, scope="team:t-east")["targets"]
    assert [row["scope"] for row in rows][:2] == ["team:t-hill", "person:p-abe"]
    assert rows[1]["name"] == "阿部"
    assert rows[1]["stored"] == TARGETS["person:p-abe"]


@pytest.mark.parametrize("way", ["even", "history", "pipeline"])
def test_a_usual_way_can_be_chosen(served: Served, way: str) -> None:
    answer = shared(served, way=way)
    assert answer["way"] == way
    assert sum(below(answer["targets"], "person:").values()) == 6e7
    for row in answer["targets"]:
        assert row["value"] == next(one["value"] for one in row["ways"] if one["way"] == way)
    if way == "even":
        values = below(answer["targets"], "person:").values()
        assert max(values) - min(values) <= 3e4  # of what rounding moves, once below each team


def test_a_fixed_part_and_bounds_are_kept_and_over_assignment_is_the_factor(served: Served) -> None:
    bounds = [
        {"scope": "person:p-sato", "value": 9e6},
        {"scope": "person:p-abe", "at_most": 2e6},
        {"scope": "team:t-west", "at_least": 3e7},
    ]
    answer = shared(served, bounds=bounds, over_assignment=1.1)
    found = {row["scope"]: row for row in answer["targets"]}
    assert found["person:p-sato"]["value"] == 9e6
    assert found["person:p-abe"]["value"] <= 2e6
    assert found["team:t-west"]["value"] >= 3e7
    assert found["person:p-sato"]["is_bound"]
    assert sum(below(answer["targets"], "person:").values()) == pytest.approx(6.6e7, abs=0.001)


def test_level_team_stops_right_below_the_scope(served: Served) -> None:
    answer = shared(served, level="team")
    assert {row["scope"] for row in answer["targets"]} == {"team:t-east", "team:t-west"}
    assert sum(row["value"] for row in answer["targets"]) == 6e7


def test_days_away_lower_a_target_and_are_told(served: Served) -> None:
    before = {row["scope"]: row for row in shared(served)["targets"]}
    answer = shared(served, away=[{"person_id": "p-baba", "from": "2026-11-20"}])
    after = {row["scope"]: row for row in answer["targets"]}
    assert after["person:p-baba"]["away"] == 1.0
    assert after["person:p-baba"]["value"] <= before["person:p-baba"]["value"]
    assert any("change their owners" in text for text in answer["assumptions"])


def test_the_total_can_be_a_chance_or_the_stored_target(served: Served) -> None:
    likely = shared(served, total=None, confidence=0.5)
    assert likely["probability"] == pytest.approx(0.5, abs=0.02)
    assert likely["total"] % 1e4 == 0
    assert shared(served, total=None)["total"] == TARGETS["company"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"growth": 0.1}, "bad_request"),  # beside a total
        ({"total": None, "growth": 0.1}, "no_last_year"),
        ({"bounds": [{"scope": "person:p-sato", "value": 7e7}]}, "bounds_do_not_fit"),
        ({"bounds": [{"scope": "person:p-sato", "value": 1, "at_most": 2}]}, "bad_bounds"),
        ({"bounds": [{"scope": "team:t-west", "value": 1e6}], "scope": "team:t-east"}, "bad_bounds"),
        ({"away": [{"person_id": "p-zzz", "from": "2026-12-01"}]}, "unknown_person"),
        ({"write": True, "as_of": "2026-11-19"}, "bad_request"),
        ({"way": "loudest"}, "invalid_request"),
    ],
)
def test_what_cannot_be_shared_out_is_refused_in_a_sentence(
    served: Served, body: dict[str, Any], code: str
) -> None:
    answer = served.ask("program", "POST", "/targets/share", {**BODY, **body})
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text


def test_a_manager_shares_out_in_the_own_team_and_names_nobody_else(served: Served) -> None:
    answer = shared(served, "manager", total=3e7)
    assert answer["scope"] == "team:t-east"
    assert not {"person:p-baba", "person:p-noda", "person:p-mori"} & {
        row["scope"] for row in (*answer["targets"], *answer["left_out"])
    }
    for body in (
        {"bounds": [{"scope": "person:p-baba", "value": 1}]},
        {"away": [{"person_id": "p-baba", "from": "2026-12-01"}]},
    ):
        assert served.ask("manager", "POST", "/targets/share", {**BODY, **body}).status_code in (404, 422)


def test_levels_say_what_is_likely_and_what_a_goal_would_be(served: Served) -> None:
    answer = served.ask("program", "GET", f"/goals/{PERIOD}/levels?value=60000000")
    found = GoalLevels.model_validate(answer.json())
    values = [level.value for level in found.levels]
    assert values == sorted(values)
    assert found.asked is not None
    assert found.target == TARGETS["company"]
    assert {one.scope for one in found.differences} == {
        "company",
        "team:t-east",
        "team:t-hill",
        "team:t-lake",
        "team:t-west",
    }
    part = served.ask("program", "GET", f"/goals/{PERIOD}/levels?where=account_id=a-0&where=account_id=a-1")
    narrow = GoalLevels.model_validate(part.json())
    assert narrow.where == {"account_id": ["a-0", "a-1"]}
    assert narrow.target is None
    assert 0 < narrow.closed < found.closed
    assert narrow.assumptions


@pytest.mark.parametrize(
    ("query", "code"),
    [("kpi=visits", "bad_kpi"), ("where=product", "bad_condition"), ("where=zzz=1", "bad_condition")],
)
def test_levels_of_what_is_not_there_are_refused(served: Served, query: str, code: str) -> None:
    answer = served.ask("program", "GET", f"/goals/{PERIOD}/levels?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_evenness_lists_who_had_which_chance(served: Served) -> None:
    found = TargetEvenness.model_validate(
        served.ask("program", "GET", "/targets/evenness?scope=team:t-east&quarters=2").json()
    )
    (quarter,) = found.quarters  # the record begins in the one before
    assert quarter.period == PERIOD
    assert {row.scope for row in quarter.targets} <= {
        f"person:{name}" for name in ("p-kato", "p-sato", "p-abe", "p-ueda", "p-ito")
    }
    assert quarter.people == len(quarter.targets)
    assert quarter.reached is None


def test_nothing_is_stored_without_the_word_and_the_right(served: Served) -> None:
    before = len(served.cases.serving.store.read(TOKYO)["targets"])
    assert shared(served)["written"] is None
    refused = served.ask("reader", "POST", "/targets/share", {**BODY, "write": True})
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    assert len(served.cases.serving.store.read(TOKYO)["targets"]) == before


def test_stored_targets_are_those_of_the_answer_with_chances_that_the_forecast_shows(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.targets.as_of_instant", lambda *_: as_of_instant(LATER, TOKYO))
    served = opened(tmp_path, monkeypatch)
    try:
        answer = shared(served, "manager", scope="team:t-east", total=3e7, kind="committed", write=True)
        assert answer["written"]["quarantined"] == 0
        assert answer["written"]["imported"] == len(answer["targets"]) + 1  # and the team's own
        served.cases.serving.refresh()
        rows = served.cases.serving.store.read(TOKYO)["targets"]
        stored = rows[(rows["scope"] == "person:p-sato") & (rows["metric"] == "revenue")].iloc[0]
        target = next(row for row in answer["targets"] if row["scope"] == "person:p-sato")
        assert (stored["value"], stored["kind"], stored["set_by"]) == (target["value"], "committed", "p-kato")
        assert stored["set_at"] == served.cases.serving.current().log["targets"]["set_at"].max()
        for row in answer["targets"]:
            forecast = served.ask(
                "program", "GET", f"/forecasts/{PERIOD}?parts=headline&scope={row['scope']}"
            )
            assert (forecast.json()["target"], forecast.json()["probability"]) == (
                row["value"],
                row["probability"],
            )
        again = shared(served, "manager", scope="team:t-east", total=3e7, kind="committed", write=True)
        assert [row["value"] for row in again["targets"]] == [row["value"] for row in answer["targets"]]
        assert not [
            one for one in again["differences"] if one["by"] == "scopes" and one["scope"] == "team:t-east"
        ]
    finally:
        served.close()


def test_a_target_that_is_stored_under_another_name_of_its_days_is_replaced(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.targets.as_of_instant", lambda *_: as_of_instant(LATER, TOKYO))
    served = opened(tmp_path, monkeypatch)
    try:
        fiscal = {"metric": "revenue", "scope": "team:t-lake", "period": "FY2026-Q4", "value": 1e7}
        push(
            served.cases.serving.store, {"targets": [{**fiscal, "set_at": "2026-11-01"}]}, "2026-11-10T10:00"
        )
        served.cases.serving.refresh()
        shared(served, period="2027-Q1", total=6e7, write=True)
        rows = served.cases.serving.store.read(TOKYO)["targets"]
        lake = rows[(rows["scope"] == "team:t-lake") & rows["period"].isin(["FY2026-Q4", "2027-Q1"])]
        assert lake["period"].tolist() == ["FY2026-Q4"]
        assert lake["value"].tolist() != [1e7]
    finally:
        served.close()


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_screens_are_written_in_both_languages(
    served: Served, lang: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    reader = Reader(lang, "JPY")
    headers = {"Accept-Language": lang}
    body = {**BODY, "away": [{"person_id": "p-baba", "from": "2026-12-01", "to": "2026-12-10"}]}
    target_screens.show_shares(
        served.ask("program", "POST", "/targets/share", body, **headers).json(), reader
    )
    levels = f"/goals/{PERIOD}/levels?value=60000000"
    target_screens.show_levels(served.ask("program", "GET", levels, **headers).json(), reader)
    target_screens.show_evenness(served.ask("program", "GET", "/targets/evenness", **headers).json(), reader)
    text = capsys.readouterr().out
    words = ("配分", "堅い", "達成確率") if lang == "ja" else ("equal chances", "likely", "spread")
    assert all(word in text for word in words)
    assert "--write" in text


@pytest.mark.parametrize(
    ("read", "given", "expected"),
    [
        (commands._fixed, "person:P1=20M", {"scope": "person:P1", "value": 2e7}),
        (commands._fixed, "team:T1=2,000万円", {"scope": "team:T1", "value": 2e7}),
        (commands._bounded, "person:P1=1億..", {"scope": "person:P1", "at_least": 1e8}),
        (commands._bounded, "person:P1=..300K", {"scope": "person:P1", "at_most": 3e5}),
        (commands._away, "P1=2027-02-01..", {"person_id": "P1", "from": "2027-02-01", "to": None}),
    ],
)
def test_options_are_read_as_people_write_them(read: Any, given: str, expected: dict[str, Any]) -> None:
    assert read(given) == expected


@pytest.mark.parametrize(
    ("read", "given"),
    [(commands._fixed, "person:P1=many"), (commands._bounded, "person:P1=5"), (commands._away, "P1")],
)
def test_an_option_that_cannot_be_read_says_how_it_is_written(read: Any, given: str) -> None:
    with pytest.raises(SanchoError, match="cannot read") as raised:
        read(given)
    assert raised.value.code == "bad_amount"


def test_a_command_asks_what_it_was_told_to(
    screen: Any,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Any] = []
    told = {
        "period": "2027-Q1", "scope": "company", "name": "全社", "targets": [], "ways": [], "left_out": [],
        "assumptions": [], "differences": [], "written": {"imported": 3, "unchanged": 1, "quarantined": 0},
    }  # fmt: skip

    def noted(self: Canned, request: Any, *_: object) -> Any:
        asked.append(request)
        return self.told

    monkeypatch.setattr(Canned, "share", noted, raising=False)
    typed = ("--total", "520000000", "--by", "even", "--fix", "person:P1=20M", "--away", "P2=2027-02-01..")
    out, _ = screen(told, "targets", "share", "2027-Q1", *typed, "--over", "1.05", "--write", lang="en")
    assert "Stored 3 targets (1 were the same)." in out
    (request,) = asked
    assert (request.total, request.way, request.over_assignment, request.write) == (5.2e8, "even", 1.05, True)
    assert (request.bounds[0].scope, request.bounds[0].value) == ("person:P1", 2e7)
    assert (request.away[0].person_id, request.away[0].last) == ("P2", None)


def test_a_word_that_is_no_way_of_sharing_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["targets", "share", "2027-Q1", "--by", "loudest", "--lang", "en"]) == 1
    assert "chance" in capsys.readouterr().err
