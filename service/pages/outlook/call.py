"""The manager's own call (宣言) on the page 見通し: what was called, beside ours, and how both ended."""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from crm.errors import SanchoError
from crm.i18n import Language, Text
from pictures.measure import Measure
from service.pages.outlook.words import WORDS
from service.pages.values import headline_measure, short_day

Answer = Mapping[str, Any]
_SHOWN = 3  # of the newest calls
CONFIDENCES = ("high", "medium", "low")


def call_view(calls: Answer, unit: Measure, currency: str, lang: Language, can_call: bool) -> dict[str, Any]:
    """The values of the part of the page that is about calls."""

    def money(value: float, signed: bool = False) -> Text:
        written = headline_measure(value, currency, lang).text(value, lang, signed=signed)
        return Text(written, written)

    rows = []
    for one in reversed(calls["calls"][-_SHOWN:]):
        day = short_day(datetime.fromisoformat(one["made_at"]).date(), lang)
        said = WORDS["call_said"].format(
            amount=money(one["amount"]),
            confidence=WORDS[f"confidence_{one['confidence']}"],
            who=one["made_by_name"],
            day=day,
            ours=money(one["p50"]),
        )
        ended = None
        if calls["actual"] is not None:
            ended = WORDS["call_ended"].format(
                actual=money(calls["actual"]),
                error=money(one["error"], signed=True),
                ours=money(one["forecast_error"], signed=True),
            )
        rows.append(
            {
                "exact": repr(one["amount"]),
                "said": said.to(lang),
                "ended": None if ended is None else ended.to(lang),
                "reason": one["reason"],
            }
        )
    return {
        "calls": rows,
        "can_call": can_call and not calls["is_over"],
        "call_key": secrets.token_hex(12),
        "call_unit": unit.unit.to(lang),
        "call_size": repr(unit.size),
        "confidences": [
            {"name": name, "words": WORDS[f"confidence_{name}"].to(lang)} for name in CONFIDENCES
        ],
    }


def amount_of(typed: str, size: str) -> float:
    """The amount that is typed in, in units of a size.

    >>> amount_of("１,９５０", "1e4"), amount_of("1.95", "1e8")
    (19500000.0, 195000000.0)
    """
    try:
        return float(unicodedata.normalize("NFKC", typed).replace(",", "").strip()) * float(size)
    except ValueError:
        raise SanchoError(_NO_AMOUNT.format(typed=typed[:40]), "bad_request") from None


_NO_AMOUNT = Text(
    "金額「{typed}」を読めません。1.95 や 1,950 のように数字で書いてください。",
    "cannot read the amount {typed!r}; write a number such as 1.95 or 1,950.",
)
