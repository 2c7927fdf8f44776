"""Is nothing of anybody else in an answer: in rows, sums, names, headers and what is learned of all?"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.support.fakes import PERIOD
from tests.support.served_teams import (
    CALLERS,
    NEW,
    SEEN,
    Served,
    may_see_owner,
    opened,
    questions_of,
)
from tests.support.teams import (
    DEALS_EACH,
    MOVED,
    OWNERS,
    PAST,
    PEOPLE,
    TEAMS,
    amount_of,
    deal_name,
    deal_of,
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with pytest.MonkeyPatch.context() as patch:
        made = opened(tmp_path_factory.mktemp("sight"), patch)
        yield made
        made.close()


def texts_of(value: Any) -> Iterator[str]:
    """All texts of an answer; of a cursor, what it holds."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from texts_of(key)
            yield from texts_of(one)
            if key == "next_cursor" and one:
                yield from texts_of(orjson.loads(base64.urlsafe_b64decode(one + "=" * (-len(one) % 4))))
    elif isinstance(value, list):
        for one in value:
            yield from texts_of(one)
    elif isinstance(value, str):
        yield value


def money_of(value: Any) -> Iterator[float]:
    """All amounts of an answer."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from money_of(one)
    elif isinstance(value, float | int) and abs(value) >= 10_000:
        yield round(float(value), 2)


def foreign(caller: str) -> dict[str, str]:
    """The ids and names of people, teams and deals that a caller does not see."""
    people, teams = SEEN[caller]
    found = {
        **{
            text: person
            for person, row in PEOPLE.items()
            if person not in people
            for text in (person, row[0])
        },
        **{text: team for team, row in TEAMS.items() if team not in teams for text in (team, row[0])},
    }
    for owner in OWNERS:
        for number in range(DEALS_EACH):
            deal = deal_of(owner, number)
            now = "p-baba" if deal == MOVED else owner
            if now not in people:
                found |= {deal: deal, deal_name(deal): deal}
    return found


@pytest.fixture(scope="module")
def amounts(served: Served) -> dict[tuple[str, str | None], set[float]]:
    """The amounts of each scope's forecast, as who sees everything is told them."""
    scopes = ["company", *(f"team:{team}" for team in TEAMS), *(f"person:{person}" for person in PEOPLE)]
    found = {}
    for scope, as_of in itertools.product(scopes, (None, PAST)):
        more = f"&as_of={as_of}" if as_of else ""
        answer = served.ask("admin", "GET", f"/forecasts/{PERIOD}?scope={scope}{more}").json()
        own = {key: answer[key] for key in ("target", "closed", "revenue", "components", "gap", "baselines")}
        found[scope, as_of] = set(money_of(own))
    return found


@pytest.mark.parametrize("caller", SEEN)
def test_nothing_of_anybody_else_is_in_an_answer(
    caller: str, served: Served, amounts: dict[tuple[str, str | None], set[float]]
):
    hidden, (people, teams) = foreign(caller), SEEN[caller]
    for own_id in (CALLERS[caller].person_id, CALLERS[caller].team_id):
        for text in (own_id, PEOPLE.get(own_id or "", ("",))[0]):
            hidden.pop(text or "", None)
    own = {f"team:{team}" for team in teams} | {f"person:{person}" for person in people}
    kept = set().union(*(found for (scope, _), found in amounts.items() if scope in own))
    places = itertools.product(range(len(OWNERS)), range(DEALS_EACH))
    kept |= {float(amount_of(*place)) for place in places}  # what a model has learned has such figures
    sums = set().union(*(found for (scope, _), found in amounts.items() if scope not in own)) - kept
    assert len(sums) > 20
    answered = 0
    for method, path, body in questions_of(caller):
        answer = served.ask(caller, method, path, body)
        answered += answer.status_code == 200
        rows = [orjson.loads(line) for line in answer.content.splitlines()]
        asked = f"{path} {body}"
        said = [*texts_of(rows), *answer.headers.values()]
        for text in said:
            named = [name for name in hidden if name in text and name not in asked]
            assert not named, (path, text, named)
        told = sums.intersection(money_of(rows))
        assert not told, (path, told)
        assert "company" not in [one for one in said if one == "company"], path
    assert answered > (20 if people else 2)


def test_the_answers_about_a_person_are_made_once_for_all_who_may_see_him(
    served: Served, monkeypatch: pytest.MonkeyPatch
):
    made: list[str] = []
    make = served.cases.answers._make  # type: ignore[union-attr]

    def counted(question: Any, how: Any) -> bytes:
        made.append(question.name)
        return make(question, how)

    monkeypatch.setattr(served.cases.answers, "_make", counted)
    paths = (
        "/forecasts/2026-12?",
        "/people/2026-12?",
        "/deals?period=2026-12&",
        "/bottlenecks?period=2026-12&",
    )
    for path in paths:
        whole = served.ask("admin", "GET", f"{path}scope=person:p-abe").json()
        seen = served.ask("manager", "GET", f"{path}scope=person:p-abe").json()
        if "bottlenecks" in path:
            assert len(whole.pop("bottlenecks")) == 4
            told = {row["segment"]["seller_team"] for row in seen.pop("bottlenecks")}
            assert told == {"t-east", "t-hill", "t-lake"}
        assert seen == whole, path
    assert made == ["forecast", "people", "deals", "bottlenecks"]


def test_a_figure_of_a_seller_is_the_one_that_the_administrator_reads(served: Served):
    for person in ("p-sato", "p-abe"):
        path = f"/forecasts/{PERIOD}?scope=person:{person}"
        seen, whole = served.ask("manager", "GET", path).json(), served.ask("admin", "GET", path).json()
        for name in ("target", "closed", "probability", "revenue", "components", "pace", "drivers", "deals"):
            assert seen[name] == whole[name]


