"""Does a webhook's call come from the service? Checked by its signature, as Standard Webhooks has it.

https://www.standardwebhooks.com; Python's own library alone.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

_OLDEST_SECONDS = 300  # after which, or before which, a call is not believed


class NotOursError(Exception):
    """A call that the service has not made, or not now."""


def read_event(
    headers: Mapping[str, str], body: bytes, secret: str, now: float | None = None
) -> dict[str, Any]:
    """The event of a call, with its `id`; raises NotOursError for a call that the secret does not prove.

    An event may come twice with the same `id`. `secret` is that of `add_webhook` (whsec_...); `body` is what
    came, byte for byte.
    """
    given = {name.lower(): value for name, value in headers.items()}
    event_id, at = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if not at.isdigit() or abs((time.time() if now is None else now) - int(at)) > _OLDEST_SECONDS:
        raise NotOursError("webhook-timestamp: it is missing, or minutes away from now")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    proof = hmac.new(key, f"{event_id}.{at}.".encode() + body, hashlib.sha256).digest()
    expected = f"v1,{base64.b64encode(proof).decode()}"
    signatures = given.get("webhook-signature", "").split()
    if not any(hmac.compare_digest(expected.encode(), one.encode()) for one in signatures):
        raise NotOursError("webhook-signature: the secret does not prove it")
    return {**json.loads(body), "id": event_id}
