"""Does the page share a target out as REST does, hold its state in its address, and store only when told?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from crm.instants import as_of_instant
from service.pages.targets.asked import AskedShare
from tests.support.fakes import PERIOD, TOKYO
from tests.support.kpi_pages import japanese_left, numbers_in
from tests.support.served_teams import Served, opened

LATER = "2026-11-20T09:59"  # before the moment of the answers
ASKED = {"period": PERIOD, "total": "60000000", "round_to": "10000"}
BODY = {"period": PERIOD, "total": 6e7, "round_to": 1e4}
FIXED = {"fix.person:p-sato": "9,000,000"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with pytest.MonkeyPatch.context() as patch:
        made = opened(tmp_path_factory.mktemp("targets-page"), patch)
        yield made
        made.close()


def page_of(served: Served, caller: str = "program", lang: str = "ja", **asked: str) -> str:
    page = served.client.get(
        "/targets", params={**ASKED, "lang": lang, **asked}, headers={"x-caller": caller}
    )
    assert page.status_code == 200, page.text
    return page.text


def shared(served: Served, caller: str = "program", **body) -> dict:
    return served.ask(caller, "POST", "/targets/share", {**BODY, **body}).json()


def rows_of(page: str) -> dict[str, list[float]]:
    """The exact figures of each row, by its name."""
    table = re.search(r"<tbody>(.*?)</tbody>", page, re.S).group(1)
    rows = re.findall(r'<tr[^>]*><th scope="row">([^<]+?)(?: <span.*?)?</th>(.*?)</tr>', table, re.S)
    return {name: numbers_in(cells) for name, cells in rows}


def test_each_row_has_the_target_and_the_chance_under_every_way(served: Served) -> None:
    rows, answer = rows_of(page_of(served)), shared(served)
    assert list(rows) == [one["name"] for one in answer["targets"]]
    for one in answer["targets"]:
        chances = [way["probability"] for way in one["ways"]]
        expected = [one["value"], *chances, one["expected"], one["stored"]]
        assert rows[one["name"]] == [value for value in expected if value is not None]


def test_sums_are_shown_and_nested_teams_count_once(served: Served) -> None:
    page = page_of(served)
    foot = re.search(r"<tfoot>(.*?)</tfoot>", page, re.S).group(1)
    assert re.findall(r'<th scope="row">([^<]+)', foot) == ["すぐ下の合計", "担当者の合計"]
    people = [one["value"] for one in shared(served)["targets"] if one["scope"].startswith("person:")]
    assert numbers_in(foot)[1] == sum(people) == 6e7
    assert foot.count("目標との差 ±0") >= 1


def test_a_fixed_part_is_kept_and_the_rest_shared_out_again(served: Served) -> None:
    page = page_of(served, **FIXED)
    answer = shared(served, bounds=[{"scope": "person:p-sato", "value": 9e6}])
    assert rows_of(page)["佐藤"][0] == 9e6
    assert {name: row[0] for name, row in rows_of(page).items()} == {
        one["name"]: one["value"] for one in answer["targets"]
    }
    assert 'name="fix.person:p-sato" value="9000000"' in page


def test_the_address_of_what_is_typed_asks_for_the_same_again() -> None:
    typed = AskedShare.of({**ASKED, **FIXED, "way": "even"})
    assert AskedShare.of(typed.fields()) == typed
    assert typed.fields()["fix.person:p-sato"] == "9000000"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"total": "many"}, "「many」は使えません"),
        ({"fix.person:p-sato": "-5"}, "「-5」は使えません"),
        ({"fix.person:p-sato": "90000000"}, "固定値と上限・下限の範囲"),
        ({"fix.person:nobody": "1"}, "nobody"),
    ],
)
def test_what_cannot_be_shared_out_is_said_on_the_page_with_its_form(served: Served, asked, said) -> None:
    page = served.client.get("/targets", params={**ASKED, **asked, "lang": "ja"})
    assert page.status_code >= 400
    assert re.search(r'role="alert">([^<]*)', page.text).group(1).find(said) >= 0
    assert 'name="total"' in page.text


def test_without_a_total_or_a_target_it_asks_for_one(served: Served) -> None:
    page = page_of(served, total="", period="2027-Q1", lang="en")
    assert "There is no target yet to share out; enter a total." in page
    assert "For reference: safe (80 %)" in page


def test_nothing_is_stored_before_save_and_then_what_was_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.targets.as_of_instant", lambda *_: as_of_instant(LATER, TOKYO))
    served = opened(tmp_path, monkeypatch)
    try:
        store = served.cases.serving.store
        before = store.imports_stored()
        shows = {name: row[0] for name, row in rows_of(page_of(served, **FIXED)).items()}
        assert store.imports_stored() == before
        form = {"total": "60000000", "round_to": "10000", **FIXED, "kind": "committed"}
        sent = served.client.post("/targets", params={"period": PERIOD}, data=form, follow_redirects=False)
        assert sent.status_code == 303, sent.text
        assert sent.headers["location"].endswith("&done=kept")
        assert "fix.person%3Ap-sato=9000000" in sent.headers["location"]
        served.cases.serving.refresh()
        stored = {one["name"]: one["stored"] for one in shared(served)["targets"]}
        assert stored == shows
        assert "目標を保存しました。" in served.client.get(f"{sent.headers['location']}&lang=ja").text
    finally:
        served.close()


def test_who_sees_a_part_shares_out_in_it_and_fixes_nobody_else(served: Served) -> None:
    page = page_of(served, "manager")
    assert "馬場" not in page
    assert "佐藤" in page
    headers = {"x-caller": "manager"}
    unseen = {**ASKED, "fix.person:p-baba": "1"}
    refused = served.client.get("/targets", params=unseen, headers=headers)
    assert refused.status_code in (403, 404)
    sent = served.client.post("/targets", params={"period": PERIOD}, data=unseen, headers=headers)
    assert sent.status_code in (403, 404)


def test_targets_of_the_past_are_shown_and_cannot_be_saved(served: Served) -> None:
    page = page_of(served, as_of="2026-11-13")
    assert "その後の出来事は含みません" in page
    assert "過去の時点では保存できません。" in page
    assert 'method="post" action="/targets' not in page


def test_how_fair_past_targets_were_is_shown_when_asked_for(served: Served) -> None:
    assert "past=1#past" in page_of(served)
    page = page_of(served, past="1")
    quarters = served.ask("program", "GET", "/targets/evenness?quarters=4").json()["quarters"]
    part = re.search(r'<section aria-labelledby="past">.*?</section>', page, re.S).group()
    known = [one for one in quarters if one["people"]]
    assert known
    assert re.findall(r'<tr><th scope="row">([^<]+)', part) == [one["period"] for one in known]
    assert known[0]["spread_pp"] in numbers_in(part)


def test_an_english_page_has_no_japanese_but_names(served: Served) -> None:
    page = page_of(served, lang="en")
    scopes = served.ask("program", "GET", "/scopes").json()["scopes"]
    assert japanese_left(page, [row["name"] for row in scopes]) == []
