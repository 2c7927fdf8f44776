"""Has a message the form that each channel documents, and does it arrive once, whatever the receiver does?"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from crm.store import Store
from crm.store.alerts import DEAD, MUTED, QUEUED, SENT, UNSURE, Channel, NewAlert
from service.alerts import forms
from service.alerts.book import KEPT_DAYS, SAID_DAYS, AlertBook
from service.alerts.delivery import LEASE_SECONDS, RETRY_SECONDS, deliver_due
from service.alerts.kinds import DATA_STALE, DEAL_FELL, GOAL_CROSSED, KINDS, MODEL_DUE, TEST
from service.alerts.sending import Sender
from service.alerts.words import SHOWN, digest
from service.settings import Settings
from tests.support.receivers import HttpReceiver, SmtpReceiver, http_receiver, smtp_receiver

FELL = {
    "scope": "team:T1", "scope_label": {"ja": "営業1課", "en": "Sales 1"}, "period": "2026-Q4",
    "deal_id": "D1", "name": "基幹更改 <!channel> [toall]", "account_name": "あおぞら*商事",
    "owner_id": "P1", "owner_name": "佐藤", "before": 0.62, "now": 0.31, "since": "2026-11-10",
    "amount": 12e6, "effect_pp": -2.4,
    "effect_revenue": -3.7e6, "goal": 0.41, "currency": "JPY", "as_of": "2026-11-20T00:00:00+09:00",
}  # fmt: skip
CROSSED = {
    "scope": "company", "scope_label": {"ja": "全社", "en": "the company"}, "period": "2026-Q4",
    "period_label": {"ja": "2026年10〜12月期", "en": "2026-Q4"}, "direction": "down", "line": 0.5,
    "before": 0.63, "now": 0.44, "change": -0.19, "usual": 0.08,
    "target": 1e8, "mean": 9.1e7, "currency": "JPY",
    "as_of": "2026-11-20T00:00:00+09:00",
}  # fmt: skip
ALL = [
    (DEAL_FELL, FELL),
    (GOAL_CROSSED, CROSSED),
    (DATA_STALE, {"newest_day": "2026-10-01"}),
    (MODEL_DUE, {"version": "3"}),
]


# Words


def test_a_reader_is_told_what_happened_what_it_means_and_what_to_do_in_japanese():
    told = digest(ALL[:1], "ja")
    assert told.title == "Sancho：受注確率が下がった商談"
    [fell] = told.items
    assert fell.headline == (
        "「基幹更改 <!channel> [toall]（あおぞら*商事）」の期末までの受注確率が62.0%から31.0%に下がりました"
        "（2026年11月10日以降）。"
    )
    assert fell.details[0] == (
        "見込み金額1,200万円、担当は佐藤。営業1課の目標の達成確率は41.0%で、この低下の影響は−2.4ptです。"
    )
    assert "次の打ち手" in fell.details[1]


def test_all_kinds_have_words_in_both_languages():
    for lang in ("ja", "en"):
        told = digest(ALL, lang)
        assert [len(item.details) >= 1 for item in told.items] == [True] * len(KINDS)
        assert "{" not in told.plain
        assert "4" in told.title
    crossed = digest(ALL[1:2], "en").items[0]
    assert crossed.headline == (
        "the company: the probability of the goal of 2026-Q4 fell below 50% (from 63.0% to 44.0%)."
    )
    assert "The change within a week is −19.0 pt, more than usual (±8.0 pt)" in crossed.details[0]


def test_of_many_alerts_the_first_are_shown_and_all_are_counted():
    told = digest(ALL[:1] * (SHOWN + 7), "en")
    assert (len(told.items), told.closing) == (SHOWN, "There are 7 more.")
    assert told.title == f"Sancho: {SHOWN + 7} alerts"


def test_a_settled_goal_is_told_in_money_and_names_stay_on_one_line():
    body = {
        **FELL,
        "effect_pp": None,
        "name": "a\nb\x00" + "x" * 500,
        "account_name": None,
        "owner_name": None,
    }
    [fell] = digest([(DEAL_FELL, body)], "en").items
    assert "It changes the revenue expected of Sales 1 by −JPY 3,700,000" in fell.details[0]
    assert "owned by P1" in fell.details[0]
    assert "\n" not in fell.headline
    assert len(fell.headline) < 250


# Forms


def test_slack_is_sent_text_and_blocks_within_its_limits_and_nobody_is_called():
    call = forms.slack(digest(ALL[:1] * 40, "ja", "https://sancho.example.com"), "https://hooks.slack.com/x")
    told = json.loads(call.body)
    assert call.headers["Content-Type"] == "application/json"
    assert told.keys() == {"text", "blocks"}
    assert told["blocks"][0]["type"] == "header"
    assert told["blocks"][0]["text"]["type"] == "plain_text"
    assert len(told["blocks"][0]["text"]["text"]) <= 150
    assert len(told["blocks"]) <= 50
    for block in told["blocks"][1:]:
        assert (block["type"], block["text"]["type"]) == ("section", "mrkdwn")
        assert 0 < len(block["text"]["text"]) <= 3_000
    assert "<!channel>" not in call.body
    assert "&lt;!channel&gt;" in told["blocks"][1]["text"]["text"]
    assert told["text"].startswith("Sancho")


def test_teams_is_sent_an_adaptive_card_within_its_limit():
    call = forms.teams(digest(ALL[:1] * 40, "ja", "https://sancho.example.com"), "https://x.example.com")
    assert len(call.body.encode()) < 28_000
    told = json.loads(call.body)
    [attachment] = told["attachments"]
    assert told["type"] == "message"
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert attachment["contentUrl"] is None
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert {block["type"] for block in card["body"]} == {"TextBlock"}
    assert all(block["wrap"] for block in card["body"])
    assert card["actions"] == [
        {"type": "Action.OpenUrl", "title": "Sancho", "url": "https://sancho.example.com"}
    ]
    assert "\\[toall\\]" in card["body"][1]["text"]


def test_chatwork_is_sent_a_form_with_the_token_in_its_header_and_no_mark_of_a_name():
    call = forms.chatwork(digest(ALL[:1], "ja"), "12345", "abc")
    assert call.url == "https://api.chatwork.com/v2/rooms/12345/messages"
    assert call.headers["x-chatworktoken"] == "abc"
    assert call.headers["Content-Type"] == "application/x-www-form-urlencoded"
    told = parse_qs(call.body)
    assert told.keys() == {"body", "self_unread"}
    text = told["body"][0]
    assert text.startswith("[info][title]Sancho")
    assert text.endswith("[/info]")
    assert "[toall]" not in text
    assert "abc" not in text


def test_a_program_is_sent_words_and_figures_with_a_signature():
    secret = "whsec_" + base64.b64encode(b"k" * 32).decode()
    call = forms.webhook(
        digest(ALL, "en"), ALL, "https://x.example.com", secret, "alert-1", lambda: 1_700_000_000.0
    )
    told = json.loads(call.body)
    assert [one["kind"] for one in told["alerts"]] == list(KINDS)
    signed = f"alert-1.1700000000.{call.body}".encode()
    proof = base64.b64encode(hmac.new(b"k" * 32, signed, hashlib.sha256).digest()).decode()
    assert call.headers["webhook-signature"] == f"v1,{proof}"
    assert call.headers["webhook-id"] == "alert-1"


def test_mail_is_plain_text_to_one_reader_with_an_id_that_stays():
    message = forms.mail(digest(ALL[:1], "ja"), "sancho@example.com", "sato@example.com", "alert-1")
    assert message["Message-ID"] == "<alert-1@example.com>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["To"] == "sato@example.com"
    assert message.get_content_type() == "text/plain"
    assert "基幹更改" in message.get_content()
    assert message.as_bytes().isascii()


# Whether it arrives


class Clock:
    def __init__(self) -> None:
        self.seconds = 1_700_000_000.0

    def now(self) -> int:
        return int(self.seconds * 1e6)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def book(store: Store, clock: Clock) -> Iterator[AlertBook]:
    url = store._engine.url.render_as_string(hide_password=False)
    with AlertBook(url, private=True, now=clock.now) as opened:
        yield opened


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with http_receiver() as found:
        yield found


@pytest.fixture
def post() -> Iterator[SmtpReceiver]:
    with smtp_receiver() as found:
        yield found


def _settings(tmp_path: Path, **given: Any) -> Settings:
    return Settings(home=tmp_path, private_webhooks=True, language="en", **given)


def _tell(book: AlertBook, channel: Channel, *keys: str, kind: str = DATA_STALE, due_in: float = 1.0) -> int:
    due_at = book.now + int(due_in * 1e6)
    body = {"newest_day": "2026-10-01"}
    alerts = [
        NewAlert(channel_id=channel.channel_id, key=key, kind=kind, body=body, due_at=due_at) for key in keys
    ]
    return book.look(lambda _marks, _due: (alerts, {}, []))


def _states(book: AlertBook) -> list[str]:
    return [one.state for one in reversed(book.newest(100))]


def _deliver(book: AlertBook, settings: Settings, api: str = forms.CHATWORK_API) -> dict[str, Any]:
    return deliver_due(book, Sender(settings, api), lambda *_: None)


def test_alerts_of_a_while_are_one_message_and_no_key_is_told_twice(
    book: AlertBook, receiver: HttpReceiver, clock: Clock, tmp_path: Path
):
    settings = _settings(tmp_path)
    channel = book.add("slack", receiver.url, scope="company")
    assert _tell(book, channel, "a", "b", due_in=900) == 2
    assert _deliver(book, settings)["sent"] == 0, "they are gathered first"
    assert _tell(book, channel, "b", "c", due_in=900) == 1
    clock.seconds += 900
    assert _deliver(book, settings) == {"sent": 1, "to_retry": 0, "given_up": 0, "unsure": 0}
    assert len(receiver.came) == 1
    assert json.loads(receiver.came[0][2])["text"].startswith("Sancho: 3 alerts")
    assert _tell(book, channel, "a", "b", "c") == 0
    clock.seconds += 86_400
    assert _deliver(book, settings)["sent"] == 0
    assert len(receiver.came) == 1
    assert _states(book) == [SENT] * 3


def test_a_receiver_that_is_down_or_refuses_gets_the_same_message_later_and_then_it_is_given_up(
    book: AlertBook, receiver: HttpReceiver, clock: Clock, tmp_path: Path
):
    settings = _settings(tmp_path)
    channel = book.add("teams", receiver.url, scope="company")
    receiver.answers = lambda number: 503 if number < 3 else 202
    _tell(book, channel, "a", due_in=0.001)
    clock.seconds += 1
    assert _deliver(book, settings)["to_retry"] == 1
    assert _deliver(book, settings)["to_retry"] == 0, "not at once"
    for seconds, state in zip(RETRY_SECONDS, (QUEUED, SENT), strict=False):
        clock.seconds += seconds
        _deliver(book, settings)
        assert _states(book) == [state]
    assert len({body for _, _, body in receiver.came}) == 1
    receiver.answers = lambda _: 500
    _tell(book, channel, "c", due_in=0.001)
    for _ in range(len(RETRY_SECONDS) + 2):
        clock.seconds += RETRY_SECONDS[-1]
        _deliver(book, settings)
    assert _states(book)[-1] == DEAD
    assert book.newest(1)[0].last_error == "HTTP 500"


def test_what_may_have_arrived_is_not_sent_again_but_to_a_program_that_can_tell(
    book: AlertBook, receiver: HttpReceiver, clock: Clock, tmp_path: Path
):
    settings = _settings(tmp_path)
    slack = book.add("slack", receiver.url, scope="company")
    program = book.add("webhook", receiver.url, scope="company")
    receiver.answers = lambda number: None if number <= 2 else 200
    for channel in (slack, program):
        _tell(book, channel, "a", due_in=0.001)
    clock.seconds += 1
    assert _deliver(book, settings) == {"sent": 0, "to_retry": 1, "given_up": 0, "unsure": 1}
    clock.seconds += RETRY_SECONDS[0]
    assert _deliver(book, settings)["sent"] == 1
    assert _states(book) == [UNSURE, SENT]
    ids = [headers.get("webhook-id") for _, headers, _ in receiver.came]
    assert len([one for one in ids if one]) == 2
    assert len({one for one in ids if one}) == 1, "the same message"


def test_where_nobody_listens_it_is_tried_again(book: AlertBook, clock: Clock, tmp_path: Path):
    with http_receiver() as gone:
        url = gone.url
    channel = book.add("slack", url, scope="company")
    _tell(book, channel, "a", due_in=0.001)
    clock.seconds += 1
    assert _deliver(book, _settings(tmp_path))["to_retry"] == 1
    assert _states(book) == [QUEUED]


def test_of_a_process_that_died_while_it_sent_nobody_knows_and_nothing_is_sent_again(
    book: AlertBook, receiver: HttpReceiver, clock: Clock, tmp_path: Path
):
    channel = book.add("slack", receiver.url, scope="company")
    _tell(book, channel, "a", due_in=0.001)
    clock.seconds += 1
    lease = book.take(channel.channel_id, LEASE_SECONDS)
    assert lease is not None
    assert book.take(channel.channel_id, LEASE_SECONDS) is None, "one process at a time"
    assert len(book.begin(channel.channel_id, lease, LEASE_SECONDS)) == 1
    clock.seconds += LEASE_SECONDS + 1
    assert _deliver(book, _settings(tmp_path))["sent"] == 0
    assert (_states(book), receiver.came) == ([UNSURE], [])


def test_a_mute_takes_effect_at_once_for_a_person_a_channel_and_a_kind(
    book: AlertBook, receiver: HttpReceiver, clock: Clock, tmp_path: Path
):
    channel = book.add("slack", receiver.url, person_id="P1")
    book.mute("P1", [DATA_STALE])
    _tell(book, channel, "a", due_in=0.001)
    _tell(book, channel, "b", kind=TEST, due_in=0.001)
    clock.seconds += 1
    _deliver(book, _settings(tmp_path))
    assert _states(book) == [MUTED, SENT]
    assert book.unmute("P1") == 1
    book.mute(channel.channel_id)
    _tell(book, channel, "c", due_in=0.001)
    clock.seconds += 1
    _deliver(book, _settings(tmp_path))
    assert _states(book) == [MUTED, SENT, MUTED]


def test_mail_arrives_and_what_the_server_says_decides(
    book: AlertBook, post: SmtpReceiver, clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    settings = _settings(
        tmp_path,
        smtp_host="127.0.0.1",
        smtp_port=post.port,
        smtp_security="none",
        mail_from="sancho@example.com",
    )
    channel = book.add("mail", "sato@example.com", person_id="P1", language="ja")

    def told(key: str, answer: str | None, to: str = "250 ok") -> str:
        post.answers, post.to_recipients = (lambda _: answer), to
        _tell(book, channel, key, due_in=0.001)
        clock.seconds += 1
        _deliver(book, settings)
        return _states(book)[-1]

    assert told("a", "250 ok") == SENT
    assert post.came[0]["To"] == "sato@example.com"
    assert "記録" in post.came[0].get_content()
    assert told("b", None) == UNSURE, "it was handed over, and nothing was said"
    assert told("c", "554 no") == DEAD
    assert told("d", "250 ok", to="550 nobody") == DEAD
    assert told("e", "451 later") == QUEUED
    assert len(post.came) == 4
    assert "sato@example.com" not in caplog.text
    assert "sato" not in str([one.last_error for one in book.newest(10)])


def test_without_a_server_mail_waits(book: AlertBook, clock: Clock, tmp_path: Path):
    channel = book.add("mail", "sato@example.com", person_id="P1")
    _tell(book, channel, "a", due_in=0.001)
    clock.seconds += 1
    assert _deliver(book, _settings(tmp_path))["to_retry"] == 1
    assert "SANCHO_SMTP_HOST" in str(book.newest(1)[0].last_error)


def test_chatwork_is_called_at_its_interface(
    book: AlertBook, receiver: HttpReceiver, clock: Clock, tmp_path: Path
):
    channel = book.add("chatwork", "12345", scope="company", token="abc123")
    _tell(book, channel, "a", due_in=0.001)
    clock.seconds += 1
    assert _deliver(book, _settings(tmp_path), receiver.url)["sent"] == 1
    [(path, headers, body)] = receiver.came
    assert (path, headers["x-chatworktoken"]) == ("/rooms/12345/messages", "abc123")
    assert body.startswith("body=")


def test_the_words_of_an_alert_are_forgotten_before_that_it_was_told(
    book: AlertBook, receiver: HttpReceiver, clock: Clock, tmp_path: Path
):
    settings = _settings(tmp_path)
    channel = book.add("slack", receiver.url, scope="company")
    _tell(book, channel, "a", due_in=0.001)
    clock.seconds += 1
    _deliver(book, settings)
    clock.seconds += SAID_DAYS * 86_400 + 1
    _deliver(book, settings)
    assert book.newest(1)[0].body == {}
    assert _tell(book, channel, "a") == 0
    clock.seconds += KEPT_DAYS * 86_400
    _deliver(book, settings)
    assert book.newest(1) == []


def test_who_is_erased_is_named_in_no_alert_and_told_nothing_more(
    book: AlertBook, receiver: HttpReceiver, clock: Clock, tmp_path: Path
):
    room = book.add("slack", receiver.url, scope="company")
    own = book.add("mail", "sato@example.com", person_id="P1")
    book.mute("P1")
    body = {**FELL, "name": 'A "quoted" 案件'}
    for key, due_in in (("told", 0.001), ("waits", 900.0)):
        due_at = book.now + int(due_in * 1e6)
        new = NewAlert(channel_id=room.channel_id, key=key, kind=DEAL_FELL, body=body, due_at=due_at)
        book.look(lambda _marks, _due, new=new: ([new], {}, []))
    _tell(book, room, "other")
    clock.seconds += 2
    _deliver(book, _settings(tmp_path))
    assert book.erase(['A "quoted" 案件', "佐藤"], "P1") == 4
    assert [one.channel_id for one in book.all()] == [room.channel_id]
    assert book.mutes() == set()
    told = {(one.kind, one.state): one.body for one in book.newest(10)}
    assert told == {
        (DEAL_FELL, SENT): {},
        (DEAL_FELL, MUTED): {},
        (DATA_STALE, SENT): {"newest_day": "2026-10-01"},
    }
    assert own.channel_id not in {one.channel_id for one in book.newest(10)}
