"""Does the generated client call what is served, again where that is safe, with one kind of error?"""

from __future__ import annotations

import inspect
import json
import runpy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from sancho.client import ApiError, Client
from sancho.client_types import ScoreRequest
from sancho.http_client import json_bytes
from tests.support.fakes import PERIOD
from tests.support.served import Served, over_http, small_service

ROOT = Path(__file__).parents[2]
DAY = "2026-11-20"
DEAL: ScoreRequest = {
    "deal": {"deal_id": "N-1", "created_at": "2026-10-05", "stage": "提案", "予算": 3},
    "as_of": DAY,
}


def test_the_client_is_the_one_made_from_the_interface() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "generate.py"))["client"]()
    assert set(made) == {"client.py", "client_types.py"}
    for name, code in made.items():
        assert (ROOT / "sancho" / name).read_text("utf-8") == code, "run: python docs/generate.py"


def test_the_client_needs_nothing_but_python_and_itself() -> None:
    for name in ("client.py", "client_types.py", "http_client.py"):
        lines = (ROOT / "sancho" / name).read_text("utf-8").splitlines()
        taken = {line.split()[1].split(".")[0] for line in lines if line.startswith(("import ", "from "))}
        assert taken <= {
            "__future__", "collections", "contextlib", "dataclasses", "datetime", "gzip", "http", "json",
            "random", "sancho", "ssl", "threading", "time", "typing", "urllib", "uuid",
        }  # fmt: skip


# against the service


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with small_service(tmp_path_factory.mktemp("client")) as found:
        yield found


@pytest.fixture(scope="module")
def address(served: Served) -> Iterator[str]:
    with over_http(served.app) as found:
        yield found


def test_every_operation_that_answers_in_json_is_a_method(served: Served) -> None:
    named = {
        one["operationId"]
        for path in served.app.openapi()["paths"].values()
        for one in path.values()
        if one["tags"] != ["sign-in"]  # that is what a browser does
    } - {"get_metrics", "download_quarantine", "download_report"}
    methods = {name for name, _ in inspect.getmembers(Client, inspect.isfunction) if not name.startswith("_")}
    assert methods - {name for name in methods if name.startswith("iter_")} - {"close"} == named


def test_a_plugins_day_needs_four_rights_and_each_key_one(served: Served, address: str) -> None:
    served.know_an_action()
    with (
        Client(address, served.key("score"), language="en") as scorer,
        Client(address, served.key("write")) as pusher,
        Client(address, served.key("read")) as reader,
        Client(address, served.key("recommend"), language="en") as advisor,
    ):
        insight = scorer.score_deal(DEAL)
        assert 0 < insight["win"]["probability"] < 1
        first, second, third = scorer.score_deals([DEAL, {"deal": {"deal_id": "N-2"}}, DEAL])
        assert first["win"] == third["win"]
        assert (second["code"], second["line"]) == ("invalid_request", 2)
        pushed = pusher.put_table_rows(
            "deals", [{"deal_id": "N-1", "created_at": date(2026, 10, 5), "stage": "提案"}]
        )
        assert (pushed["imported"], pushed["quarantined"]) == (1, 0)
        listed = [row["deal_id"] for row in reader.iter_deals(as_of=DAY, limit=3)]
        assert sorted(listed) == ["D4", "D5", "D6", "D7"]
        shown = list(advisor.iter_actions(limit=2))
        assert {action["deal_id"] for action in shown} >= {"D4", "D5", "D6", "D7"}
        for state in ("shown", "accepted"):
            told = advisor.record_outcome(str(shown[0]["recommendation_id"]), {"state": state})
            assert told["state"] == state
        with pytest.raises(ApiError, match="recommendation") as unknown:
            advisor.record_outcome("R-1", {"state": "accepted"})
        assert (unknown.value.status, unknown.value.code) == (404, "unknown_recommendation")
        assert pusher.delete_table_row("deals", "N-1")["removed"] == 1
        for refused in (
            lambda: scorer.get_deal("D6"),
            lambda: pusher.list_deals(),
            lambda: advisor.list_deals(),
            lambda: reader.delete_table_row("deals", "D4"),
        ):
            with pytest.raises(ApiError) as error:
                refused()
            assert (error.value.status, error.value.code) == (403, "not_allowed")


