"""What does a message look like in Slack, in Teams, in Chatwork, as a webhook, as mail?

Slack: an incoming webhook takes `text` (what a notification shows) and up to 50 `blocks`, of which a section
has up to 3,000 characters; `&`, `<` and `>` are escaped, so that no name calls a whole channel.
Teams: a workflow's webhook ("when a Teams webhook request is received") takes a message whose attachment is
an Adaptive Card, up to 28 KB. Chatwork: POST /v2/rooms/ROOM/messages takes a form with `body` and the token
in `x-chatworktoken`; square brackets are its marks, and have no escape. A webhook is signed as the events of
`service.webhooks` are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any
from urllib.parse import urlencode

import orjson

from service.alerts.words import Digest, Item
from service.webhooks.events import signature

MAIL, WEBHOOK, SLACK, TEAMS, CHATWORK = "mail", "webhook", "slack", "teams", "chatwork"
FORMS = (MAIL, WEBHOOK, SLACK, TEAMS, CHATWORK)
CHATWORK_API = "https://api.chatwork.com/v2"
_SLACK_TITLE, _SLACK_TEXT = 150, 3_000  # characters of a header and of a section
_TEAMS_BYTES = 27_000
_CHATWORK_LETTERS = 20_000
_JSON = {"Content-Type": "application/json", "User-Agent": "sancho"}


@dataclass(frozen=True)
class Call:
    """A POST that carries a message."""

    url: str
    body: str
    headers: Mapping[str, str]


def slack(digest: Digest, url: str) -> Call:
    """The message for an incoming webhook of Slack."""
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": _cut(digest.title, _SLACK_TITLE)}}
    ]
    blocks += [_slack_section(_slack_item(item)) for item in digest.items]
    blocks += [_slack_section(_slack_text(text)) for text in (digest.closing, digest.link) if text]
    told = {"text": _slack_text(_headline(digest)), "blocks": blocks[:50]}
    return Call(url, orjson.dumps(told).decode(), _JSON)


def teams(digest: Digest, url: str) -> Call:
    """The message for a webhook of a Teams workflow."""
    body = [_block(digest.title, size="Medium", weight="Bolder")]
    for item in digest.items:
        body.append(_block(item.headline, weight="Bolder", separator=True))
        body += [_block(detail, spacing="Small") for detail in item.details]
    body += [_block(text, separator=True) for text in (digest.closing,) if text]
    actions = [{"type": "Action.OpenUrl", "title": "Sancho", "url": digest.link}] if digest.link else []
    while len(_teams_message(body, actions)) > _TEAMS_BYTES and len(body) > 2:
        body.pop()
    return Call(url, _teams_message(body, actions).decode(), _JSON)


def chatwork(digest: Digest, room: str, token: str, api: str = CHATWORK_API) -> Call:
    """The message for a room of Chatwork."""
    text = f"[info][title]{_chatwork_text(digest.title)}[/title]{_chatwork_text(digest.plain)}[/info]"
    form = urlencode({"body": text, "self_unread": "1"})
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "User-Agent": "sancho",
        "x-chatworktoken": token,
    }
    return Call(f"{api}/rooms/{room}/messages", form, headers)


def webhook(
    digest: Digest,
    alerts: Sequence[tuple[str, Mapping[str, Any]]],
    url: str,
    secret: str,
    group_id: str,
    clock: Callable[[], float] = time.time,
) -> Call:
    """The message for a program: in words and in figures, signed as the events of webhooks are."""
    told = {
        "type": "alerts",
        "title": digest.title,
        "text": digest.plain,
        "alerts": [{"kind": kind, **body} for kind, body in alerts],
    }
    at, body = int(clock()), orjson.dumps(told).decode()
    headers = {
        **_JSON,
        "webhook-id": group_id,
        "webhook-timestamp": str(at),
        "webhook-signature": signature(secret, group_id, at, body),
    }
    return Call(url, body, headers)


def mail(digest: Digest, sender: str, to: str, group_id: str) -> EmailMessage:
    """The message as mail to one reader; its id is that of the message, however often it is sent."""
    message = EmailMessage()
    message["Subject"] = digest.title
    message["From"] = sender
    message["To"] = to
    message["Date"] = formatdate()
    message["Message-ID"] = f"<{group_id}@{sender.rpartition('@')[2].rstrip('>') or 'sancho'}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(digest.plain, cte="base64")
    return message


def _headline(digest: Digest) -> str:
    return f"{digest.title}\n" + "\n".join(item.headline for item in digest.items)


def _slack_section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _slack_item(item: Item) -> str:
    headline = _slack_text(item.headline).replace("*", "＊")
    return _cut("\n".join([f"*{headline}*", *(_slack_text(detail) for detail in item.details)]), _SLACK_TEXT)


def _slack_text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _block(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "TextBlock", "text": _teams_text(text), "wrap": True, **more}


def _teams_text(text: str) -> str:
    """A text in which nothing is a mark of Markdown."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]" else letter for letter in text)


def _teams_message(body: Sequence[Mapping[str, Any]], actions: Sequence[Mapping[str, Any]]) -> bytes:
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": list(body),
        **({"actions": list(actions)} if actions else {}),
    }
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return orjson.dumps({"type": "message", "attachments": [attachment]})


def _chatwork_text(text: str) -> str:
    return _cut(text, _CHATWORK_LETTERS).replace("[", "［").replace("]", "］")


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
