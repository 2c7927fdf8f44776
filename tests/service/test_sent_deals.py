"""Are deals of a request answered line by line, and do moments of one day share its simulation?"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from crm.errors import SanchoError
from service import serving_state
from service.api import by_line
from service.api.by_line import AnswersByLine
from service.api.pools import Pool
from service.app import create_app
from service.settings import Settings
from service.use_cases import UseCases
from tests.support.fakes import AS_OF, PERIOD, TOKYO, FakeRegistry, fake_bundle, small_store

DEAL = {
    "deal": {"deal_id": "NEW", "created_at": "2026-10-05T10:00+09:00", "stage": "提案", "amount": 3e6},
    "as_of": AS_OF,
    "period": PERIOD,
}
LINES = "application/x-ndjson"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The application around a store written by hand and a model that states the prior."""
    home = tmp_path_factory.mktemp("sent")
    store = small_store(home / "store.db")
    registry = FakeRegistry(fake_bundle(store.read(TOKYO)))
    cases = UseCases.open(Settings(home=home), store, registry)  # type: ignore[arg-type]
    app = create_app(cases.settings, cases, warm=False)
    client = TestClient(app, raise_server_exceptions=False)
    client.headers["Authorization"] = f"Bearer {app.state.keys.create('sent')}"
    client.headers["Accept-Language"] = "en"
    cases.serving.refresh(warm=False)
    yield client
    cases.close()
    app.state.keys.close()
    store.close()


def batch(client: TestClient, body: str, kind: str = LINES) -> Any:
    return client.post("/v1/deals/score-batch", content=body.encode(), headers={"Content-Type": kind})


def test_each_line_is_answered_in_order_as_if_it_were_sent_alone(client: TestClient):
    sent = [
        {**DEAL, "deal": {**DEAL["deal"], "deal_id": f"N{n}", "amount": 1e6 * (n + 1)}} for n in range(20)
    ]
    response = batch(client, "\n".join(json.dumps(one) for one in sent))
    assert response.status_code == 200
    assert response.headers["content-type"] == LINES
    assert response.headers["content-language"] == "en"
    answers = [json.loads(line) for line in response.text.splitlines()]
    assert answers == [client.post("/v1/deals/score", json=one).json() for one in sent]


def test_a_line_that_cannot_be_answered_says_why_and_spares_the_others(client: TestClient):
    late = {**DEAL, "as_of": "1999-01-01"}
    body = "\n".join([json.dumps(DEAL), "", "{", '{"deal": {}}', json.dumps(late), json.dumps(DEAL)])
    found = [json.loads(line) for line in batch(client, body + "\n").text.splitlines()]
    assert [one.get("code") for one in found] == [
        None, "bad_json", "invalid_request", "created_after_as_of", None,
    ]  # fmt: skip
    assert [one.get("line") for one in found] == [None, 3, 4, 5, None]
    assert [one["location"] for one in found[2]["errors"]] == [
        "deal.deal_id",
        "deal.created_at",
        "deal.stage",
    ]
    assert found[0]["deal_id"] == found[4]["deal_id"] == "NEW"


def test_another_type_than_lines_of_json_is_refused(client: TestClient):
    for kind in ("text/csv", "application/x-ndjson; charset=cp932"):
        response = batch(client, json.dumps(DEAL), kind)
        assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")
    assert batch(client, "", LINES).text == ""