@pytest.fixture(scope="module")
def client(served: Served, address: str) -> Iterator[Client]:
    with Client(address, served.key("admin"), language="en", cached=100) as found:
        yield found


def test_an_answer_is_that_of_the_service_whatever_is_in_an_id(served: Served, client: Client) -> None:
    assert client.get_deal("D6", as_of=DAY) == served.cases.deals.get_deal("D6", DAY, None, "en")
    for odd in ("a/b", "日 本?x=1&y", "%2F", "#", "{period}"):
        with pytest.raises(ApiError) as unknown:
            client.get_deal(odd)
        assert unknown.value.code == "unknown_deal"
        assert repr(odd) in unknown.value.detail


def test_pages_are_read_one_after_the_other(client: Client) -> None:
    deals = list(client.iter_deals(as_of=DAY, sort="deal_id", limit=1))
    assert [row["deal_id"] for row in deals] == ["D4", "D5", "D6", "D7"]
    assert list(client.iter_deal_timeline("D6", limit=1)) == client.get_deal_timeline("D6")["entries"]


def test_a_kept_answer_is_not_sent_again(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    statuses: list[int] = []
    begun = Client._begun

    def noting(self: Client, *given: Any) -> Any:
        response = begun(self, *given)
        statuses.append(response.status)
        return response

    monkeypatch.setattr(Client, "_begun", noting)
    asked = [client.get_forecast(PERIOD, as_of=DAY, parts="headline") for _ in range(3)]
    assert asked[0] == asked[1] == asked[2]
    assert statuses == [200, 304, 304]


def test_errors_say_what_is_wrong_where(client: Client) -> None:
    with pytest.raises(ApiError, match=r"422 invalid_request: .*") as wrong:
        client.score_deal({"deal": {"deal_id": "", "created_at": "soon", "stage": "提案"}})
    assert {error["location"] for error in wrong.value.errors} >= {"body.deal.created_at"}


def test_a_file_is_imported_as_a_job(client: Client) -> None:
    job = client.import_file(
        (b"deal_id,created_at,stage\n", b"N-2,2026-10-05,x\n"), file="deals.csv", dry_run=True
    )
    assert client.get_job(job["job_id"])["state"] == "queued"
    assert client.cancel_job(job["job_id"])["state"] == "cancelled"
    assert job["job_id"] in {one["job_id"] for one in client.iter_jobs(limit=1)}


# against a server that fails


@dataclass
class Script:
    """What a server answers, one after the other, and what it was asked."""

    answers: list[Any] = field(default_factory=list)
    asked: list[tuple[str, str, bytes]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)


@contextmanager
def server(script: Script) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            size = int(self.headers.get("content-length", 0))
            script.asked.append((self.command, self.path, self.rfile.read(size)))
            script.keys.append(self.headers.get("Idempotency-Key"))
            answer = script.answers.pop(0)
            if answer is None:
                self.connection.close()
                self.close_connection = True
                return
            status, headers, content = answer
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - called by these names

        def log_message(self, *_: Any) -> None:
            pass

    found = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=found.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{found.server_port}"
    finally:
        found.shutdown()
        thread.join()
        found.server_close()


def problem(status: int, code: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    return status, headers, json.dumps({"status": status, "code": code, "detail": "…"}).encode()


GOOD = (200, {"Content-Type": "application/json"}, b'{"ok": true}')


@dataclass
class Asked:
    script: Script
    client: Client
    pauses: list[float]


@pytest.fixture
def asked() -> Iterator[Asked]:
    script, pauses = Script(), list[float]()
    with (
        server(script) as address,
        Client(address, "k", pause=pauses.append, retries=3, patience=60) as client,
    ):
        yield Asked(script, client, pauses)


def test_who_is_told_to_wait_waits_so_long_and_asks_again(asked: Asked) -> None:
    wait = {"Retry-After": "5"}
    asked.script.answers = [problem(503, "busy", **wait), problem(429, "too_many_attempts", **wait), GOOD]
    assert asked.client.import_file(b"x", file="deals.csv") == {"ok": True}
    assert [5 <= pause <= 6.25 for pause in asked.pauses] == [True, True]
    assert len(set(asked.script.asked)) == 1, "the same is sent again"


def test_waits_without_a_word_of_the_service_grow(asked: Asked) -> None:
    asked.script.answers = [problem(503, "store_unavailable")] * 3 + [GOOD]
    assert asked.client.list_deals() == {"ok": True}
    assert [round(pause) for pause in asked.pauses] in ([0, 1, 2], [1, 1, 2])


def test_attempts_end(asked: Asked) -> None:
    asked.script.answers = [problem(503, "busy", **{"Retry-After": "1"})] * 4
    with pytest.raises(ApiError) as error:
        asked.client.list_deals()
    assert (error.value.code, error.value.retry_after, len(asked.script.asked)) == ("busy", 1.0, 4)


def test_nobody_waits_longer_than_he_has_patience(asked: Asked) -> None:
    asked.script.answers = [problem(429, "too_many_attempts", **{"Retry-After": "3600"})]
    with pytest.raises(ApiError, match="too_many_attempts"):
        asked.client.list_deals()
    assert asked.pauses == []


def test_a_lost_connection_is_made_anew_where_that_changes_nothing(asked: Asked) -> None:
    asked.script.answers = [None, GOOD, None, GOOD]
    assert asked.client.list_deals() == {"ok": True}
    assert asked.client.score_deal(DEAL) == {"ok": True}


def test_what_may_have_been_done_is_not_done_again(asked: Asked) -> None:
    asked.script.answers = [None, problem(503, "store_unavailable")]
    for code in ("unreachable", "store_unavailable"):
        with pytest.raises(ApiError) as error:
            asked.client.ping_webhook("wh_1")
        assert error.value.code == code
    assert len(asked.script.asked) == 2


def test_what_cannot_be_sent_again_goes_over_a_fresh_connection(asked: Asked) -> None:
    asked.script.answers = [GOOD, GOOD, GOOD]
    used = []
    for call in (asked.client.list_deals, asked.client.list_deals, lambda: asked.client.ping_webhook("wh_1")):
        call()
        used.append(asked.client._own.connection)
    assert used[0] is used[1] is not used[2]


def test_what_is_made_under_a_key_is_asked_for_again(asked: Asked) -> None:
    asked.script.answers = [None, problem(503, "store_unavailable"), GOOD, GOOD]
    for _ in range(2):
        assert asked.client.add_webhook({"url": "https://crm.example.com"}) == {"ok": True}
    first, again, once_more, other = asked.script.keys
    assert first == again == once_more
    assert other not in (None, first)


def test_an_iterator_that_is_used_up_is_not_sent_half(asked: Asked) -> None:
    asked.script.answers = [problem(503, "busy", **{"Retry-After": "1"})]
    with pytest.raises(ApiError, match="busy"):
        asked.client.import_file(iter([b""]), file="deals.csv")
    assert len(asked.script.asked) == 1


def test_a_page_of_a_proxy_is_an_error_too(asked: Asked) -> None:
    asked.script.answers = [(502, {"Content-Type": "text/html"}, b"<h1>Bad gateway</h1>")]
    with pytest.raises(ApiError, match="Bad gateway") as error:
        asked.client.list_deals()
    assert (error.value.status, error.value.code) == (502, "no_problem_details")


def test_a_redirect_is_not_followed(asked: Asked) -> None:
    asked.script.answers = [(302, {"Location": "http://elsewhere.example.com/"}, b"")]
    with pytest.raises(ApiError) as error:
        asked.client.list_deals()
    assert (error.value.status, len(asked.script.asked)) == (302, 1)


def test_nothing_listens(tmp_path: Path) -> None:
    with pytest.raises(ApiError, match="unreachable") as error:
        Client("http://127.0.0.1:9", "k", retries=1, pause=lambda _: None).list_deals()
    assert error.value.status == 0


@pytest.mark.parametrize("address", ["sancho.example.com", "ftp://a", "http://", ""])
def test_an_address_without_a_scheme_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="https://sancho"):
        Client(address, "k")


def test_days_are_sent_as_iso_and_what_has_no_form_is_refused() -> None:
    assert json_bytes({"day": date(2026, 11, 20)}) == b'{"day": "2026-11-20"}'
    with pytest.raises(TypeError, match="no form"):
        json_bytes({"x": object()})
    with pytest.raises(ValueError, match="JSON"):
        json_bytes({"x": float("nan")})
