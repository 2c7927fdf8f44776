"""Who may see which deal on a card? A short-lived token says so: one deal, one person, ten minutes.

A page of another system cannot hold a session of this service. Its server asks for a token instead (POST
/v1/card-tokens), and the card sends it in a header. It is signed with a key that only the home has, is stored
nowhere and cannot be used for anything else.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import orjson

from crm.errors import SanchoError
from crm.i18n import Text

SECONDS = 600  # for which a token counts
EXPIRED = "card_expired"
_KEY, _KEY_BYTES = "card.key", 32
_LONGEST = 2_000  # characters of a token; ids are short
_ENDED = Text(
    "このカードの表示期限が切れました。ページを開き直してください。",
    "this card's time is over; open the page again.",
)


class CardOf(NamedTuple):
    """Whose card of which deal."""

    deal_id: str
    person_id: str


class CardTokens:
    """The tokens of one home."""

    def __init__(self, home: Path) -> None:
        self._path = home / _KEY

    def issue(self, card: CardOf, seconds: int = SECONDS) -> tuple[str, int]:
        """A token, and the second (UTC) at which it ends."""
        ends = int(time.time()) + min(seconds, SECONDS)
        said = _text(orjson.dumps([card.deal_id, card.person_id, ends]))
        return f"{said}.{_text(self._mac(said))}", ends

    def check(self, token: str) -> CardOf:
        """Whose card a token shows; SanchoError where it is over, or none of ours."""
        said, _, mac = token[:_LONGEST].partition(".")
        if not hmac.compare_digest(mac.encode("utf-8", "replace"), _text(self._mac(said)).encode()):
            raise SanchoError(_ENDED, EXPIRED)
        deal_id, person_id, ends = orjson.loads(_bytes(said))
        if time.time() >= ends:
            raise SanchoError(_ENDED, EXPIRED)
        return CardOf(deal_id, person_id)

    def _mac(self, said: str) -> bytes:
        return hmac.new(
            self._key(), b"sancho card " + said.encode("utf-8", "replace"), hashlib.sha256
        ).digest()

    def _key(self) -> bytes:
        """The home's key, made where there is none yet; whoever is first makes it for all."""
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            passing = self._path.with_name(f".{_KEY}.{secrets.token_hex(8)}")
            opened = os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(opened, "wb") as file:
                file.write(secrets.token_bytes(_KEY_BYTES))
            with suppress(FileExistsError):  # another process was first
                os.link(passing, self._path)
            passing.unlink()
            return self._path.read_bytes()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