def test_a_line_too_long_is_told_by_its_number(client: TestClient, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(by_line, "MAX_LINE", 2_000)
    long = json.dumps({**DEAL, "deal": {**DEAL["deal"], "name": "x" * 200_000}})
    found = [
        json.loads(line)
        for line in batch(client, f"{json.dumps(DEAL)}\n{long}\n{json.dumps(DEAL)}").text.splitlines()
    ]
    assert [one.get("code") for one in found] == [None, "too_large", None]
    assert found[1]["line"] == 2


def run(response: AnswersByLine, receive: Any) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(response({"type": "http"}, receive, send))  # type: ignore[arg-type]
    return sent


def test_an_answer_goes_out_before_the_next_line_has_come():
    order: list[str] = []
    parts = [b"a\nb", b"b\n", b"c"]

    async def receive() -> dict[str, Any]:
        if not parts:
            await asyncio.Event().wait()  # the client waits for the last answer
        while len(order) < 3 - len(parts) - (len(parts) == 2):
            await asyncio.sleep(0)  # what has been sent is answered first
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    def answer(_number: int, line: bytes | None) -> bytes:
        order.append(str(line))
        return b"<" + (line or b"") + b">"

    sent = run(AnswersByLine(answer, {}), receive)
    assert b"".join(message.get("body", b"") for message in sent) == b"<a>\n<bb>\n<c>\n"
    assert sent[-1]["more_body"] is False


def test_nothing_more_is_answered_once_the_client_has_gone():
    answered: list[int] = []
    messages = [
        {"type": "http.request", "body": b"x\n" * 100, "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> dict[str, Any]:
        while len(messages) == 1 and not answered:
            await asyncio.sleep(0)
        return messages.pop(0)

    run(AnswersByLine(lambda number, _line: answered.append(number) or b"", {}), receive)
    assert 0 < len(answered) < 100


def test_of_a_batch_that_is_too_large_the_first_lines_are_answered(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(by_line, "MAX_ALL", 4)
    parts = [b"a\nb\n", b"c\n", b"d\n"]

    async def receive() -> dict[str, Any]:
        if not parts:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    def answer(number: int, line: Any) -> bytes:
        return f"{number} {getattr(line, 'code', line)}".encode()

    sent = run(AnswersByLine(answer, {}), receive)
    told = b"".join(message.get("body", b"") for message in sent).decode().splitlines()
    assert told == ["1 b'a'", "2 b'b'", "3 too_large"]


def test_one_batch_too_many_at_once_is_told_to_come_again():
    async def story() -> None:
        pool = Pool(threads=1, waiting=0, patience=10)
        has_begun = asyncio.Event()

        async def receive() -> dict[str, Any]:
            has_begun.set()
            await asyncio.Event().wait()
            return {}

        async def send(_message: Any) -> None: ...

        def batch_of_one() -> Any:
            response = AnswersByLine(lambda _number, _line: b"", {}, turn=pool.slot())
            return response({"type": "http"}, receive, send)  # type: ignore[arg-type]

        first = asyncio.create_task(batch_of_one())
        await has_begun.wait()
        with pytest.raises(SanchoError, match="too much is being done at once"):
            await batch_of_one()
        first.cancel()

    asyncio.run(story())


def test_moments_of_one_day_share_its_simulation(client: TestClient, monkeypatch: pytest.MonkeyPatch):
    simulated: list[int] = []
    simulate = serving_state.simulate_period

    def counting(*given: Any, **more: Any) -> Any:
        simulated.append(given[3])
        return simulate(*given, **more)

    monkeypatch.setattr(serving_state, "simulate_period", counting)
    moments = [f"2026-11-12T{hour:02d}:30:00+09:00" for hour in (0, 9, 17, 23)]
    answers = [client.post("/v1/deals/score", json={**DEAL, "as_of": moment}).json() for moment in moments]
    assert len(simulated) == 1
    assert [one["as_of"] for one in answers] == moments
    assert len({goal_if_won(one) for one in answers}) == 1
    assert len({one["win"]["by_period_end"] for one in answers}) == 4  # the deal itself is as of the moment
    begun = client.post("/v1/deals/score", json={**DEAL, "as_of": "2026-11-11"}).json()  # the end of that day
    assert len(simulated) == 1
    assert goal_if_won(begun) == goal_if_won(answers[0])


def goal_if_won(answer: dict[str, Any]) -> float:
    """The probability of reaching the target if the deal is won, whatever its chance."""
    of_goal = answer["attainment"]
    return round(of_goal["probability"] + of_goal["if_won_pp"] / 100, 12)
