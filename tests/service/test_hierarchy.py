"""Does no organisation, however odd, widen what a caller sees, and does a key keep its team?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.eventlog import EventLog
from service import state_maker
from service.app import create_app
from service.callers import Caller
from service.cli import run
from service.hierarchy import Hierarchy
from service.keys import ApiKeys
from service.settings import Settings, read_settings
from service.sight import EVERYTHING, sight_of
from service.use_cases import UseCases
from tests.support.fakes import PERIOD, TOKYO, FakeRegistry
from tests.support.served_teams import ALL, CALLERS
from tests.support.teams import CLOCK, bundle_of_teams, push, store_of_teams

NAMES = st.sampled_from([f"t{n}" for n in range(5)])


SOME = st.none() | NAMES
# Teams in circles, under unknown teams and under themselves; people of unknown teams, who lead any.
TEAMS_ABOVE = st.dictionaries(NAMES, SOME, max_size=5)
PEOPLE_ROWS = st.lists(st.tuples(SOME, SOME, st.booleans()), min_size=1, max_size=6)
OWNERS = st.lists(st.none() | st.sampled_from([f"p{n}" for n in range(7)]), min_size=4, max_size=4)


def organisation(above: Any, people: Any, owners: Any) -> EventLog:
    """The log of an organisation; a person's row: team, team led, whether they have left."""
    teams = [{"team_id": team, "parent_team_id": parent} for team, parent in above.items()]
    rows = [
        {"person_id": f"p{n}", "team_id": team, "leads_team_id": led,
         "active_to": pd.Timestamp("2026-05-01") if left else None}
        for n, (team, led, left) in enumerate(people)
    ]  # fmt: skip
    deals = [
        {"deal_id": f"d{n}", "created_at": "2026-04-01", "stage": "提案", "owner_id": owner}
        for n, owner in enumerate(owners)
    ]
    frames = {
        "teams": pd.DataFrame(teams, columns=["team_id", "parent_team_id"]),
        "people": pd.DataFrame(rows),
        "deals": pd.DataFrame(deals),
    }
    return EventLog.of(frames, TOKYO)


def below(log: EventLog, team: str) -> set[str]:
    """The teams that have this one above them, found from each of them upwards, step by step."""
    parents = dict(zip(log["teams"]["team_id"], log["teams"]["parent_team_id"], strict=True))
    found = {team}
    for start in {*parents, *log["people"]["team_id"].dropna()}:
        at: Any = start
        for _ in range(len(parents) + 1):
            if at == team:
                found.add(start)
            at = parents.get(at)
    return found


@settings(max_examples=60, deadline=None)
@given(TEAMS_ABOVE, PEOPLE_ROWS, OWNERS, st.sampled_from(["seller", "manager", "admin", "x", None]),
       st.integers(0, 6), NAMES)  # fmt: skip
def test_no_organisation_widens_what_is_seen(
    above: Any, rows: Any, of_deals: Any, role: str | None, number: int, team: str
):
    log = organisation(above, rows, of_deals)
    hierarchy = Hierarchy.of(log.as_of(CLOCK))
    people = log["people"].set_index("person_id")
    me = f"p{number}"
    sight = sight_of(Caller(name=me, rights=ALL, person_id=me, role=role), hierarchy)
    if role == "admin":
        assert sight == EVERYTHING
        return
    assert sight.is_limited
    assert not sight.sees_scope("company")
    assert not sight.sees_scope("unassigned")
    if me not in people.index or not pd.isna(people["active_to"][me]):
        assert (sight.people, sight.teams) == (frozenset(), frozenset())
    led = people["leads_team_id"][me] if me in people.index else None
    may = below(log, led) if role == "manager" and isinstance(led, str) else set()
    assert sight.teams <= may
    assert sight.people <= {me, *people.index[people["team_id"].isin(may)]}
    assert sight.people - {me} <= set(people.index[people["team_id"].isin(sight.teams)])
    owners = log["deals"].set_index("deal_id")["owner_id"]
    seen = {deal for deal in owners.index if sight.sees_deal(deal)}
    assert seen == set(owners.index[owners.isin(sight.people)])
    assert not sight.once, "nobody has moved"
    key = sight_of(Caller(name="key", rights=ALL, team_id=team), hierarchy)
    assert key.teams <= below(log, team)
    assert key.people == set(people.index[people["team_id"].isin(key.teams)])


