"""Do events reach their receivers signed, in order, at least once, and nowhere they must not go?"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from crm.errors import SanchoError
from crm.importing import push_rows
from crm.instants import as_of_instant
from crm.store import Store
from crm.store.webhooks import DEAD, DELIVERED, QUEUED, NewEvent
from service.app import create_app
from service.cli import run
from service.jobs import JobQueue
from service.jobs.kinds import WEBHOOKS
from service.jobs.worker import Worker
from service.settings import Settings
from service.use_cases import UseCases
from service.webhooks import delivery, sending
from service.webhooks.book import MOST, Webhooks
from service.webhooks.delivery import LEASE_SECONDS, RETRY_SECONDS, deliver_due
from service.webhooks.events import MODEL_PROMOTED, SCORE_CHANGED, TYPES
from service.webhooks.notices import Notices, news
from tests.support.fakes import TOKYO, FakeRegistry, fake_bundle, small_store


class Receiver:
    """A receiver on this machine: what came, and what it answers (a status, or None: it never answers)."""

    def __init__(self) -> None:
        self.came: list[tuple[dict[str, str], dict[str, Any], str]] = []
        self.answers: Callable[[int], int | None] = lambda _: 200
        self.location: str | None = None
        self.released = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                receiver.came.append((dict(self.headers.items()), json.loads(body), body))
                status = receiver.answers(len(receiver.came))
                if status is None:
                    receiver.released.wait(30)
                    return
                self.send_response(status)
                if receiver.location is not None:
                    self.send_header("Location", receiver.location)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/in?a=1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def subjects(self) -> list[str]:
        return [told["data"]["n"] for _, told, _ in self.came]


class Clock:
    def __init__(self) -> None:
        self.seconds = 1_700_000_000.0

    def now(self) -> int:
        return int(self.seconds * 1e6)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.released.set()
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def book(store: Store, clock: Clock) -> Iterator[Webhooks]:
    url = store._engine.url.render_as_string(hide_password=False)
    with Webhooks(url, private=True, now=clock.now) as opened:
        yield opened


def tell(book: Webhooks, *subjects: str, kind: str = SCORE_CHANGED) -> None:
    """Queues an event for each subject, numbered as they come: D1.1, D1.2 ..."""

    def compare(said: Any) -> Any:
        counts = dict(said)
        events = []
        for subject in subjects:
            counts[kind, subject] = counts.get((kind, subject), 0) + 1
            body = json.dumps({"type": kind, "data": {"n": f"{subject}.{counts[kind, subject]}"}})
            number = f"evt_{subject}.{counts[kind, subject]}"
            events.append(NewEvent(event_id=number, type=kind, subject=subject, body=body))
        return events, counts, []

    book.note(compare)


def deliver(book: Webhooks) -> dict[str, Any]:
    return deliver_due(book, lambda *_: None)


def states(book: Webhooks, webhook_id: str) -> dict[str, str]:
    return {one.event_id.removeprefix("evt_"): one.state for one in book.deliveries(webhook_id)}


def test_an_event_arrives_with_a_signature_that_its_secret_proves(book: Webhooks, receiver: Receiver):
    webhook = book.add(receiver.url)
    tell(book, "D1")
    assert deliver(book) == {"delivered": 1, "to_retry": 0, "given_up": 0}
    [(headers, _, body)] = receiver.came
    assert headers["Host"] == receiver.url.split("/")[2]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body}".encode()
    key = base64.b64decode(webhook.secret.removeprefix("whsec_"))
    proof = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{proof}"
    assert states(book, webhook.webhook_id) == {"D1.1": DELIVERED}
    assert deliver(book)["delivered"] == 0, "it is not sent again"


def test_only_the_types_that_were_asked_for_are_sent(book: Webhooks, receiver: Receiver):
    book.add(receiver.url, [MODEL_PROMOTED])
    tell(book, "D1")
    tell(book, "m", kind=MODEL_PROMOTED)
    deliver(book)
    assert [told["type"] for _, told, _ in receiver.came] == [MODEL_PROMOTED]


def test_a_receiver_that_is_down_gets_everything_later_in_the_order_of_each_subject(
    book: Webhooks, receiver: Receiver, clock: Clock
):
    webhook = book.add(receiver.url)
    tell(book, "D1", "D2")
    tell(book, "D1")
    receiver.answers = lambda count: 503 if count <= 2 else 200
    assert deliver(book)["to_retry"] == 1
    assert states(book, webhook.webhook_id) == {"D1.1": QUEUED, "D2.1": QUEUED, "D1.2": QUEUED}
    assert deliver(book)["to_retry"] == 1, "the next subject is tried, too"
    assert deliver(book)["delivered"] == 0, "not before its time"
    clock.seconds += RETRY_SECONDS[0] + 1
    assert deliver(book)["delivered"] == 3
    assert receiver.subjects[2:] == ["D1.1", "D2.1", "D1.2"]
    assert book.seconds_to_next() is None


def test_what_never_arrives_is_given_up_shown_and_can_be_sent_again(
    book: Webhooks, receiver: Receiver, clock: Clock
):
    webhook = book.add(receiver.url)
    tell(book, "D1")
    tell(book, "D1")
    receiver.answers = lambda _: 500
    for seconds in RETRY_SECONDS:
        assert deliver(book) == {"delivered": 0, "to_retry": 1, "given_up": 0}
        assert book.seconds_to_next() == seconds
        clock.seconds += seconds
    assert deliver(book) == {"delivered": 0, "to_retry": 1, "given_up": 1}, "then the next has its turn"
    [dead] = book.deliveries(webhook.webhook_id, (DEAD,))
    assert (dead.event_id, dead.last_status, dead.attempts) == ("evt_D1.1", 500, len(RETRY_SECONDS) + 1)
    receiver.answers = lambda _: 204
    assert book.replay(webhook.webhook_id) == 1
    clock.seconds += RETRY_SECONDS[0]
    assert deliver(book)["delivered"] == 2
    assert receiver.subjects[-2:] == ["D1.1", "D1.2"], "at its old place"
    assert set(states(book, webhook.webhook_id).values()) == {DELIVERED}


def test_what_waits_for_days_behind_others_is_given_up_too(book: Webhooks, receiver: Receiver, clock: Clock):
    webhook = book.add(receiver.url)
    receiver.answers = lambda _: 500
    tell(book, "D1", "D2")
    deliver(book)
    clock.seconds += 3 * 86_400 + 1
    assert deliver(book)["given_up"] == 2
    assert book.seconds_to_next() is None
    receiver.answers = lambda _: 200
    assert book.replay(webhook.webhook_id) == 2
    assert deliver(book)["delivered"] == 2


def test_a_receiver_that_is_gone_is_left_alone_until_somebody_replays(book: Webhooks, receiver: Receiver):
    webhook = book.add(receiver.url)
    tell(book, "D1")
    receiver.answers = lambda _: 410
    assert deliver(book)["given_up"] == 1
    assert book.find(webhook.webhook_id).disabled_at is not None
    tell(book, "D2")
    assert deliver(book) == {"delivered": 0, "to_retry": 0, "given_up": 0}
    assert len(receiver.came) == 1
    receiver.answers = lambda _: 200
    assert book.replay(webhook.webhook_id, "evt_D1.1") == 1
    assert deliver(book)["delivered"] == 1


def test_a_redirect_is_not_followed(book: Webhooks, receiver: Receiver):
    other = Receiver()
    book.add(receiver.url)
    receiver.location, receiver.answers = other.url, lambda _: 302
    tell(book, "D1")
    assert deliver(book)["to_retry"] == 1
    assert other.came == []
    other.server.shutdown()
    other.server.server_close()


def test_a_receiver_that_never_answers_costs_its_time_and_nobody_elses(
    book: Webhooks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sending, "TIMEOUT_SECONDS", 0.3)
    slow, quick = Receiver(), receiver
    slow.answers = lambda _: None
    silent = book.add(slow.url)
    prompt = book.add(quick.url)
    tell(book, "D1", "D2")
    assert deliver(book) == {"delivered": 2, "to_retry": 1, "given_up": 0}
    assert set(states(book, prompt.webhook_id).values()) == {DELIVERED}
    waiting = book.deliveries(silent.webhook_id)
    assert "no answer within" in str(waiting[-1].last_error)
    assert len(slow.came) == 1, "its other events wait"
    slow.released.set()
    slow.server.shutdown()
    slow.server.server_close()


def test_while_one_process_sends_another_does_not_and_a_dead_one_is_followed(
    book: Webhooks, receiver: Receiver, clock: Clock
):
    webhook = book.add(receiver.url)
    tell(book, "D1")
    lease = book.take(webhook.webhook_id, LEASE_SECONDS)
    assert lease is not None
    assert deliver(book)["delivered"] == 0, "somebody else is at it"
    clock.seconds += LEASE_SECONDS + 1
    assert deliver(book)["delivered"] == 1, "he has died"
    assert not book.keep(webhook.webhook_id, lease, LEASE_SECONDS), "and cannot go on"


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/x",
        "https://user:s3cret@example.com/x",
        "ftp://example.com/x",
        "https:///x",
        "https://example.com:99999/x",
        "https://127.0.0.1/x",
        "https://localhost/x",
        "https://10.1.2.3/x",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/x",
        "https://[::ffff:10.0.0.1]/x",
        "https://0.0.0.0/x",
    ],
)
def test_addresses_without_tls_with_a_password_or_of_a_private_network_are_refused(url: str, tmp_path: Path):
    with Webhooks(str(tmp_path / "sancho.db")) as book, pytest.raises(SanchoError) as refused:
        book.add(url)
    assert refused.value.code in ("bad_webhook_url", "private_webhook_url")
    for said in (refused.value.text.ja, refused.value.text.en):
        assert "s3cret" not in said


def test_a_name_that_becomes_private_later_is_not_called(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    address = ["93.184.216.34"]

    def found(_host: str, port: int, **_: Any) -> Any:
        return [(2, 1, 6, "", (address[0], port))]

    monkeypatch.setattr("service.webhooks.sending.socket.getaddrinfo", found)
    with Webhooks(str(tmp_path / "sancho.db")) as book:
        webhook = book.add("https://hooks.example.com/x")
        address[0] = "127.0.0.1"
        tell(book, "D1")
        assert deliver(book)["to_retry"] == 1
        [one] = book.deliveries(webhook.webhook_id)
    assert "private network" in str(one.last_error)
    assert receiver.came == []


def test_there_is_a_limit_and_types_are_known(book: Webhooks, receiver: Receiver):
    with pytest.raises(SanchoError, match="no type of event 'deal'"):
        book.add(receiver.url, ["deal"])
    for _ in range(MOST):
        book.add(receiver.url)
    with pytest.raises(SanchoError, match="there can be 50"):
        book.add(receiver.url)


def test_events_that_ended_are_forgotten_after_a_month(book: Webhooks, receiver: Receiver, clock: Clock):
    webhook = book.add(receiver.url)
    tell(book, "D1")
    deliver(book)
    clock.seconds += 31 * 86_400
    deliver(book)
    assert book.deliveries(webhook.webhook_id) == []


# What is news


@pytest.fixture
def cases(tmp_path: Path) -> Iterator[UseCases]:
    store = small_store(tmp_path / "sancho.db")
    registry = FakeRegistry(fake_bundle(store.read(TOKYO)))
    settings = Settings(home=tmp_path, private_webhooks=True)
    found = UseCases.open(settings, store, registry)  # type: ignore[arg-type]
    found.serving.refresh(warm=False)
    yield found
    found.close()
    store.close()


def look(cases: UseCases) -> int:
    return Notices(cases.serving, cases.webhooks.book, cases.webhooks.wake).look()


def told(receiver: Receiver) -> list[tuple[str, Any]]:
    return [(told["type"], told["data"]) for _, told, _ in receiver.came]


def test_a_deal_that_moves_or_appears_is_told_once_and_what_was_there_before_is_not(
    cases: UseCases, receiver: Receiver
):
    assert look(cases) == 0, "nobody wants to know"
    cases.webhooks.add(receiver.url, [], "key")
    assert look(cases) == 0, "what is there at first is no news"
    now = as_of_instant("2026-11-19T12:00", TOKYO)
    moved = [
        {
            "deal_id": "D6",
            "at": "2026-11-19",
            "field": "stage",
            "value": "最終交渉",
            "old_value": "アポイント",
        }
    ]
    push_rows(cases.serving.store, "deal_events", moved, TOKYO, now=now)
    new = [{"deal_id": "D9", "created_at": "2026-11-18", "stage": "提案", "owner_id": "P0", "amount": 5e6}]
    push_rows(cases.serving.store, "deals", new, TOKYO, now=now)
    cases.serving.refresh(warm=False)
    assert look(cases) == 2
    assert look(cases) == 0, "said once"
    with JobQueue(cases.settings.store_url) as queue:
        assert Worker(cases.settings, queue, [WEBHOOKS]).work_once()
    by_deal = {data["deal_id"]: data for kind, data in told(receiver) if kind == SCORE_CHANGED}
    assert by_deal.keys() == {"D6", "D9"}
    assert by_deal["D9"]["before"] is None
    before = by_deal["D6"]["before"]
    moved_by = max(abs(by_deal["D6"][name] - before[name]) for name in before)
    assert moved_by >= 0.05
    listed = cases.deals.list_deals("company", None, None, "deal_id", None, None, "en")["deals"]
    [score] = [row for row in listed if row["deal_id"] == "D6"]
    assert by_deal["D6"]["win_probability"] == score["win_probability"]


def test_a_goal_that_crosses_a_line_and_another_model_are_news(cases: UseCases):
    state = cases.serving.current()
    context = cases.serving.context_of(state, state.now, cases.serving.period(state, None, state.now))
    _, said, _ = news(context, {})
    said["state", ""] = [0, 0]
    assert news(context, said)[0] == [], "nothing has changed"
    [goal] = [key for key in said if key[0] == "attainment.crossed"]
    probability, side = said[goal]
    other = 0 if side else 3
    changed = {**said, goal: [0.1 if side else 0.9, other], ("model.promoted", "sancho"): "0"}
    events, marks, _ = news(context, changed)
    crossed, promoted = (json.loads(event.body) for event in events)
    assert crossed["data"]["scope"] == "company"
    assert crossed["data"]["probability"] == pytest.approx(probability, abs=1e-6)
    assert crossed["data"]["direction"] == ("up" if side else "down")
    assert marks[goal][1] == side
    assert (promoted["data"]["before"], promoted["data"]["version"]) == ("0", "1")
    ended = {**said, ("deal.score_changed", "D-gone"): [0.5, 0.5]}
    events, _, gone = news(context, ended)
    assert (events, gone) == ([], [("deal.score_changed", "D-gone")])


def test_a_replica_with_older_data_says_nothing(cases: UseCases, receiver: Receiver):
    cases.webhooks.add(receiver.url, [], "key")
    state = cases.serving.current()
    cases.webhooks.book.note(lambda _: ([], {("state", ""): [state.now, state.revision + 1]}, []))
    assert look(cases) == 0
    marks: dict[Any, Any] = {}
    cases.webhooks.book.note(lambda said: (marks.update(said) or [], {}, []))  # type: ignore[func-returns-value]
    assert marks.keys() == {("state", "")}


# How it is asked for


def test_webhooks_are_managed_by_rest(cases: UseCases, receiver: Receiver):
    app = create_app(cases.settings, cases, warm=False)
    client = TestClient(app, raise_server_exceptions=False)
    client.headers["Authorization"] = f"Bearer {app.state.keys.create('crm')}"
    made = client.post("/v1/webhooks", json={"url": receiver.url})
    assert made.status_code == 201, made.text
    webhook = made.json()
    assert (webhook["types"], webhook["requested_by"]) == (list(TYPES), "crm")
    listed = client.get("/v1/webhooks", headers={"Accept-Language": "ja"}).json()
    assert "secret" not in listed["webhooks"][0]
    assert listed["event_types"][0]["label"].startswith("商談の受注確率")
    assert client.post(f"/v1/webhooks/{webhook['webhook_id']}/ping").status_code == 200
    with JobQueue(cases.settings.store_url) as queue:
        assert Worker(cases.settings, queue, [WEBHOOKS]).work_once()
    [sent] = client.get(f"/v1/webhooks/{webhook['webhook_id']}/deliveries").json()["deliveries"]
    assert (sent["type"], sent["state"], sent["last_status"]) == ("ping", "delivered", 200)
    page = client.get(f"/v1/webhooks/{webhook['webhook_id']}/deliveries", params={"cursor": "x"})
    assert page.status_code == 422
    assert client.post(f"/v1/webhooks/{webhook['webhook_id']}/replay").json()["replayed"] == 0
    assert client.post("/v1/webhooks", json={"url": "ftp://x"}).json()["code"] == "bad_webhook_url"
    assert client.delete(f"/v1/webhooks/{webhook['webhook_id']}").status_code == 200
    assert client.delete(f"/v1/webhooks/{webhook['webhook_id']}").status_code == 404
    app.state.keys.close()


def test_webhooks_are_managed_by_commands(
    tmp_path: Path,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANCHO_HOME", str(tmp_path / "home"))
    assert run(["webhooks", "add", "http://127.0.0.1:9/x", "--lang", "ja"]) == 1
    assert "https://" in capsys.readouterr().err
    monkeypatch.setenv("SANCHO_PRIVATE_WEBHOOKS", "true")
    assert run(["webhooks", "list", "--lang", "en"]) == 0
    assert "adds one" in capsys.readouterr().err
    assert run(["webhooks", "add", receiver.url, "--type", MODEL_PROMOTED, "--json"]) == 0
    number = json.loads(capsys.readouterr().out)["webhook_id"]
    assert run(["webhooks", "ping", number, "--lang", "ja"]) == 0
    monkeypatch.setattr(delivery, "RETRY_SECONDS", ())
    receiver.answers = lambda _: 500
    settings = Settings(home=tmp_path / "home", private_webhooks=True)
    with JobQueue(settings.store_url) as queue:
        assert Worker(settings, queue, [WEBHOOKS]).work_once()
    capsys.readouterr()
    assert run(["webhooks", "deliveries", number, "--dead", "--lang", "ja"]) == 3
    printed = capsys.readouterr()
    assert "不達" in printed.out
    assert "送り直せます" in printed.err
    assert run(["webhooks", "replay", number, "--lang", "en"]) == 0
    assert "1 are sent again" in capsys.readouterr().out
    assert run(["webhooks", "list", "--lang", "ja"]) == 0
    assert number in capsys.readouterr().out
    assert run(["webhooks", "remove", number]) == 0
    assert run(["webhooks", "remove", number]) == 1
