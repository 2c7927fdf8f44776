"""Was this asked before? What is made under a caller's own key has an id that follows from the key.

A program that got no answer sends its request again with the same `Idempotency-Key`, and gets what the first
one made, on whichever replica: nothing is remembered but what was made.
"""

from __future__ import annotations

from hashlib import blake2b

from crm.errors import SanchoError
from crm.i18n import Text

REUSED = "idempotency_key_reused"
_REUSED = Text(
    "この Idempotency-Key は、別の内容の要求にすでに使われています。要求ごとに新しい値を送ってください。",
    "Idempotency-Key: it was sent with another request already; send a new one with each request.",
)


def named_id(key: str | None, caller: str, what: str) -> str | None:
    """The id of what a caller makes under a key; None without a key.

    >>> named_id("k", "crm", "import") == named_id("k", "crm", "import") != named_id("k", "erp", "import")
    True
    """
    if key is None:
        return None
    return blake2b("\0".join((what, caller, key)).encode(), digest_size=16).hexdigest()


def refuse_reuse(is_same: bool) -> None:
    """Raises where a key was sent with another request before."""
    if not is_same:
        raise SanchoError(_REUSED, REUSED)
