"""Whom do tests sign in, and how? An organisation of a few people, and a service with nothing behind it."""

from __future__ import annotations

import time
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from service.api import seen, use_cases
from service.app import create_app
from service.settings import Settings
from service.sight import EVERYTHING
from service.sign_in import SignIn
from service.use_cases import UseCases

PASSWORD = "four words in a row"
ANNA, BEN, EVA = "Anna.Sato@example.com", "ben@example.com", "eva@example.com"
PEOPLE = [
    {"person_id": "P1", "name": "佐藤 杏奈", "email": ANNA, "role": "admin", "team_id": "T1"},
    {"person_id": "P2", "name": "Ben", "email": BEN, "team_id": "T1"},
    {"person_id": "P3", "name": "Eva", "email": EVA, "role": "manager", "leads_team_id": "T1"},
    {"person_id": "P4", "name": "Without", "role": "admin"},
    {"person_id": "P5", "name": "Left", "email": "left@example.com", "active_to": "2026-01-31"},
    {"person_id": "P6", "name": "One", "email": "Both@example.com"},
    {"person_id": "P7", "name": "Other", "email": "bOTH@example.com"},
    {"person_id": "P8", "name": "Successor of P5", "email": "LEFT@example.com"},
    {"person_id": "P9", "name": "Future", "email": "future@example.com", "active_from": "2999-01-01"},
]


class Fake:
    """Stands in for a use case."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: {"asked": name}


def an_app(settings: Settings) -> FastAPI:
    fields = [name for name in UseCases.__dataclass_fields__ if name != "settings"]
    app = create_app(settings, UseCases(settings=settings, **dict.fromkeys(fields)), warm=False)  # type: ignore[arg-type]
    app.dependency_overrides[use_cases.goals] = Fake
    app.dependency_overrides[seen.known_sight] = _everything
    return app


async def _everything(request: Request) -> None:
    """Stands in for what a caller sees, which is looked up in an organisation."""
    request.scope[seen._KEY] = EVERYTHING


def set_password(app: FastAPI, person_id: str, password: str = PASSWORD) -> None:
    sign_in: SignIn = app.state.sign_in
    person = sign_in.people.read().person(person_id)
    assert person is not None
    sign_in.local.set_password(person, password)


def sign_in(browser: TestClient, app: FastAPI, person_id: str, email: str) -> dict[str, Any]:
    """A browser that is signed in; who it is."""
    set_password(app, person_id)
    answer = browser.post("/auth/sign-in", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def check(browser: TestClient, **headers: str) -> tuple[int, str]:
    """A call that changes something, as far as the browser knows: its status and code."""
    answer = browser.post("/v1/kpis/check", json={"proposals": [{"kpi": "leads"}]}, headers=headers)
    return answer.status_code, answer.json().get("code", "")


def in_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second later by the clock that memories go by."""
    real, later = time.monotonic, 1.0
    monkeypatch.setattr("time.monotonic", lambda: real() + later)
