"""Who is let in where nobody is known yet, by what, and for how long?"""

from __future__ import annotations

import pytest

from crm.importing import push_rows
from crm.store import Store
from service.cli.serve import _tell_first_admin
from service.first_admin import FIRST_ADMIN, first_admin_link, is_first_admin
from service.settings import Settings
from service.sign_in import SignIn
from tests.support.fakes import TOKYO, small_store


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(home=tmp_path)


def rows(settings: Settings, table: str, *given: dict) -> None:
    with Store.open(settings.store_url) as store:
        assert not push_rows(store, table, list(given), TOKYO).quarantined


def test_an_empty_installation_makes_an_admin_and_a_link_that_works_once(settings) -> None:
    link = first_admin_link(settings)
    sign_in = SignIn(settings)
    signed_in = sign_in.local.by_link(link)
    assert (signed_in.person.person_id, signed_in.person.role) == (FIRST_ADMIN, "admin")
    assert is_first_admin(sign_in, FIRST_ADMIN)
    with pytest.raises(Exception, match="does not work"):
        sign_in.local.by_link(link)
    sign_in.close()


def test_the_organisation_is_still_to_be_said_by_the_first_import(settings) -> None:
    first_admin_link(settings)
    with Store.open(settings.store_url) as store:
        assert store.counts()["organisation"] == 0


def test_another_start_makes_another_link_and_ends_the_one_before(settings) -> None:
    first, second = first_admin_link(settings), first_admin_link(settings)
    sign_in = SignIn(settings)
    assert sign_in.book.link(first) is None
    assert sign_in.book.link(second) == FIRST_ADMIN
    sign_in.close()


@pytest.mark.parametrize(
    "person",
    [
        {"person_id": FIRST_ADMIN, "email": "hanako@example.com"},
        {"person_id": "P9", "email": "jiro@example.com", "role": "admin"},
    ],
)
def test_nobody_is_let_in_once_an_admin_is_known(settings, person) -> None:
    first_admin_link(settings)
    rows(settings, "people", person)
    assert first_admin_link(settings) is None


def test_nobody_is_made_where_there_are_data_or_people_already(tmp_path) -> None:
    settings = Settings(home=tmp_path)
    small_store(tmp_path / "sancho.db").close()
    assert first_admin_link(settings) is None
    assert not is_first_admin(SignIn(settings), FIRST_ADMIN)


def test_data_without_people_make_no_admin(settings) -> None:
    rows(settings, "accounts", {"account_id": "A1"})
    assert first_admin_link(settings) is None


def test_nobody_is_made_where_the_provider_alone_signs_in(tmp_path) -> None:
    assert first_admin_link(Settings(home=tmp_path, local_sign_in=False)) is None


def test_the_link_is_shown_on_the_servers_own_terminal_alone(settings, capsys) -> None:
    _tell_first_admin(settings, "en")
    told = capsys.readouterr()
    assert told.out == ""
    assert "/sign-in?link=" in told.err
    assert "works once" in told.err


def test_a_store_out_of_reach_does_not_keep_the_service_from_starting(tmp_path, capsys) -> None:
    away = Settings(home=tmp_path, database_url="postgresql://127.0.0.1:9/none")
    _tell_first_admin(away, "ja")
    assert "link=" not in capsys.readouterr().err
