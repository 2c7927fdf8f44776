"""How does the organisation of teams answer, and whom? Everybody of it is signed in by a header."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from service import app as app_module
from service import state_maker
from service.access_rules import RIGHTS
from service.api.access import CALLER
from service.app import create_app
from service.callers import Caller
from service.settings import Settings
from service.use_cases import UseCases
from tests.support.fakes import PERIOD, FakeRegistry
from tests.support.teams import CLOCK, OWNERS, PAST, bundle_of_teams, deal_of, store_of_teams

ALL = tuple(RIGHTS)
CALLERS = {
    "program": Caller(name="crm", rights=ALL),
    "key of team": Caller(name="east", rights=ALL, team_id="t-east"),
    "seller": Caller(name="p-sato", rights=ALL, person_id="p-sato", role="seller"),
    "manager": Caller(name="p-kato", rights=ALL, person_id="p-kato", role="manager"),
    "admin": Caller(name="p-suzuki", rights=ALL, person_id="p-suzuki", role="admin"),
    "manager without a team": Caller(name="p-ito", rights=ALL, person_id="p-ito", role="manager"),
    "manager of the mover now": Caller(name="p-noda", rights=ALL, person_id="p-noda", role="manager"),
    "the mover": Caller(name="p-mori", rights=ALL, person_id="p-mori", role="seller"),
    "one who left": Caller(name="p-ueda", rights=ALL, person_id="p-ueda", role="seller"),
    "nobody": Caller(name="p-x", rights=ALL, person_id="p-x", role="seller"),
    "key of no team": Caller(name="gone", rights=ALL, team_id="t-gone"),
}
EAST = {"p-kato", "p-sato", "p-abe", "p-ueda", "p-ito"}
SEEN = {  # people and teams, by the rules
    "key of team": (EAST, {"t-east", "t-hill", "t-lake"}),
    "seller": ({"p-sato"}, set()),
    "manager": (EAST, {"t-east", "t-hill", "t-lake"}),
    "manager without a team": ({"p-ito"}, set()),
    "manager of the mover now": ({"p-noda", "p-baba", "p-mori"}, {"t-west"}),
    "the mover": ({"p-mori"}, set()),
    "one who left": (set(), set()),
    "nobody": (set(), set()),
    "key of no team": (set(), set()),
}


class SignedIn:
    """Stands in for sign-in: the caller is the one that a header names."""

    def __init__(self, app: Any, **_: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            name = dict(scope["headers"]).get(b"x-caller", b"program").decode()
            scope[CALLER] = CALLERS[name]
        await self._app(scope, receive, send)


@dataclass(frozen=True)
class Served:
    """The organisation as it answers, to whom a header names."""

    client: TestClient
    app: FastAPI
    cases: UseCases

    def ask(self, caller: str, method: str, path: str, body: Any = None, **headers: str) -> Any:
        answer = self.client.request(
            method, f"/v1{path}", json=body, headers={"x-caller": caller, "Accept-Language": "ja", **headers}
        )
        assert answer.status_code < 500, (caller, path, answer.text)
        return answer

    def close(self) -> None:
        """Ends it."""
        self.cases.close()
        self.app.state.keys.close()


def opened(folder: Path, patch: pytest.MonkeyPatch) -> Served:
    patch.setattr(state_maker, "as_of_instant", lambda *_: CLOCK)
    patch.setattr(app_module, "Credentials", SignedIn)
    store = store_of_teams(folder / "store.db")
    registry: Any = FakeRegistry(bundle_of_teams(store))
    registry.evaluation = lambda _: (registry.info, None)
    cases = UseCases.open(Settings(home=folder), store, registry)
    cases.serving.refresh()
    for _ in range(8):
        cases.forecasts.store_history()
    app = create_app(cases.settings, cases, warm=False)
    return Served(TestClient(app, raise_server_exceptions=False), app, cases)


NEW = {"deal_id": "new-1", "created_at": "2026-11-02", "stage": "提案", "amount": 2_000_000}
OWN = {"seller": "p-sato", "manager": "p-kato", "admin": "p-suzuki"}


def scopes_of(caller: str) -> dict[str, str]:
    """Which scope each column of the matrix stands for."""
    sells = caller == "seller"
    return {
        "own_person": f"person:{OWN.get(caller)}",
        "other_person": "person:p-abe",
        "own_team": "team:t-hill" if sells else "team:t-east",
        "team_below": "team:t-hill",
        "other_team": "team:t-west",
        "company": "company",
    }


def may_see_owner(caller: str, owner: str) -> bool:
    return caller not in SEEN or owner in SEEN[caller][0]


def questions_of(caller: str) -> list[tuple[str, str, Any]]:
    """Every question that reads, about each scope and deal that the caller sees, now and of the past."""
    people, teams = SEEN[caller]
    scopes = [None, *(f"team:{team}" for team in sorted(teams)), *(f"person:{one}" for one in sorted(people))]
    asked: list[tuple[str, str, Any]] = [
        ("GET", "/recommendations/report", None), ("GET", "/jobs", None), ("GET", "/models", None),
        ("POST", "/deals/score", {"deal": NEW}),
        ("POST", "/deals/score", {"deal": {**NEW, "owner_id": "p-baba", "deal_id": "d-baba-2"}}),
        ("POST", "/deals/score-batch", {"deal": {**NEW, "owner_id": "p-baba", "deal_id": "d-baba-2"}}),
    ]  # fmt: skip
    for scope, as_of in itertools.product(scopes, (None, PAST)):
        query = "&".join(f"{key}={value}" for key, value in (("scope", scope), ("as_of", as_of)) if value)
        more = {key: value for key, value in (("scope", scope), ("as_of", as_of)) if value}
        kpi = {"kpi": "leads", "value": 9, "period": PERIOD, **({"scope": scope} if scope else {})}
        paths = [f"/{name}/{PERIOD}" for name in ("forecasts", "kpis", "trees", "people")]
        asked += [("GET", f"{path}?{query}", None) for path in (*paths, "/deals", "/actions", "/bottlenecks")]
        asked.append(("GET", f"/deals?limit=1&sort=deal_id&{query}", None))
        asked.append(("POST", "/kpis/check", {"proposals": [kpi], "as_of": as_of}))
        asked.append(("POST", "/plans", {"period": PERIOD, "probability": 0.8, **more}))
        asked.append(
            ("POST", f"/forecasts/{PERIOD}/what-if",
             {**more, "joining": [{}], "levels": [{"kpi": "leads", "multiplier": 2.0}]})
        )  # fmt: skip
    for person, as_of in itertools.product(sorted(people & set(OWNERS)), ("", f"as_of={PAST}")):
        for number in (0, 2):
            deal = deal_of(person, number)
            asked += [
                ("GET", f"/deals/{deal}?{as_of}", None),
                ("GET", f"/deals/{deal}/timeline?{as_of}", None),
            ]
            asked.append(("GET", f"/actions?deal_id={deal}&{as_of}", None))
    return asked
