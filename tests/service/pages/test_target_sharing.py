"""Does the page 目標の配分 share out what REST does, take what is typed, and store it only when told to?"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

import pytest
from fastapi.testclient import TestClient

from crm.errors import SanchoError
from service.pages.asked import Asked
from service.pages.target_sharing.wanted import Wanted, number
from tests.support.kpi_pages import ABOUT, ROWS, japanese_left, numbers_in
from tests.support.served import small_service
from tests.support.sign_in import sign_in

PERSON = "person:P0"
PEOPLE = [
    {"person_id": "PA", "name": "管理 花子", "email": "admin@example.com", "role": "admin"},
    {"person_id": "PS", "name": "森 大樹", "email": "seller@example.com", "team_id": "T1"},
]


WON = {"deal_id": "D9", "owner_id": "P1", "stage": "受注", "outcome": "won", "amount": 2e6}
DEALS = [{**WON, "created_at": "2026-08-01", "closed_at": "2026-09-20"}]  # so that both have won some

SET = {"metric": "revenue", "scope": PERSON, "period": "2026-Q4", "value": 9e6, "set_at": "2026-09-15"}
ALSO = {"targets": [*ROWS["targets"], SET], "people": PEOPLE, "deals": DEALS}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    home = tmp_path_factory.mktemp("target-page")
    with small_service(home, warm=True, also=ALSO) as service:
        yield service


@pytest.fixture
def reader(served) -> TestClient:
    return browser(served, "read", "write")


def browser(served, *rights: str, lang: str = "ja") -> TestClient:
    headers = {"Authorization": f"Bearer {served.key(*rights)}", "Accept-Language": lang}
    return TestClient(served.app, headers=headers, follow_redirects=False)


def shared(reader, **body) -> dict:
    asked = {"round_to": 100_000, **ABOUT, **body}
    found = reader.post("/v1/targets/share", json=asked)
    assert found.status_code == 200, found.text
    return found.json()


def rows_of(page: str) -> dict[str, list[float]]:
    """The exact values of each row, by the scope whose amount its field fixes."""
    found = {}
    for row in re.findall(r"<tr class=\"(?:team|person)\"><th scope=\"row\">.*?</tr>", page, re.S):
        field = re.search(r'name="typed:([^"]+)"', row)
        if field is not None:
            found[field.group(1)] = numbers_in(row)
    return found


def save_fields(page: str) -> dict[str, str]:
    form = re.search(r'<form method="post" action="/targets">(.*?)</form>', page, re.S).group(1)
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form))


def stored(served) -> dict[str, float]:
    serving = served.cases.serving
    rows = serving.store.read(serving.zone())["targets"]
    rows = rows[(rows["metric"] == "revenue") & (rows["period"] == "2026-Q4")]
    return dict(zip(rows["scope"], rows["value"], strict=True))


def test_everybody_has_the_target_and_the_chance_of_the_answer(reader) -> None:
    page, answer = reader.get("/targets", params=ABOUT), shared(reader)
    assert page.status_code == 200, page.text
    rows = rows_of(page.text)
    assert set(rows) == {row["scope"] for row in answer["targets"]}
    assert answer["targets"]
    for row in answer["targets"]:
        expected = [row["value"], row["probability"], row["expected"], row["stored"]]
        assert rows[row["scope"]] == [value for value in expected if value is not None]
    total = sum(row["value"] for row in answer["targets"] if row["scope"].startswith("person:"))
    foot = re.search(r"<tfoot>.*?</tfoot>", page.text, re.S).group()
    assert numbers_in(foot)[:2] == [total, answer["probability"]]


def test_each_row_shows_the_chance_under_every_way(reader) -> None:
    page, answer = reader.get("/targets", params=ABOUT).text, shared(reader)
    labels = {one["way"]: one["label"] for one in answer["ways"]}
    pictures = re.findall(r"<svg.*?</svg>", page, re.S)
    assert len(pictures) == len(answer["targets"])
    for picture in pictures:
        assert all(label in picture for label in labels.values())


def test_what_is_typed_becomes_an_address_in_exact_amounts(reader) -> None:
    typed = {
        **ABOUT,
        "size": "10000",
        "base": "total",
        "amount": "２，０００",
        f"typed:{PERSON}": "500.5",
        "way": "even",
    }
    led = reader.get("/targets", params={**typed, "typed:person:P1": ""})
    assert led.status_code == 303
    query = dict(parse_qsl(urlsplit(led.headers["location"]).query))
    assert query == {**ABOUT, "way": "even", "total": "20000000", f"fix:{PERSON}": "5005000"}


def test_a_fixed_part_stays_and_the_rest_is_shared_out_again(reader) -> None:
    page = reader.get("/targets", params={**ABOUT, f"fix:{PERSON}": "3000000"}).text
    answer = shared(reader, bounds=[{"scope": PERSON, "value": 3_000_000}])
    rows = rows_of(page)
    assert rows[PERSON][0] == 3_000_000
    assert {scope: values[0] for scope, values in rows.items()} == {
        row["scope"]: row["value"] for row in answer["targets"]
    }
    assert f'name="typed:{PERSON}" inputmode="decimal" size="7"' in page
    assert 'value="300"' in page  # in the unit of the table, 万円


def test_fixed_amounts_that_do_not_fit_are_told_beside_what_was_typed(reader) -> None:
    page = reader.get("/targets", params={"period": "2026-Q4", f"fix:{PERSON}": "90000000000"})
    assert page.status_code == 422
    assert 'role="alert"' in page.text
    assert 'value="9000000"' in page.text
    assert '<form method="post" action="/targets">' not in page.text


def test_past_quarters_are_told_when_they_are_asked_for(reader) -> None:
    assert 'id="past"' not in reader.get("/targets", params=ABOUT).text
    page = reader.get("/targets", params={**ABOUT, "past": "1"}).text
    answer = reader.get("/v1/targets/evenness", params={"as_of": ABOUT["as_of"]}).json()
    assert answer["quarters"]
    section = re.search(r'<section id="past">.*?</section>', page, re.S).group()
    names = ("people", "lowest", "median", "highest", "spread_pp", "reached")
    expected = [one[name] for one in answer["quarters"] for name in names]
    assert numbers_in(section) == [value for value in expected if value is not None]


def test_without_a_stored_target_it_starts_from_what_is_as_likely_as_not(reader) -> None:
    page = reader.get("/targets", params={"period": "2027-Q2", "as_of": ABOUT["as_of"], "lang": "en"})
    answer = shared(reader, period="2027-Q2", confidence=0.5)
    assert "No target is stored for this period" in page.text
    assert {scope: values[0] for scope, values in rows_of(page.text).items()} == {
        row["scope"]: row["value"] for row in answer["targets"]
    }


def test_nothing_is_stored_before_it_is_told_and_then_what_was_shown(served, reader) -> None:
    before = stored(served)
    asked = {"period": "2026-Q4", "total": "24000000"}
    page = reader.get("/targets", params=asked).text
    assert stored(served) == before
    fields = save_fields(page)
    led = reader.post("/targets", data={**fields, "kind": "budget"})
    assert led.status_code == 303, led.text
    assert dict(parse_qsl(urlsplit(led.headers["location"]).query))["done"] == "kept"
    shown = {scope: values[0] for scope, values in rows_of(page).items()}
    assert stored(served) == {**before, **shown, "company": 24_000_000}
    assert "目標を保存しました。" in reader.get(led.headers["location"]).text


def test_what_has_changed_since_it_was_shown_is_shown_again_and_not_stored(served, reader) -> None:
    fields = save_fields(reader.get("/targets", params={"period": "2026-Q4"}).text)
    before = stored(served)
    led = reader.post("/targets", data={**fields, "mark": "another"})
    assert "done=changed" in led.headers["location"]
    assert stored(served) == before


def test_who_may_not_store_targets_is_shown_no_form_and_refused(served) -> None:
    reader = browser(served, "read")
    page = reader.get("/targets", params={"period": "2026-Q4"}).text
    assert '<form method="post" action="/targets">' not in page
    assert reader.post("/targets", data={"period": "2026-Q4"}).status_code == 403


def test_what_is_as_of_a_past_day_cannot_be_stored(reader) -> None:
    page = reader.get("/targets", params={**ABOUT, "lang": "en"}).text
    assert '<form method="post" action="/targets">' not in page
    assert "go back to now first" in page


def test_a_form_of_a_session_needs_the_token_of_its_page_and_none_comes_from_elsewhere(served) -> None:
    with TestClient(served.app, follow_redirects=False) as admin:
        sign_in(admin, served.app, "PA", "admin@example.com")
        fields = save_fields(admin.get("/targets", params={"period": "2026-Q4"}).text)
        before = stored(served)
        assert fields["csrf"]
        assert admin.post("/targets", data={**fields, "csrf": "forged"}).status_code == 403
        elsewhere = admin.post("/targets", data=fields, headers={"Origin": "https://elsewhere.example"})
        assert elsewhere.status_code == 403
        assert stored(served) == before
        assert admin.post("/targets", data=fields).status_code == 303


def test_a_seller_sees_nobody_else_and_cannot_name_them(served) -> None:
    with TestClient(served.app, follow_redirects=False) as seller:
        sign_in(seller, served.app, "PS", "seller@example.com")
        page = seller.get("/targets", params={"period": "2026-Q4"})
        assert "佐藤" not in page.text
        assert rows_of(page.text) == {}
        named = seller.get("/targets", params={"period": "2026-Q4", f"fix:{PERSON}": "1000000"})
        assert named.status_code in (403, 404)


def test_an_english_page_has_no_japanese_but_names(reader) -> None:
    names = [row["name"] for row in reader.get("/v1/scopes", params=ABOUT).json()["scopes"]]
    page = reader.get("/targets", params={**ABOUT, "lang": "en"}).text
    assert japanese_left(page, names) == []
    assert len(page.encode()) <= 60_000


@pytest.mark.parametrize(
    "said",
    [{"total": "-5"}, {"growth": "1e9"}, {"confidence": "2"}, {f"fix:{PERSON}": "nan"}, {"total": "many"}],
)
def test_what_cannot_be_is_refused_in_a_sentence(reader, said) -> None:
    page = reader.get("/targets", params={**ABOUT, **said})
    assert page.status_code == 422
    assert 'role="status"' in page.text


def test_an_address_and_the_form_say_the_same() -> None:
    wanted = Wanted(way="history", base="growth", amount=0.1, round_to=1000.0, fixed={PERSON: 2_000_000.0})
    said = dict(parse_qsl(urlsplit(wanted.address(Asked(scope="team:T1"))).query))
    assert said.pop("scope") == "team:T1"
    assert Wanted.of(said) == wanted
    typed = {
        "way": "history",
        "base": "growth",
        "amount": "10",
        "round": "1000",
        "size": "1000",
        f"typed:{PERSON}": "2,000",
    }
    assert Wanted.typed(typed) == wanted


@pytest.mark.parametrize("given", ["", "x", "inf", "1 2"])
def test_what_is_no_number_is_named_in_the_error(given) -> None:
    with pytest.raises(SanchoError, match=re.escape(repr(given))):
        number(given)