def test_people_who_were_ever_in_a_team_are_found_through_all_moves(tmp_path: Path):
    with store_of_teams(tmp_path / "store.db") as store:
        push(store, {"teams": [{"team_id": "t-hill", "parent_team_id": "t-west"}]}, "2026-11-19T10:00")
        push(store, {"teams": [{"team_id": "t-hill", "parent_team_id": "t-lake"}]}, "2026-11-19T11:00")
        hierarchy = Hierarchy.of(store.read(TOKYO).as_of(CLOCK))
    west = sight_of(CALLERS["manager of the mover now"], hierarchy)
    assert west.people == {"p-noda", "p-baba", "p-mori"}
    assert west.once == {"p-sato", "p-abe", "p-ueda"}, "all who were in a team that was below"
    assert sight_of(CALLERS["manager"], hierarchy).once == {"p-mori"}


# Keys


def test_a_key_with_a_team_is_made_listed_and_rotated_by_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANCHO_HOME", str(tmp_path / "home"))
    read_settings().home.mkdir(mode=0o700)
    store_of_teams(read_settings().home / "sancho.db").close()
    made = ["key", "create", "--name", "east", "--team", "t-east", "--lang", "en"]
    assert run(made) == 0
    printed = capsys.readouterr()
    assert "it sees: team t-east and the teams below it" in printed.err
    assert run([*made, "--right", "admin"]) == 1
    assert "cannot have the right admin" in capsys.readouterr().err
    assert run(["key", "create", "--name", "x", "--team", "t-zzzz", "--lang", "en"]) == 1
    told = capsys.readouterr().err
    assert "t-zzzz" in told
    assert "t-east" not in told
    assert run(["key", "list", "--lang", "en"]) == 0
    assert "t-east" in capsys.readouterr().out
    assert run(["key", "rotate", printed.out.split("_")[1]]) == 0
    rotated = capsys.readouterr().out.strip()
    keys = ApiKeys(read_settings().store_url)
    known = keys.check(rotated)
    assert known is not None
    assert known.team_id == "t-east"
    keys.close()


def test_a_key_with_a_team_sees_its_team_over_the_wire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(state_maker, "as_of_instant", lambda *_: CLOCK)
    store = store_of_teams(tmp_path / "store.db")
    registry: Any = FakeRegistry(bundle_of_teams(store))
    keys = ApiKeys(str(tmp_path / "store.db"))
    cases = UseCases.open(Settings(home=tmp_path), store, registry)
    cases.serving.refresh()
    app = create_app(cases.settings, cases, warm=False, keys=keys)
    key = keys.create("hill", ["read"], team_id="t-hill")
    client = TestClient(app, headers={"Authorization": f"Bearer {key}"})
    assert client.get(f"/v1/forecasts/{PERIOD}").json()["scope"] == "team:t-hill"
    assert client.get(f"/v1/forecasts/{PERIOD}?scope=company").status_code == 404
    assert client.get("/v1/deals/d-sato-2").status_code == 200
    assert client.get("/v1/deals/d-ito-2").status_code == 404
    cases.close()
    keys.close()


def test_admin_is_taken_from_a_key_that_somebody_gave_a_team_by_hand(tmp_path: Path):
    keys = ApiKeys(str(tmp_path / "sancho.db"))
    text = keys.create("boss", ["admin", "read"])
    with keys._engine.begin() as connection:
        connection.execute(sa.text("UPDATE api_keys SET team_id = 't-east'"))
    known = keys.check(text)
    assert known is not None
    assert known.rights == ("read",)
    keys.close()