def test_no_scope_said_is_the_widest_that_is_seen(served: Served):
    widest = {
        "program": "company", "key of team": "team:t-east", "seller": "person:p-sato",
        "manager": "team:t-east", "admin": "company", "manager without a team": "person:p-ito",
    }  # fmt: skip
    for caller, scope in widest.items():
        assert served.ask(caller, "GET", f"/forecasts/{PERIOD}").json()["scope"] == scope
        plan = {"period": PERIOD, "probability": 0.8}
        assert served.ask(caller, "POST", "/plans", plan).json()["scope"] == scope
        assert served.ask(caller, "POST", f"/forecasts/{PERIOD}/what-if", {}).json()["scope"] == scope
        checked = served.ask(caller, "POST", "/kpis/check", {"proposals": [{"kpi": "leads"}]}).json()
        assert checked["proposals"][0]["scope"] == scope


def test_a_manager_reads_his_own_deals_effect_on_the_goal_that_they_are_part_of(served: Served):
    answer = served.ask("manager", "GET", "/deals/d-kato-2").json()
    assert answer["attainment"]["scope"] == "team:t-east"
    assert answer["attainment"]["name"] == "東日本営業部"
    company = served.ask("admin", "GET", "/deals/d-kato-2").json()
    assert company["attainment"]["scope"] == "company"
    assert answer["attainment"]["probability"] != company["attainment"]["probability"]
    assert answer["win"] == company["win"]


def test_an_answer_that_would_tell_of_others_does_not_leave(served: Served):
    sight = served.cases.serving.sight(CALLERS["seller"])
    with pytest.raises(Exception, match="may not see"):
        sight.cut({"scope": "team:t-west"}, "ja")
    with pytest.raises(Exception, match="may not see"):
        sight.cut({"scope": "person:p-sato", "attainment": {"scope": "company"}}, "ja")
    rows = [{"deal_id": deal} for deal in ("d-sato-2", "d-baba-2", "d-zzzz")]
    assert sight.cut({"rows": rows}, "ja") == {"rows": rows[:1]}


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    made = opened(tmp_path, monkeypatch)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("GET", "/deals/d-sato-2", None), ("GET", "/actions?deal_id=d-sato-2", None),
     ("POST", "/deals/score", {"deal": NEW})],
)  # fmt: skip
def test_past_deals_like_one_are_told_each_reader_as_far_as_they_see(
    method: str, path: str, body: Any, fresh: Served, monkeypatch: pytest.MonkeyPatch
):
    def every_closed_deal(_state: Any, _x: Any, _moment: int, _own: int, names: Any) -> Any:
        closed = [deal_of(owner, number) for owner in OWNERS for number in (0, 1, 4)]
        rows = [{"deal_id": deal, "outcome": "won", "similarity": 0.5} for deal in closed]
        return names.with_deals(rows)

    monkeypatch.setattr(fresh.cases.recommendations, "deals_similar_to", every_closed_deal)
    for caller in ("program", "manager", "seller"):
        answer = fresh.ask(caller, method, path, body).json()
        [action] = answer["actions"]
        told = {row["deal_id"] for row in action["similar_deals"]}
        owners = [owner for owner in OWNERS if may_see_owner(caller, owner)]
        assert told == {deal_of(owner, number) for owner in owners for number in (0, 1, 4)}
        assert action["evidence"]["deals_with"] == 200, "what all deals have taught is told to all"


def test_what_is_told_of_models_names_no_other_team_and_nobody_who_decided(served: Served):
    answer = {
        "models": [{"version": "2", "promoted_by": "p-suzuki", "promoted_because": "鈴木の判断"}],
        "monitoring": {
            "reasons": [
                "担当者のチーム「t-west」：9件",
                "Rep's team 't-west': 9 wins",
                "全体：受注を20件と予測",
            ],
            "calibration": [
                {"segment": None},
                {"segment": {"seller_team": "t-west"}},
                {"segment": {"product": "A"}},
            ],
        },
        "segments": [{"kind": "seller_team", "level": "t-west"}, {"kind": "product", "level": "A"}],
    }
    for caller in ("seller", "manager"):
        told = served.cases.serving.sight(CALLERS[caller]).cut(answer, "ja")
        assert told["models"] == [{"version": "2", "promoted_by": None, "promoted_because": None}]
        assert told["monitoring"]["reasons"] == ["全体：受注を20件と予測"]
        assert told["monitoring"]["calibration"] == [{"segment": None}, {"segment": {"product": "A"}}]
        assert told["segments"] == [{"kind": "product", "level": "A"}]


def test_what_is_left_out_of_sums_is_not_told_of_others(served: Served):
    sight = served.cases.serving.sight(CALLERS["seller"])
    answer = {"warnings": [{"code": "missing_rate", "message": "商談 1,234,567 USD（3件）"}]}
    assert "USD" not in str(sight.cut(answer, "ja"))
    assert served.cases.serving.sight(CALLERS["admin"]).cut(answer, "ja") == answer


@pytest.mark.parametrize("caller", SEEN)
def test_a_page_names_nobody_else_either(caller: str, served: Served):
    own = {CALLERS[caller].person_id, CALLERS[caller].team_id}
    hidden = {name for name, who in foreign(caller).items() if who not in own}
    shown = served.client.get("/", params={"period": PERIOD}, headers={"x-caller": caller})
    people, _ = SEEN[caller]
    assert shown.status_code == (200 if people else 403), shown.text
    assert not [name for name in hidden if name in shown.text]
    assert 'value="company"' not in shown.text
