"""How is a target to be shared out? What the address and the form of 目標の配分 say, as a request of REST."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from pydantic import ValidationError

from crm.errors import SanchoError
from crm.i18n import Text
from models.sharing.ways import CHANCE, WAYS
from service.pages.asked import Asked
from service.schemas import ShareRequest

PATH = "/targets"
STORED, TOTAL, GROWTH, CONFIDENCE = "stored", "total", "growth", "confidence"
BASES = (STORED, TOTAL, GROWTH, CONFIDENCE)  # by what the whole is told
EVENS = 0.5  # the chance of the whole where there is neither a stored target nor one that is told
_FIXED, _TYPED = "fix:", "typed:"  # before a scope: its exact amount in the address; what its field holds
_NO_NUMBER = Text(
    "「{given}」を数値として読めません。1200 や 1,200 のように入力してください。",
    "cannot read {given!r} as a number; write it as 1200 or 1,200.",
)
_OUT_OF_RANGE = Text(
    "入力した値が範囲の外です。金額は0より大きく、前年比は−100%より大きく、達成確率は2〜98%にしてください。",
    "a value is out of range: amounts above 0, growth above −100 %, chances between 2 and 98 %.",
)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """How a target is shared out; `base` names what `amount` is: money, growth or a chance, as shares."""

    way: str = CHANCE
    base: str = STORED
    amount: float | None = None
    round_to: float | None = None
    fixed: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, said: Mapping[str, str]) -> Wanted:
        """What an address says, in exact amounts."""
        base = next((name for name in BASES[1:] if said.get(name)), STORED)
        return cls(
            way=said["way"] if said.get("way") in WAYS else CHANCE,
            base=base,
            amount=None if base == STORED else number(said[base]),
            round_to=number(said["round"]) if said.get("round") else None,
            fixed={
                name.removeprefix(_FIXED): number(value)
                for name, value in said.items()
                if name.startswith(_FIXED) and value.strip()
            },
        )

    @classmethod
    def typed(cls, said: Mapping[str, str]) -> Wanted:
        """What the form says, whose amounts are in the unit of its table (`size`), shares in percent."""
        size = number(said.get("size") or "1") or 1.0
        base = said.get("base", STORED)
        amount = said.get("amount", "").strip()
        if base not in BASES or not amount:
            base = STORED
        return cls(
            way=said["way"] if said.get("way") in WAYS else CHANCE,
            base=base,
            amount=None if base == STORED else _exact(number(amount) * (size if base == TOTAL else 0.01)),
            round_to=number(said["round"]) if said.get("round") else None,
            fixed={
                name.removeprefix(_TYPED): _exact(number(value) * size)
                for name, value in said.items()
                if name.startswith(_TYPED) and value.strip()
            },
        )

    def said(self) -> dict[str, str]:
        """The fields of an address that says the same."""
        said = {} if self.way == CHANCE else {"way": self.way}
        if self.amount is not None:
            said[self.base] = _written(self.amount)
        if self.round_to is not None:
            said["round"] = _written(self.round_to)
        return {**said, **{f"{_FIXED}{scope}": _written(value) for scope, value in self.fixed.items()}}

    def address(self, asked: Asked) -> str:
        """The address of the page that says the same."""
        query = {**asked.kept(), **self.said()}
        return f"{PATH}?{urlencode(query)}" if query else PATH

    def request(
        self, asked: Asked, scope: str, round_to: float, *, kind: str = "", write: bool = False
    ) -> ShareRequest:
        """The question to REST; `round_to`: where nothing is told."""
        body = {
            "period": asked.period,
            "scope": scope,
            "as_of": asked.as_of,
            "way": self.way,
            "round_to": self.round_to or round_to,
            "bounds": [{"scope": one, "value": value} for one, value in self.fixed.items()],
            "kind": kind or None,
            "write": write,
        }
        if self.base != STORED:
            body[self.base] = self.amount
        try:
            return ShareRequest.model_validate(body)
        except ValidationError as fault:
            raise SanchoError(_OUT_OF_RANGE, "bad_request") from fault


def is_typed(said: Mapping[str, str]) -> bool:
    """Whether a query comes from the form, not from a link.

    >>> is_typed({"way": "even"}), is_typed({"way": "even", "base": "stored"})
    (False, True)
    """
    return "base" in said


def typed_name(scope: str) -> str:
    """The name of the field in which a scope's fixed amount is typed."""
    return f"{_TYPED}{scope}"


def number(given: str) -> float:
    """A number as people type it: full-width digits and commas are understood.

    >>> number("１，２００"), number(" 52,000.5 ")
    (1200.0, 52000.5)
    """
    try:
        value = float(unicodedata.normalize("NFKC", given).replace(",", "").strip())
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise SanchoError(_NO_NUMBER.format(given=given[:40]), "bad_request")
    return value


def _exact(value: float) -> float:
    """Without what binary fractions add: 0.1 of a unit is exactly that.

    >>> 0.07 * 100, _exact(0.07 * 100)
    (7.000000000000001, 7.0)
    """
    return round(value, 6)


def _written(value: float) -> str:
    return repr(int(value)) if value == int(value) else repr(value)
