"""Does a caller with a good key get in while the store is out of reach, and nobody else?"""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from crm.errors import SanchoError
from crm.i18n import Text
from service import keys as module
from service.keys import ApiKeys


@pytest.fixture
def keys(tmp_path: Path) -> ApiKeys:
    return ApiKeys(str(tmp_path / "store.db"))


def take_away(keys: ApiKeys, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The store goes away; how often it is asked from then on."""
    asked: list[int] = []

    def fail(_engine: sa.Engine) -> None:
        asked.append(1)
        raise SanchoError(Text("届きません。", "out of reach."), "store_unavailable")

    monkeypatch.setattr(sa.Engine, "connect", fail)
    monkeypatch.setattr(module, "_CACHE_SECONDS", -1.0)  # nothing looked up before is fresh any more
    return asked


def test_a_key_that_was_good_stays_good_while_the_store_is_away(
    keys: ApiKeys, monkeypatch: pytest.MonkeyPatch
):
    text = keys.create("crm")
    assert keys.check(text) is not None
    asked = take_away(keys, monkeypatch)
    for _ in range(3):
        found = keys.check(text)
        assert found is not None
        assert found.name == "crm"
    assert asked == [1], "a store that does not answer is not waited for at every call"
    assert keys.check(text + "x") is None, "a wrong secret stays wrong"


def test_a_key_never_seen_cannot_be_checked_meanwhile(keys: ApiKeys, monkeypatch: pytest.MonkeyPatch):
    text = keys.create("crm")
    take_away(keys, monkeypatch)
    with pytest.raises(SanchoError) as caught:
        keys.check(text)
    assert caught.value.code == "store_unavailable"


def test_a_key_revoked_elsewhere_ends_once_the_store_is_back(
    keys: ApiKeys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    text = keys.create("crm")
    keys.check(text)
    elsewhere = ApiKeys(str(tmp_path / "store.db"))
    elsewhere.revoke(keys.list()[0].key_id)
    elsewhere.close()
    with monkeypatch.context() as outage:
        take_away(keys, outage)
        assert keys.check(text) is not None
    monkeypatch.setattr(module, "_CACHE_SECONDS", -1.0)
    monkeypatch.setattr(module, "_OUTAGE_SECONDS", -1.0)
    assert keys.check(text) is None


def test_a_fresh_key_is_remembered_and_an_older_one_where_that_is_asked_for(
    keys: ApiKeys, monkeypatch: pytest.MonkeyPatch
):
    text = keys.create("crm")
    assert keys.remembered(text) is None
    keys.check(text)
    assert keys.remembered(text) is not None
    assert keys.remembered(text + "x") is None, "a wrong secret stays wrong"
    monkeypatch.setattr(module, "_CACHE_SECONDS", -1.0)
    assert keys.remembered(text) is None
    assert keys.remembered(text, 60.0) is not None
