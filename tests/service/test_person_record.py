"""Is a person told all that is stored about him, and may he answer it, and nobody else in his name?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from crm.acting import Entry
from crm.errors import SanchoError
from crm.instants import as_of_instant
from service.callers import Caller
from tests.service.test_audit import PROGRAM, SELLER, Installation

COLLEAGUE = Caller(name="P1", rights=("read",), person_id="P1", role="seller")


@pytest.fixture
def here(tmp_path: Path):
    made = Installation(tmp_path)
    yield made
    made.app.state.use_cases.close()
    made.app.state.audit.close()


def _record(here: Installation) -> dict:
    here.sign_in.caller = SELLER
    answer = here.client.get("/v1/me/record", headers={"Accept-Language": "en"})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def no_figures(here: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    records = here.app.state.use_cases.records

    def none_yet(*_: object) -> None:
        raise SanchoError(here_says("no model"), "no_model")

    monkeypatch.setattr(records._goals, "people", none_yet)
    return here


def here_says(text: str):
    from crm.i18n import Text

    return Text(text, text)


def test_a_person_is_told_his_row_and_where_he_is_named_and_how_often(no_figures: Installation):
    told = _record(no_figures)
    assert told["person"]["person_id"] == "P0"
    rows = {(row["table"], row["column"]): (row["rows"], row["label"]) for row in told["rows"]}
    assert rows["deals", "owner_id"] == (4, "Deals")
    assert ("activities", "actor_id") not in rows, "nothing names him there"
    assert (told["figures"], [one["code"] for one in told["warnings"]]) == (None, ["no_model"])


def test_figures_about_him_are_the_comparison_kpis_bottlenecks_that_name_him_and_questions(
    here: Installation, monkeypatch: pytest.MonkeyPatch
):
    records = here.app.state.use_cases.records
    own, other = {"scope": "person:P0", "wins": 3}, {"scope": "person:P1", "wins": 9}
    compared = {"period": "2026-Q4", "people": [other, own], "warnings": []}
    naming, another = {"id": "B1", "segment": {"owner": "P0"}}, {"id": "B2", "segment": {"owner": "P1"}}
    monkeypatch.setattr(records._goals, "people", lambda *_: compared)
    monkeypatch.setattr(records._goals, "kpis", lambda *_: {"kpis": [{"kpi": "visits"}]})
    monkeypatch.setattr(
        records._recommendations, "bottlenecks", lambda *_: {"bottlenecks": [naming, another]}
    )
    asked = {"scope": "person:P0", "kind": "visits", "question": "?"}
    monkeypatch.setattr(records._padding, "padding", lambda *_: {"questions": [asked]})
    figures = _record(here)["figures"]
    assert figures == {
        "period": "2026-Q4",
        "comparison": own,
        "kpis": [{"kpi": "visits"}],
        "bottlenecks": [naming],
        "questions": [asked],
    }


def test_he_is_told_who_read_his_figures_and_his_own_reads_are_none(no_figures: Installation):
    note = no_figures.app.state.audit.note
    for _ in range(2):
        note(Entry(caller="boss", role="manager", operation="get_kpis", scope="person:P0", about="P0"))
    note(Entry(caller="crm", operation="compare_people", scope="team:T1"))
    note(Entry(caller="crm", operation="get_kpis", scope="person:P1", about="P1"))
    note(Entry(caller="P0", person_id="P0", operation="compare_people", scope="team:T1"))
    long_ago = as_of_instant("2020-01-01", no_figures.app.state.use_cases.serving.zone())
    note(Entry(caller="old", operation="get_kpis", scope="person:P0", about="P0", at=long_ago))
    no_figures.app.state.audit.store_noted()
    found = {(one["caller"], one["scope"], one["times"]) for one in _record(no_figures)["readers"]}
    assert found == {("boss", "person:P0", 2), ("crm", "team:T1", 1)}


def test_his_answer_is_stored_and_told_to_who_may_see_the_figure(no_figures: Installation):
    here = no_figures
    body = {"subject": "kpi:visits", "period": "2026-Q4", "answer": "10月は育児休業でした。"}
    assert here.asked("POST", "/me/answers", SELLER, json=body) == 201
    [answer] = _record(here)["answers"]
    assert {name: answer[name] for name in body} == body
    here.sign_in.caller = PROGRAM
    told = here.client.get("/v1/person-answers?person=P0").json()
    assert [one["answer"] for one in told["answers"]] == ["10月は育児休業でした。"]
    assert here.asked("GET", "/person-answers?person=P0", COLLEAGUE) == 404, "as of nobody"
    assert here.asked("GET", "/person-answers?person=P0", replace(PROGRAM, team_id="T9")) == 404
    assert here.asked("GET", "/person-answers?person=P0", SELLER) == 200
    noted = {(one.operation, one.caller, one.result) for one in here.audit()}
    assert noted == {
        ("answer_my_figure", "P0", "done"),
        ("list_person_answers", "crm-plugin", "done"),
    }
    assert "育児" not in repr(here.audit()), "the audit says that he answered, not what"


def test_a_key_is_nobody_who_could_answer(here: Installation):
    here.sign_in.caller = PROGRAM
    for call in (here.client.get("/v1/me/record"), here.client.post("/v1/me/answers", json=_ANY)):
        assert (call.status_code, call.json()["code"]) == (403, "not_a_person")


_ANY = {"subject": "comparison", "answer": "…"}
