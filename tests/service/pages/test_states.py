"""What is said in the states of a page, and what is shown instead of one that fails?"""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from service.pages.outlook import page as outlook
from service.pages.states import stale_words
from tests.support.served import small_service

_FOUR_DAYS = "The data end 4 days ago (2026-11-25); nothing since then is in these figures."


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with small_service(tmp_path_factory.mktemp("states")) as service:
        yield service


@pytest.fixture
def reader(served) -> TestClient:
    headers = {"Authorization": f"Bearer {served.key('read')}", "Accept-Language": "en"}
    return TestClient(served.app, headers=headers, raise_server_exceptions=False)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("2026-11-29T18:00:00+09:00", None),
        ("2026-11-26T18:00:00+09:00", None),
        ("2026-11-25T18:00:00+09:00", _FOUR_DAYS),
        (None, None),
    ],
)
def test_data_are_stale_after_three_days(data, said) -> None:
    about = {"as_of": "2026-11-29T17:00:00+09:00", "data_as_of": data}
    assert stale_words(about, "en") == said


def test_a_page_that_fails_tells_its_number_and_nothing_of_the_fault(reader, monkeypatch) -> None:
    def fail(*_, **__):
        raise ZeroDivisionError("secret of the code")

    monkeypatch.setattr(outlook, "outlook_view", fail)
    page = reader.get("/?period=2026-Q4", headers={"X-Request-ID": "asked-17"})
    assert page.status_code == 500
    assert "Something went wrong" in page.text
    assert "Request asked-17" in page.text
    assert 'href="/?period=2026-Q4">Open it again</a>' in page.text
    assert "secret" not in page.text


def test_the_first_two_notes_are_open_and_the_others_folded() -> None:
    from service.pages.site import templates

    template = templates().from_string(
        '{% from "states.html.j2" import notices with context %}{{ notices(["A", "B", "C", "D"], "Notes") }}'
    )
    shown = template.render(w=lambda name, **filled: ": ".join([name, *map(str, filled.values())]))
    opened, folded = shown.split("<details>")
    assert [one for one in "ABCD" if f"<li>{one}</li>" in opened] == ["A", "B"]
    assert [one for one in "ABCD" if f"<li>{one}</li>" in folded] == ["C", "D"]
    assert "more_notices: 2" in folded


def test_the_files_of_pages_are_small_and_kept_for_a_year(served) -> None:
    reader = TestClient(served.app)
    for name, kind, most in (
        ("sancho.css", "text/css", 25_000),
        ("sancho.js", "text/javascript", 15_000),
        ("icon.svg", "image/svg+xml", 2_000),
    ):
        found = reader.get(f"/static/{name}")
        assert found.status_code == 200
        assert found.headers["content-type"].startswith(kind)
        assert "immutable" in found.headers["cache-control"]
        assert len(found.content) <= most
