"""Which types of event are there, and what does a call look like and prove?

As the Standard Webhooks specification has it (https://www.standardwebhooks.com): headers `webhook-id`,
`webhook-timestamp` (seconds) and `webhook-signature`, "v1," with the base64 of an HMAC-SHA256 of
"id.timestamp.body" by the secret, which is the base64 after "whsec_".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Any

import orjson

from crm.i18n import Text
from crm.store.webhooks import NewEvent

SCORE_CHANGED, ATTAINMENT_CROSSED = "deal.score_changed", "attainment.crossed"
BOTTLENECK_FOUND, MODEL_PROMOTED, DATA_STALE = "bottleneck.found", "model.promoted", "data.stale"
PING = "ping"  # sent when somebody asks whether an address answers
TYPES: Mapping[str, Text] = {
    SCORE_CHANGED: Text("商談の受注確率が5ポイント以上変化", "a deal's chance moved by 5 points or more"),
    ATTAINMENT_CROSSED: Text(
        "目標の達成確率が25%・50%・75%をまたいだ", "a target's probability crossed 25, 50 or 75 %"
    ),
    BOTTLENECK_FOUND: Text("新しいボトルネックを検出", "a new bottleneck was found"),
    MODEL_PROMOTED: Text("モデルの切り替え", "another model answers"),
    DATA_STALE: Text("データの更新が止まっている", "no new record for long"),
}
_SECRET = "whsec_"  # noqa: S105 - how the secret begins


def new_secret() -> str:
    """A secret of 256 random bits."""
    return _SECRET + base64.b64encode(secrets.token_bytes(32)).decode()


def new_event(kind: str, subject: str, happened_at: str, data: Mapping[str, Any]) -> NewEvent:
    """An event as it is sent: its type, when it happened (ISO 8601), and what is to be known of it."""
    body = orjson.dumps({"type": kind, "timestamp": happened_at, "data": data}).decode()
    return NewEvent(event_id=f"evt_{secrets.token_hex(12)}", type=kind, subject=subject, body=body)


def signature(secret: str, event_id: str, timestamp: int, body: str) -> str:
    """What proves that a call comes from who knows the secret.

    >>> secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    >>> signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}')
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    """
    key = base64.b64decode(secret.removeprefix(_SECRET))
    signed = f"{event_id}.{timestamp}.{body}".encode()
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
