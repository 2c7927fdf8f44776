"""Is an answer sent compressed to who takes that, and not at all to who has it already?"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.forecasts import PARTS
from service.representation import Representation, is_known, takes_gzip
from tests.support.fakes import PERIOD
from tests.support.served import Served, small_service

FORECAST = f"/v1/forecasts/{PERIOD}?as_of=2026-11-20"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with small_service(tmp_path_factory.mktemp("representation")) as found:
        yield found


@pytest.fixture(scope="module")
def client(served: Served) -> TestClient:
    client = TestClient(served.app, raise_server_exceptions=False)
    client.headers["Authorization"] = f"Bearer {served.key('admin')}"
    client.headers["Accept-Encoding"] = "identity"
    return client


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("gzip", True),
        ("GZIP;q=0.3", True),
        ("deflate, gzip;q=1.0, *;q=0.5", True),
        ("*", True),
        ("x-gzip", True),
        ("gzip;q=0", False),
        ("*;q=0", False),
        ("br", False),
        ("identity;q=1, gzip;q=0.9", False),
        ("gzip;q=nonsense", False),
        ("gzip;q=7", False),
        ("", False),
    ],
)
def test_gzip_is_sent_to_who_takes_it(header: str, wanted: bool) -> None:
    assert takes_gzip(header) is wanted


def test_a_small_answer_is_not_compressed() -> None:
    assert Representation(b"x" * 999).compressed is None
    assert gzip.decompress(Representation(b"x" * 1000).compressed or b"") == b"x" * 1000


def test_the_two_forms_have_different_tags_that_change_with_the_content() -> None:
    one, other = Representation(b"a"), Representation(b"b")
    assert len({one.tag(True), one.tag(False), other.tag(True), other.tag(False)}) == 4
    assert one.tag(True) == Representation(b"a").tag(True)


@pytest.mark.parametrize(
    ("header", "known"),
    [
        ('"a"', True),
        ('W/"a"', True),
        ('"b", "a"', True),
        ("*", True),
        ('"b"', False),
        ("a", False),
        (None, False),
    ],
)
def test_an_answer_is_known_by_its_tag(header: str | None, known: bool) -> None:
    assert is_known(header, '"a"') is known


def test_a_compressed_answer_says_the_same(client: TestClient) -> None:
    plain = client.get(FORECAST)
    packed = client.get(FORECAST, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 2
    assert packed.headers["etag"] != plain.headers["etag"]
    for answer in (plain, packed):
        assert answer.headers["cache-control"] == "private, no-cache"
        for name in ("Accept-Encoding", "Accept-Language", "Authorization"):
            assert name in answer.headers["vary"]


def test_who_has_the_answer_gets_304_and_it_is_not_made_again(
    served: Served, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for encoding in ("identity", "gzip"):
        asked = {"Accept-Encoding": encoding, "Accept-Language": "en"}
        first = client.get(FORECAST, headers=asked)
        with monkeypatch.context() as patch:
            patch.setattr(served.cases.forecasts, "forecast", lambda *_, **__: pytest.fail("made again"))
            again = client.get(FORECAST, headers={**asked, "If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        for name in ("etag", "vary", "cache-control"):
            assert again.headers[name] == first.headers[name]
        other = client.get(FORECAST, headers={**asked, "If-None-Match": '"another"'})
        assert (other.status_code, other.content) == (200, first.content)


def test_a_tag_is_of_one_language_and_one_encoding(client: TestClient) -> None:
    tags = {
        client.get(FORECAST, headers={"Accept-Language": lang, "Accept-Encoding": encoding}).headers["etag"]
        for lang in ("ja", "en")
        for encoding in ("identity", "gzip")
    }
    assert len(tags) == 4
    english = client.get(FORECAST, headers={"Accept-Language": "en"}).headers["etag"]
    japanese = client.get(FORECAST, headers={"Accept-Language": "ja", "If-None-Match": english})
    assert japanese.status_code == 200


def test_another_answer_has_another_tag(client: TestClient) -> None:
    tags = {client.get(f"/v1/deals/{deal}?as_of=2026-11-20").headers["etag"] for deal in ("D4", "D5")}
    assert len(tags) == 2


def test_what_is_sent_to_be_scored_has_no_tag(client: TestClient) -> None:
    body = {"deal": {"deal_id": "N", "created_at": "2026-10-05", "stage": "提案"}}
    answer = client.post("/v1/deals/score", json=body, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert "etag" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"


def test_a_secret_is_not_compressed_with_what_the_caller_chose(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"url": f"http://127.0.0.1:9/{'x' * 1500}"}
    answer = client.post("/v1/webhooks", json=body, headers={"Accept-Encoding": "gzip"})
    assert answer.status_code == 201, answer.text
    assert len(answer.content) > 1000
    assert "content-encoding" not in answer.headers


def test_lines_are_streamed_as_they_are(client: TestClient) -> None:
    line = json.dumps({"deal": {"deal_id": "N", "created_at": "2026-10-05", "stage": "提案"}})
    headers = {"Content-Type": "application/x-ndjson", "Accept-Encoding": "gzip"}
    answer = client.post("/v1/deals/score-batch", content="\n".join([line] * 3), headers=headers)
    assert "content-encoding" not in answer.headers
    assert len(answer.text.splitlines()) == 3


# parts of a forecast


def forecast(client: TestClient, parts: str | None = None) -> Any:
    answer = client.get(FORECAST if parts is None else f"{FORECAST}&parts={parts}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_part_says_what_the_whole_says_and_the_others_are_empty(client: TestClient) -> None:
    whole = forecast(client)
    fields = {part: (part,) for part in PARTS} | {"reach": ("reachable", "maximum", "margin", "next_period")}
    of_parts = {name for names in fields.values() for name in names}
    for part in PARTS:
        only = forecast(client, f"headline,{part}")
        assert only.pop("parts") == ["headline", part]
        assert only.keys() == whole.keys()
        for name in whole:
            if name in of_parts and name not in fields[part]:
                assert only[name] in ([], None), name
            else:
                assert only[name] == whole[name], name
    assert "parts" not in whole


def test_a_headline_waits_for_no_drivers_and_no_change(
    served: Served, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for owner, name in (
        (served.cases.goals, "drivers"),
        (served.cases.goals, "settled"),
        (served.cases.forecasts, "_change"),
    ):
        monkeypatch.setattr(owner, name, lambda *_, **__: pytest.fail("not asked for"))
    assert forecast(client, "headline")["parts"] == ["headline"]


def test_an_unknown_part_is_refused_by_name(client: TestClient) -> None:
    answer = client.get(f"{FORECAST}&parts=headline,everything")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["errors"][0]["location"] == "query.parts"
