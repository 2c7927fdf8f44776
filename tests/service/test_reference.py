"""Can the REST interface be read as a page, in both languages, without a script and without the internet?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.api.reference import WORDS, prose
from service.app import create_app
from service.settings import Settings


class Page(HTMLParser):
    """Which elements a page has, with their attributes, and whether each is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, self.getpos()

    def values(self, name: str) -> list[str]:
        return [str(attributes[name]) for _, attributes in self.found if name in attributes]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    app = create_app(Settings(home=tmp_path_factory.mktemp("page")), warm=False)
    yield TestClient(app)
    app.state.keys.close()


@pytest.fixture(scope="module")
def api(client: TestClient) -> dict[str, Any]:
    return client.app.openapi()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_the_page_has_every_call_and_schema_and_its_links_lead_there(
    client: TestClient, api: dict[str, Any], lang: str
) -> None:
    answer = client.get("/docs", headers={"Accept-Language": lang})
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-language"] == lang
    page = Page(answer.text)
    assert page.open == []
    ids = page.values("id")
    assert len(set(ids)) == len(ids)
    named = {one["operationId"] for path in api["paths"].values() for one in path.values()}
    assert named <= set(ids)
    assert {f"schema-{name}" for name in api["components"]["schemas"]} <= set(ids)
    inner = [link[1:] for link in page.values("href") if link.startswith("#")]
    assert set(inner) <= set(ids)
    assert len(inner) > len(named)
    for name, word in WORDS.items():
        assert word.ja != word.en, name
    assert WORDS["parameters"].to("ja" if lang == "ja" else "en") in answer.text


def test_the_page_asks_for_nothing_but_its_own_style(client: TestClient) -> None:
    answer = client.get("/docs")
    page = Page(answer.text)
    tags = {tag for tag, _ in page.found}
    assert not tags & {"script", "style", "img", "iframe", "form", "object", "embed", "base"}
    assert not [
        name
        for _, attributes in page.found
        for name in attributes
        if name.startswith("on") or name == "style"
    ]
    outside = [link for link in page.values("href") if not link.startswith(("#", "/"))]
    assert outside == []
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "style-src 'self'" in policy
    assert "script" not in policy
    (style,) = [attributes["href"] for tag, attributes in page.found if tag == "link"]
    css = client.get(str(style))
    assert css.headers["content-type"] == "text/css; charset=utf-8"
    assert not re.search(r"url\(|@import|http", css.text)


def test_the_language_can_be_chosen(client: TestClient) -> None:
    japanese = client.get("/docs?lang=ja", headers={"Accept-Language": "en"})
    assert '<html lang="ja">' in japanese.text
    assert japanese.headers["content-language"] == "ja"
    assert client.get("/docs?lang=fr").status_code == 422


def test_the_page_is_sent_once_to_who_keeps_it(client: TestClient) -> None:
    first = client.get("/docs", headers={"Accept-Encoding": "gzip"})
    assert first.headers["content-encoding"] == "gzip"
    again = client.get("/docs", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304


def test_what_is_said_of_a_call_cannot_be_markup() -> None:
    assert prose("<b>`<i>`") == "<p>&lt;b&gt;<code>&lt;i&gt;</code></p>"
