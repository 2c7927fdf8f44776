"""Are people told what matters to their goal, each about what he may see, in working hours, and once?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from crm.errors import SanchoError
from crm.importing import push_rows
from crm.instants import as_of_instant
from crm.store.alerts import Channel
from features import Calendar
from models.forecast.organisation import ScopeTree
from service.alerts.book import AlertBook
from service.alerts.findings import GOAL_POINTS, USUAL_CHANGE, new_findings, usual_change
from service.alerts.hours import Hours
from service.alerts.kinds import DATA_STALE, DEAL_FELL, GOAL_CROSSED, KINDS, MODEL_DUE
from service.alerts.notices import GROUP_SECONDS, AlertNotices
from service.alerts.readers import Reader, reader_of, readers, scopes_told
from service.app import create_app
from service.cli import run
from service.jobs import JobQueue
from service.jobs.kinds import ALERTS
from service.jobs.worker import Worker
from service.model_state import AnswerContext
from service.settings import Settings
from service.use_cases import UseCases
from tests.support.fakes import TOKYO, FakeRegistry, fake_bundle, small_store
from tests.support.receivers import HttpReceiver, http_receiver

# When


@pytest.mark.parametrize(
    ("at", "told"),
    [
        ("2026-11-20T10:30", "2026-11-20T10:30"),  # a Friday
        ("2026-11-20T06:00", "2026-11-20T08:00"),
        ("2026-11-20T19:00", "2026-11-24T08:00"),  # Monday 23 November is a public holiday
        ("2026-11-21T12:00", "2026-11-24T08:00"),
        ("2026-12-29T12:00", "2027-01-04T08:00"),
    ],
)
def test_people_are_told_on_working_days_within_the_hours(at: str, told: str):
    hours = Hours.of("08:00-19:00")
    assert hours.next(as_of_instant(at, TOKYO), Calendar(TOKYO)) == as_of_instant(told, TOKYO)


@pytest.mark.parametrize("hours", ["8-19", "19:00-08:00", "08:00", "08:00-25:00", ""])
def test_hours_that_are_none_are_refused(hours: str, tmp_path: Path):
    with pytest.raises(ValueError, match="alert_hours"):
        Settings(home=tmp_path, alert_hours=hours)


# Who


@pytest.fixture
def cases(tmp_path: Path) -> Iterator[UseCases]:
    store = small_store(tmp_path / "sancho.db")
    people = [
        {"person_id": "P0", "team_id": "T1", "name": "佐藤", "email": "p0@example.com", "role": "seller"},
        {
            "person_id": "M1",
            "team_id": "T1",
            "email": "m1@example.com",
            "role": "manager",
            "leads_team_id": "T1",
        },
        {"person_id": "A1", "email": "a1@example.com", "role": "admin"},
        {"person_id": "X1", "team_id": "T1", "email": "x1@example.com", "active_to": "2026-10-31"},
    ]
    rows = [{"active_from": "2026-04-01", **one} for one in people]
    result = push_rows(store, "people", rows, TOKYO, now=as_of_instant("2026-11-19", TOKYO))
    assert not result.quarantined, result.errors
    registry = FakeRegistry(fake_bundle(store.read(TOKYO)))
    settings = Settings(home=tmp_path, private_webhooks=True, language="en")
    opened = UseCases.open(settings, store, registry)  # type: ignore[arg-type]
    opened.serving.refresh(warm=False)
    yield opened
    opened.close()
    store.close()


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with http_receiver() as opened:
        yield opened


def _context(cases: UseCases) -> AnswerContext:
    state = cases.serving.current()
    return cases.serving.context_of(state, state.now, cases.serving.period(state, None, state.now))


def _readers(cases: UseCases) -> tuple[dict[str, Reader], ScopeTree]:
    state = cases.serving.current()
    organisation = _context(cases).forecast.organisation
    return readers(state.known_at(state.now)["people"], organisation, date(2026, 11, 30)), organisation


def test_a_seller_reads_about_himself_who_leads_a_team_about_it_an_admin_about_all(cases: UseCases):
    known, organisation = _readers(cases)
    assert {person: reader.scope for person, reader in known.items()} == {
        "P0": "person:P0", "P1": "person:P1", "M1": "team:T1", "A1": "company",
    }  # fmt: skip
    assert known["M1"].email == "m1@example.com"
    for person, code in (("X1", "unknown_person"), ("P1", "no_email")):
        with pytest.raises(SanchoError) as fault:
            reader_of(known, person, needs_mail=True)
        assert fault.value.code == code
    made = {"form": "slack", "address": "x", "kinds": (), "created_at": 0}
    channels = [
        Channel(channel_id="gone", person_id="X1", **made), Channel(channel_id="m", person_id="M1", **made),
        Channel(channel_id="room", scope="team:T1", **made),
        Channel(channel_id="old", scope="team:T9", **made),
    ]  # fmt: skip
    assert scopes_told(channels, known, organisation) == {"m": "team:T1", "room": "team:T1"}


def test_a_seller_who_is_said_to_lead_a_team_is_still_a_seller(cases: UseCases):
    store = cases.serving.store
    row = {
        "person_id": "P0",
        "team_id": "T1",
        "active_from": "2026-04-01",
        "role": "seller",
        "leads_team_id": "T1",
    }
    push_rows(store, "people", [row], TOKYO, now=as_of_instant("2026-11-19T10:00", TOKYO))
    cases.serving.refresh(warm=False)
    assert _readers(cases)[0]["P0"].scope == "person:P0"


# What


def test_a_fall_that_moves_the_goal_is_told_with_what_it_means_and_a_small_one_is_not(cases: UseCases):
    context = _context(cases)
    first = new_findings(context, ["company", "person:P0"], {}, {}, None)
    assert first.findings == [], "what is there at first is no news"
    same = new_findings(context, ["company", "person:P0"], first.marks, {}, None)
    assert (same.findings, same.marks, same.gone) == ([], {}, [])
    deals = {one["deal_id"]: one for one in context.forecast.of_scope("company")["deals"]}
    biggest = max(deals.values(), key=lambda deal: deal["revenue"])
    key = (DEAL_FELL, f"company/{biggest['deal_id']}")
    period, now, _ = first.marks[key]

    def after(before: float) -> Any:
        return new_findings(
            context, ["company"], {**first.marks, key: [period, before, "2026-11-01"]}, {}, None
        )

    fell = after(0.99)
    [finding] = [one for one in fell.findings if one.kind == DEAL_FELL]
    body = finding.body
    assert (body["before"], body["now"], body["since"]) == (0.99, now, "2026-11-01")
    assert body["effect_revenue"] == pytest.approx(-(0.99 - now) * biggest["amount"])
    if body["effect_pp"] is not None:
        assert body["effect_pp"] == pytest.approx(-(0.99 - now) * biggest["swing_pp"])
        assert body["effect_pp"] <= -GOAL_POINTS
    assert fell.marks[key][:2] == [period, now], "the next fall is measured from here"
    assert (DEAL_FELL, f"person:P0/{biggest['deal_id']}") not in fell.marks
    little = after(now + 0.04)
    assert little.findings == []
    assert key not in little.marks, "many small falls add up"
    other = new_findings(
        context, ["company"], {**first.marks, key: ["2026-Q3", 0.99, "2026-09-01"]}, {}, None
    )
    assert other.findings == [], "another period's chance is another one"


def test_a_seller_is_told_of_own_deals_alone(cases: UseCases):
    context = _context(cases)
    first = new_findings(context, ["person:P0", "person:P1", "team:T1"], {}, {}, None)
    owners = context.forecast.deals.set_index("deal_id")["owner_id"].astype(str).to_dict()
    told = {key[1].split("/")[0]: set() for key in first.marks if key[0] == DEAL_FELL}
    for kind, subject in first.marks:
        if kind == DEAL_FELL:
            scope, _, deal = subject.partition("/")
            told[scope].add(owners[deal])
    assert told == {"person:P0": {"P0"}, "person:P1": {"P1"}, "team:T1": {"P0", "P1"}}


def _history(*values: float) -> list[dict[str, Any]]:
    days = range(30 - 7 * (len(values) - 1), 31, 7)
    months = [(11, day) if day > 0 else (10, day + 31) for day in days]
    return [
        {"as_of": f"2026-{month:02d}-{day:02d}T00:00:00+09:00", "probability": value}
        for (month, day), value in zip(months, values, strict=True)
    ]


def test_the_usual_change_of_a_week_is_that_of_four_weeks_in_five_before_this_one():
    changes = [0.02, 0.08, 0.02, 0.06, 0.04]
    values = 0.5 + np.concatenate([[0.0], np.cumsum(changes)])
    assert usual_change(_history(*values, 0.01)) == pytest.approx(float(np.quantile(changes, 0.8)))
    assert usual_change(_history(0.5, 0.9)) == USUAL_CHANGE
    assert usual_change([]) == USUAL_CHANGE


def test_a_goal_that_crosses_a_line_is_told_only_where_it_moved_by_more_than_usual(
    cases: UseCases, monkeypatch: pytest.MonkeyPatch
):
    context = _context(cases)
    goal = context.forecast.goal("company")
    key = (GOAL_CROSSED, f"company/{context.forecast.period.name}")

    def at(probability: float, mark: list[float], week_before: float | None) -> Any:
        seen = replace(goal, probability=probability)
        monkeypatch.setattr(type(context.forecast), "goal", lambda *_: seen)
        days = context.moment / 1e6 - 7 * 86_400
        moment = np.datetime64(int(days), "s").astype(str) + "+00:00"
        history = [] if week_before is None else [{"as_of": moment, "probability": week_before}]
        return new_findings(context, ["company"], {key: mark}, {"company": history}, None)

    fell = at(0.44, [0.63, 2], 0.61)
    [crossed] = [one for one in fell.findings if one.kind == GOAL_CROSSED]
    told = {name: crossed.body[name] for name in ("direction", "line", "before", "now", "usual")}
    assert told == {"direction": "down", "line": 0.5, "before": 0.61, "now": 0.44, "usual": USUAL_CHANGE}
    assert fell.marks[key] == [0.44, 1]
    rose = [one for one in at(0.8, [0.6, 2], None).findings if one.kind == GOAL_CROSSED]
    assert (rose[0].body["direction"], rose[0].body["line"]) == ("up", 0.75)
    for quiet in (at(0.48, [0.55, 2], 0.55), at(0.52, [0.63, 2], 0.63), at(0.44, [0.63, 2], 0.40)):
        assert [one for one in quiet.findings if one.kind == GOAL_CROSSED] == []
        assert key not in quiet.marks, "what it is compared with stays"


def test_data_that_stop_and_a_model_that_is_due_are_told_once_each(cases: UseCases):
    days = 86_400_000_000
    context, stale = (
        replace(context, state=replace(context.state, newest_deal_record=context.moment - age * days))
        for context, age in ((_context(cases), 1), (_context(cases), 40))
    )
    marks = new_findings(context, [], {}, {}, False).marks
    assert marks == {(DATA_STALE, ""): False, (MODEL_DUE, ""): False}
    now = new_findings(stale, [], marks, {}, True)
    assert [one.kind for one in now.findings] == [DATA_STALE, MODEL_DUE]
    again = new_findings(stale, [], {**marks, **now.marks}, {}, True)
    assert again.findings == []
    assert new_findings(context, [], marks, {}, None).marks == {}, "not known is not well"


# From the data to the message


def _look(cases: UseCases, due: bool | None = None) -> int:
    return AlertNotices(cases.serving, cases.alerts.book, lambda _: due, cases.alerts.wake).look()


def _mark(book: AlertBook, **changed: Any) -> dict[Any, Any]:
    """Changes what is compared with, and gives all of it."""
    seen: dict[Any, Any] = {}

    def compare(marks: dict[Any, Any], _due: Any) -> Any:
        seen.update(marks)
        now = {key: changed["value"](value) for key, value in marks.items() if changed["which"](key)}
        return [], now, []

    book.look(compare)
    return seen


def test_each_channel_is_told_about_its_scope_in_one_message_and_once(
    cases: UseCases, receiver: HttpReceiver
):
    book = cases.alerts.book
    assert _look(cases) == 0, "nobody wants to know"
    for person in ("P0", "M1", "A1"):
        cases.alerts.add(
            {"form": "webhook", "address": f"{receiver.url}/{person}", "person_id": person}, "key"
        )
    room = {"form": "webhook", "address": f"{receiver.url}/room", "scope": "team:T1", "kinds": [MODEL_DUE]}
    cases.alerts.add(room, "key")
    assert _look(cases, due=False) == 0, "what is there at first is no news"
    _mark(
        book,
        which=lambda key: key[0] == DEAL_FELL,
        value=lambda value: [value[0], 0.99, "2026-11-01"],
    )
    count = _look(cases, due=True)
    assert count >= 3
    assert _look(cases, due=True) == 0, "told once, by whichever replica looks"
    waiting = book.newest(100)
    wait = {(one.due_at - one.created_at) / 1e6 for one in waiting}
    assert min(wait) >= GROUP_SECONDS - 60
    by_channel = {channel.channel_id: channel for channel in book.all()}
    told: dict[str, set[tuple[str, str]]] = {}
    for one in waiting:
        address = by_channel[one.channel_id].address.rpartition("/")[2]
        told.setdefault(address, set()).add((one.kind, one.body.get("owner_id", "")))
    assert {owner for kind, owner in told["P0"] if kind == DEAL_FELL} <= {"P0"}
    assert (MODEL_DUE, "") in told["A1"]
    assert all((MODEL_DUE, "") not in told.get(who, set()) for who in ("P0", "M1", "room"))
    later = AlertBook(cases.settings.store_url, private=True, now=lambda: max(one.due_at for one in waiting))
    with later:
        from service.alerts.delivery import deliver_due
        from service.alerts.sending import Sender

        sent = deliver_due(later, Sender(cases.settings), lambda *_: None)
    assert sent["sent"] == len(told) == len(receiver.came)
    for path, _, body in receiver.came:
        for alert in json.loads(body)["alerts"]:
            assert (alert["kind"], alert.get("owner_id", "")) in told[path.strip("/")]


def test_who_has_left_is_told_nothing_more_and_a_new_address_is_followed(
    cases: UseCases, receiver: HttpReceiver
):
    book = cases.alerts.book
    made = cases.alerts.add({"form": "mail", "person_id": "M1"}, "key")
    assert made["address"] == "m…@example.com"
    _look(cases, due=False)
    row = {"person_id": "M1", "team_id": "T1", "role": "manager", "leads_team_id": "T1"}
    moved = [{**row, "active_from": "2026-04-01", "email": "new@example.com"}]
    push_rows(cases.serving.store, "people", moved, TOKYO, now=as_of_instant("2026-11-19T10:00", TOKYO))
    cases.serving.refresh(warm=False)
    _look(cases, due=False)
    assert book.all()[0].address == "new@example.com"
    left = [{**moved[0], "active_to": "2026-11-01"}]
    push_rows(cases.serving.store, "people", left, TOKYO, now=as_of_instant("2026-11-19T11:00", TOKYO))
    cases.serving.refresh(warm=False)
    _mark(book, which=lambda key: key[0] == DEAL_FELL, value=lambda value: [value[0], 0.99, "2026-11-01"])
    assert _look(cases, due=True) == 0


def test_a_replica_with_older_data_tells_nothing(cases: UseCases, receiver: HttpReceiver):
    cases.alerts.add({"form": "slack", "address": receiver.url, "scope": "company"}, "key")
    state = cases.serving.current()
    newer = {("state", ""): [state.now, state.revision + 1]}
    cases.alerts.book.look(lambda _marks, _due: ([], newer, []))
    assert _look(cases) == 0
    assert _mark(cases.alerts.book, which=lambda _: False, value=None) == newer


# How it is asked for


def test_channels_are_managed_by_rest_and_their_secrets_are_not_shown(
    cases: UseCases, receiver: HttpReceiver
):
    app = create_app(cases.settings, cases, warm=False)
    client = TestClient(app, raise_server_exceptions=False)
    client.headers["Authorization"] = f"Bearer {app.state.keys.create('crm')}"
    asked = {"form": "slack", "address": f"{receiver.url}/services/T0/secret", "scope": "company"}
    made = client.post("/v1/alerts", json=asked)
    assert made.status_code == 201, made.text
    channel = made.json()["channel_id"]
    assert (made.json()["secret"], made.json()["kinds"]) == (None, list(KINDS))
    assert "secret" not in client.get("/v1/alerts").text.replace('"secret"', "")
    assert client.post(f"/v1/alerts/{channel}/test").status_code == 200
    with JobQueue(cases.settings.store_url) as queue:
        worker = Worker(cases.settings, queue, [ALERTS])
        queue._now = lambda: 4_000_000_000_000_000
        assert worker.work_once()
    [(path, _, body)] = receiver.came
    assert path == "/services/T0/secret"
    assert json.loads(body)["text"].startswith("Sancho: a test")
    muted = client.post("/v1/alerts/mutes", json={"who": "P0", "kinds": [DEAL_FELL]}).json()
    assert (muted["who"], muted["muted"]) == ("P0", [DEAL_FELL])
    listed = client.get("/v1/alerts", headers={"Accept-Language": "ja"}).json()
    assert listed["channels"][0]["sent"] == 1
    assert listed["mutes"] == [{"who": "P0", "kind": DEAL_FELL}]
    assert "商談" in listed["kinds"][0]["label"]
    assert client.post("/v1/alerts/mutes", json={"who": "P0", "muted": False}).json()["muted"] == []
    assert client.delete(f"/v1/alerts/{channel}").status_code == 200
    assert client.delete(f"/v1/alerts/{channel}").status_code == 404
    app.state.keys.close()


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"form": "slack", "address": "ftp://x", "scope": "company"}, "bad_webhook_url"),
        ({"form": "slack", "address": "https://example.com"}, "no_reader"),
        (
            {"form": "slack", "address": "https://example.com", "scope": "company", "person_id": "P0"},
            "no_reader",
        ),
        ({"form": "chatwork", "address": "12", "scope": "company"}, "bad_address"),
        ({"form": "chatwork", "address": "../me", "scope": "company", "token": "a"}, "bad_address"),
        ({"form": "chatwork", "address": "12", "scope": "company", "token": "a\r\nb"}, "bad_address"),
        ({"form": "mail", "address": "a b@example.com", "scope": "company"}, "bad_address"),
        (
            {"form": "mail", "address": "a@example.com\r\nBcc: b@example.com", "scope": "company"},
            "bad_address",
        ),
        ({"form": "mail", "person_id": "P1"}, "no_email"),
        ({"form": "mail", "person_id": "X1"}, "unknown_person"),
        ({"form": "mail", "address": "a@example.com", "scope": "team:T9"}, "unknown_scope"),
        ({"form": "mail", "address": "a@example.com", "scope": "company", "kinds": ["x"]}, "unknown_kind"),
    ],
)
def test_a_channel_that_cannot_be_is_refused(asked: dict[str, Any], code: str, cases: UseCases):
    with pytest.raises(SanchoError) as fault:
        cases.alerts.add(asked, "key")
    assert fault.value.code == code
    assert cases.alerts.book.all() == []


def test_channels_are_managed_by_commands(
    tmp_path: Path, cases: UseCases, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANCHO_HOME", str(tmp_path))
    monkeypatch.setenv("SANCHO_PRIVATE_WEBHOOKS", "true")
    token = tmp_path / "token"
    token.write_text("abc123\n", "utf-8")

    def said(*line: str, status: int = 0) -> str:
        assert run(["alerts", *line, "--lang", "en"]) == status, capsys.readouterr()
        return "".join(capsys.readouterr())

    room = ["add", "chatwork", "--to", "12345", "--scope", "team:T1", "--token-file", str(token)]
    channel = said(*room).split()[0]
    mail = said("add", "mail", "--person", "M1", "--kind", DEAL_FELL, "--language", "ja")
    assert "SANCHO_SMTP_HOST" in mail
    told = said("mute", "M1", "--kind", DEAL_FELL)
    assert "M1 is told nothing of: deal.fell" in told
    listed = said("list")
    assert channel in listed
    assert "m1@example.com" not in listed
    assert "abc123" not in listed
    assert json.loads(said("list", "--json"))["mutes"] == [{"who": "M1", "kind": DEAL_FELL}]
    assert "1 mutes taken back" in said("unmute", "M1")
    assert "on its way" in said("test", channel)
    assert "removed" in said("remove", channel)
    assert "there is no channel" in said("remove", channel, status=1)
    assert "cannot read the file" in said("add", "chatwork", "--to", "1", "--token-file", "none", status=1)
