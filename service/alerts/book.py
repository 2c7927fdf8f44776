"""How are channels of alerts added, listed, muted and removed, and what became of the alerts sent to them?

They stand in the queue's database, as webhooks do: an import that locks the store holds up no alert.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Any

from crm.errors import SanchoError
from crm.i18n import LANGUAGES, Text
from crm.instants import DAY
from crm.store import alerts
from crm.store.alerts import Channel, NewAlert, StoredAlert
from service.alerts.forms import CHATWORK, FORMS, MAIL, WEBHOOK
from service.alerts.kinds import KINDS, TEST
from service.receiver_book import ReceiverBook, ReceiverTable
from service.webhooks.events import new_secret
from service.webhooks.sending import checked_url, resolved

Key = tuple[str, str]  # kind and subject
Comparison = tuple[list[NewAlert], dict[Key, Any], list[Key]]
MOST = 200  # channels
SAID_DAYS = 30  # for which the words of an alert are kept: they name people, deals and amounts
KEPT_DAYS = 400  # for which it is remembered what was told, so that it is not told again
_NO_CHANNEL = Text(
    "通知先「{channel_id}」はありません。`sancho alerts list` または GET /v1/alerts で確認してください。",
    "there is no channel {channel_id!r}; see `sancho alerts list` or GET /v1/alerts.",
)
_NO_KIND = Text(
    "通知の種類「{kind}」はありません。{kinds} のいずれかを指定してください。",
    "there is no kind of alert {kind!r}; give one of {kinds}.",
)
_NO_FORM = Text(
    "通知の形式「{form}」はありません。{forms} のいずれかを指定してください。",
    "there is no form {form!r}; give one of {forms}.",
)
_NO_LANGUAGE = Text(
    "言語は ja か en を指定してください（「{language}」）。", "give ja or en as language, not {language!r}."
)
_NO_ADDRESS = Text(
    "メールアドレス「{address}」は使えません。name@example.com の形で指定してください。",
    "{address!r} is no e-mail address; give one such as name@example.com.",
)
_NO_ROOM = Text(
    "Chatworkでは、ルームIDの数字を送信先に、APIトークンを token に指定してください。",
    "for Chatwork give the number of the room as address, and an API token as token.",
)
_NO_READER = Text(
    "誰に知らせるか、person（担当者ID）か scope（company、team:ID、person:ID）のどちらかを指定してください。",
    "say who is told: either a person (an id), or a scope (company, team:ID, person:ID).",
)
_TOO_MANY = Text(
    "通知先は{n}件まで登録できます。使っていないものを削除してください。",
    "there can be {n} channels; remove one that is not used.",
)


class AlertBook(ReceiverBook[Channel]):
    """The channels of one installation, and their alerts."""

    _table: ReceiverTable[Channel] = alerts
    _look_lock = 0x53414E58

    @property
    def now(self) -> int:
        """The time by which alerts are due."""
        return self._now()

    def add(
        self,
        form: str,
        address: str,
        *,
        person_id: str | None = None,
        scope: str | None = None,
        kinds: Sequence[str] = (),
        language: str | None = None,
        token: str | None = None,
        requested_by: str | None = None,
    ) -> Channel:
        """A new channel for some kinds of alert (none given: all)."""
        if form not in FORMS:
            raise SanchoError(_NO_FORM.format(form=form, forms=", ".join(FORMS)), "unknown_form")
        checked_kinds(kinds)
        if language is not None and language not in LANGUAGES:
            raise SanchoError(_NO_LANGUAGE.format(language=language), "unknown_language")
        if (person_id is None) == (scope is None):
            raise SanchoError(_NO_READER, "no_reader")
        self._check_address(form, address, token)
        channel = Channel(
            channel_id=f"al_{secrets.token_hex(8)}",
            form=form,
            address=address,
            kinds=tuple(dict.fromkeys(kinds)) or tuple(KINDS),
            secret=new_secret() if form == WEBHOOK else token,
            person_id=person_id,
            scope=scope,
            language=language,
            requested_by=requested_by,
            created_at=self._now(),
        )
        with self._writing() as connection:
            if len(alerts.listed(connection)) >= MOST:
                raise SanchoError(_TOO_MANY.format(n=MOST), "too_many_channels")
            alerts.add(connection, channel)
        return channel

    def _check_address(self, form: str, address: str, token: str | None) -> None:
        if form == MAIL:
            local, _, domain = address.rpartition("@")
            is_plain = address.isascii() and address.isprintable() and not set(address) & set(' ,;<>()"')
            if not (is_plain and local and "@" not in local and "." in domain and len(address) <= 254):
                raise SanchoError(_NO_ADDRESS.format(address=address[:100]), "bad_address")
        elif form == CHATWORK:
            is_room = address.isascii() and address.isdigit() and len(address) <= 20
            if not (is_room and token and token.isascii() and token.isalnum()):
                raise SanchoError(_NO_ROOM, "bad_address")
        else:
            resolved(checked_url(address, self.private), self.private)

    def all(self) -> list[Channel]:
        """All channels, oldest first."""
        with self._engine.connect() as connection:
            return alerts.listed(connection)

    def test(self, channel_id: str) -> str:
        """Queues an alert that says nothing, to see whether it arrives, at any hour; its key."""
        self.find(channel_id)
        now, key = self._now(), f"{TEST} {secrets.token_hex(6)}"
        alert = NewAlert(channel_id=channel_id, key=key, kind=TEST, body={}, due_at=now)
        with self._writing() as connection:
            alerts.queue(connection, [alert], now)
        return key

    def mute(self, who: str, kinds: Sequence[str] = ()) -> None:
        """A person, or a channel, is told nothing more of some kinds (none given: of any)."""
        checked_kinds(kinds)
        with self._writing() as connection:
            alerts.mute(connection, who, list(kinds) or [""], self._now())

    def unmute(self, who: str, kinds: Sequence[str] = ()) -> int:
        """Takes that back, for some kinds or all; how many there were."""
        checked_kinds(kinds)
        with self._writing() as connection:
            return alerts.unmute(connection, who, list(kinds) or None)

    def mutes(self) -> set[tuple[str, str]]:
        """Who does not want to be told which kind (empty: any)."""
        with self._engine.connect() as connection:
            return alerts.mutes(connection)

    def newest(self, count: int, channel_id: str | None = None) -> list[StoredAlert]:
        """The newest alerts, of one channel or of all."""
        with self._engine.connect() as connection:
            return alerts.newest(connection, count, channel_id)

    def counts(self) -> dict[tuple[str, str], int]:
        """How many alerts there are, by channel and state."""
        with self._engine.connect() as connection:
            return alerts.counts(connection)

    # What looking and sending do.

    def look(self, compare: Callable[[dict[Key, Any], Callable[[str], int | None]], Comparison]) -> int:
        """Queues what `compare` finds new; how many alerts that makes.

        `compare` is given what subjects were compared with, and when what waits for a channel is due; it
        returns alerts, with what is compared from now on, and what is gone. One caller at a time, of all
        replicas.
        """
        with self._looking() as connection:
            found, now, gone = compare(
                alerts.marks(connection), lambda channel_id: alerts.first_due(connection, channel_id)
            )
            alerts.set_marks(connection, now, gone)
            return alerts.queue(connection, found, self._now())

    def readdress(self, channel_id: str, address: str) -> None:
        """Sends to another address from now on, if it is one."""
        try:
            self._check_address(MAIL, address, None)
        except SanchoError:
            return
        with self._writing() as connection:
            alerts.readdress(connection, channel_id, address)

    def drop(self, channel_id: str) -> int:
        """What still waits for a channel is not told; how many alerts."""
        now = self._now()
        with self._writing() as connection:
            return alerts.drop(connection, channel_id, now)

    def give_back(self, channel_id: str, lease: str) -> None:
        """Gives that right back."""
        with self._writing() as connection:
            alerts.keep(connection, channel_id, lease, 0)

    def begin(self, channel_id: str, lease: str, seconds: float) -> list[StoredAlert]:
        """The alerts of the next message, noted as being sent; what is muted is left out. Empty: none is due.

        They stay noted so where this process ends while it sends: then nobody knows whether they arrived.
        """
        now = self._now()
        with self._writing() as connection:
            channel = alerts.find(connection, channel_id)
            until = now + int(seconds * 1e6)
            if channel is None or not alerts.keep(connection, channel_id, lease, until):
                return []
            found = alerts.due(connection, channel_id, now)
            muted = alerts.mutes(connection)
            quiet = [one for one in found if _is_muted(channel, one.kind, muted)]
            numbers = [one.number for one in quiet]
            if numbers:
                alerts.note(connection, numbers, alerts.MUTED, now=now, due_at=now, error=None)
            told = [one for one in found if one.number not in set(numbers)]
            if told:
                group = told[0].group_id or f"alert-{secrets.token_hex(12)}"
                alerts.begin(connection, [one.number for one in told], group)
                return alerts_of_group(told, group)
            return []

    def note(self, some: Sequence[StoredAlert], state: str, wait_seconds: float, error: str | None) -> None:
        """Notes what came of a message, and after how many seconds it is to be sent again."""
        now = self._now()
        with self._writing() as connection:
            alerts.note(
                connection,
                [one.number for one in some],
                state,
                now=now,
                due_at=now + int(wait_seconds * 1e6),
                error=error,
            )

    def erase(self, texts: Sequence[str], who: str | None = None) -> int:
        """Forgets what was said with one of some texts (names, addresses) in it, and a person's channels.

        How many rows that changed; what still waits with such a text is not told.
        """
        with self._writing() as connection:
            return alerts.erase(connection, texts, who, self._now())

    def tidy(self) -> int:
        """Removes what was said a while ago, and what ended long ago; how many."""
        now = self._now()
        with self._writing() as connection:
            alerts.blank(connection, now - SAID_DAYS * DAY)
            return alerts.forget(connection, now - KEPT_DAYS * DAY)

    def _unknown(self, receiver_id: str) -> SanchoError:
        return SanchoError(_NO_CHANNEL.format(channel_id=receiver_id), "unknown_channel")


def checked_kinds(kinds: Sequence[str]) -> None:
    """Raises for a kind that there is not."""
    for one in kinds:
        if one not in KINDS:
            raise SanchoError(_NO_KIND.format(kind=one, kinds=", ".join(KINDS)), "unknown_kind")


def alerts_of_group(some: Sequence[StoredAlert], group: str) -> list[StoredAlert]:
    """Alerts as they are once they are being sent in a group."""
    return [
        StoredAlert(**{**vars(one), "group_id": group, "attempts": one.attempts + 1, "state": alerts.SENDING})
        for one in some
    ]


def _is_muted(channel: Channel, kind: str, muted: set[tuple[str, str]]) -> bool:
    if kind == TEST:
        return False
    return any(
        (who, of) in muted
        for who in (channel.channel_id, channel.person_id or "")
        for of in ("", kind)
        if who
    )
