"""Do `sancho user` and `sancho key --person` do what they say, and say what to do instead?"""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from service.cli import run
from service.settings import read_settings
from service.sign_in import SignIn
from tests.support.sign_in import (
    BEN,
    PASSWORD,
)


def test_commands_list_link_sign_out_and_change_people(
    here: None, app: FastAPI, browser: TestClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert run(["user", "link", "ben@EXAMPLE.com", "--lang", "ja"]) == 0
    printed = capsys.readouterr()
    assert "Ben さんが 30 分以内に一度だけ" in printed.err
    link = printed.out.strip()
    assert browser.post("/auth/link", json={"link": link, "new_password": PASSWORD}).status_code == 200
    assert run(["user", "list", "--lang", "en"]) == 0
    listed = capsys.readouterr().out
    row = next(line for line in listed.splitlines() if BEN in line)
    assert " set " in row
    left = next(line for line in listed.splitlines() if line.startswith("P5"))
    assert "no: has" in left
    assert run(["user", "sign-out", "P2", "--lang", "en"]) == 0
    assert "Sessions ended: 1" in capsys.readouterr().out
    browser.cookies.clear()
    (tmp_path / "password").write_text("another good password\n", "utf-8")
    assert run(["user", "set-password", "P2", "--file", "password"]) == 0
    asked = {"email": BEN, "password": "another good password"}
    assert browser.post("/auth/sign-in", json=asked).status_code == 200
    assert run(["user", "email", "P4", "four@example.com", "--lang", "en"]) == 0
    assert run(["user", "role", "P4", "manager", "--lang", "en"]) == 0
    assert run(["user", "role", "P4", "manager", "--lang", "en"]) == 0
    told = [line for line in capsys.readouterr().out.splitlines() if "changed" in line and "2026" not in line]
    assert told == ["changed.", "changed.", "Nothing changed: the store says so already."]
    four = SignIn(read_settings())
    found = four.people.read().person_of("four@example.com")
    assert found is not None
    assert found.role == "manager"
    four.close()


def test_a_key_of_a_person_is_made_for_who_is_here(here: None, capsys: pytest.CaptureFixture[str]):
    assert run(["key", "create", "--name", "card", "--person", "P2", "--lang", "en"]) == 0
    assert "ends when the person leaves" in capsys.readouterr().err
    assert run(["key", "list", "--lang", "en"]) == 0
    assert "P2" in capsys.readouterr().out
    for person in ("P5", "nobody"):
        assert run(["key", "create", "--name", "card", "--person", person, "--lang", "en"]) == 1
        assert "nobody" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["link", "P4"], "`sancho user email P4 ADDRESS`"),
        (["link", "P5"], "has left"),
        (["link", "P6"], "somebody else who is here"),
        (["link", "nobody"], "`sancho user list`"),
        (["sign-out", "nobody"], "`sancho user list`"),
        (["role", "P1", "chief"], "chief"),
        (["email", "P1", "no address"], "is no e-mail address"),
        (["set-password", "P1", "--file", "none"], "cannot read the file 'none'"),
    ],
)
def test_commands_say_what_to_do_instead(
    here: None, command: list[str], told: str, capsys: pytest.CaptureFixture[str]
):
    assert run(["user", *command, "--lang", "en"]) == 1
    assert told in capsys.readouterr().err
