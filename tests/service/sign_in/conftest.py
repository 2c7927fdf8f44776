"""What do tests of sign-in share? A store of a few people, and a service on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import argon2
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from crm.importing import push_rows
from crm.store import Store
from service.settings import Settings
from tests.support.fakes import TOKYO
from tests.support.sign_in import (
    PEOPLE,
    an_app,
)


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are hashed by the library's own parameters for tests, which take a millisecond."""
    quick = argon2.PasswordHasher.from_parameters(argon2.profiles.CHEAPEST)
    monkeypatch.setattr("service.sign_in.passwords.PasswordHasher", lambda: quick)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    opened = Store.open(settings.store_url)
    push_rows(opened, "people", PEOPLE, TOKYO)
    yield opened
    opened.close()


@pytest.fixture
def app(settings: Settings, store: Store) -> Iterator[FastAPI]:
    made = an_app(settings)
    yield made
    made.state.keys.close()
    made.state.sign_in.close()


@pytest.fixture
def browser(app: FastAPI) -> TestClient:
    return TestClient(app, headers={"Accept-Language": "en"}, raise_server_exceptions=False)


@pytest.fixture
def here(settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANCHO_HOME", str(settings.home))
