"""How does the address, or the form, say that a target is shared out? The total, the way, what is fixed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from crm.errors import SanchoError
from service.pages.targets.words import WORDS
from service.schemas import ShareRequest
from service.schemas.targets import Bound

WAYS = ("chance", "even", "history", "pipeline")
KINDS = ("committed", "stretch", "budget")
ROUND_TO = (1_000.0, 10_000.0, 100_000.0, 1_000_000.0)
_FIX = "fix."  # before the scope whose target is fixed, in the name of a field


@dataclass(frozen=True)
class AskedShare:
    """What is typed in; `fixed` by scope."""

    total: float | None = None
    way: str = WAYS[0]
    round_to: float | None = None
    fixed: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, fields: Mapping[str, str]) -> AskedShare:
        """What the fields say; an empty one says nothing.

        >>> AskedShare.of({"total": "500,000", "way": "even", "fix.person:P1": "20000", "fix.person:P2": ""})
        AskedShare(total=500000.0, way='even', round_to=None, fixed={'person:P1': 20000.0})
        """
        way = fields.get("way", "")
        fixed = {
            name.removeprefix(_FIX): _amount(given)
            for name, given in fields.items()
            if name.startswith(_FIX) and given.strip()
        }
        total, step = fields.get("total", "").strip(), fields.get("round_to", "").strip()
        return cls(
            total=_amount(total) if total else None,
            way=way if way in WAYS else WAYS[0],
            round_to=(_amount(step) or None) if step else None,
            fixed=fixed,
        )

    def request(
        self, period: str, scope: str, as_of: str | None, *, write: bool = False, kind: str = ""
    ) -> ShareRequest:
        """The same as REST is asked it."""
        return ShareRequest.model_validate(
            {
                "period": period,
                "scope": scope,
                "as_of": as_of,
                "total": self.total or None,
                "way": self.way,
                "round_to": self.round_to,
                "bounds": [Bound(scope=one, value=value) for one, value in self.fixed.items()],
                "write": write,
                "kind": kind if kind in KINDS else None,
            }
        )

    def fields(self) -> dict[str, str]:
        """The fields of an address that say the same."""
        said = {"total": _typed(self.total), "way": "" if self.way == WAYS[0] else self.way}
        said["round_to"] = _typed(self.round_to)
        said |= {f"{_FIX}{scope}": _typed(value) for scope, value in self.fixed.items()}
        return {name: value for name, value in said.items() if value}


def field_of(scope: str) -> str:
    """The name of the field in which a scope's target is fixed."""
    return f"{_FIX}{scope}"


def _typed(value: float | None) -> str:
    """An amount as it stands in a field."""
    return "" if value is None else f"{value:.0f}" if value == round(value) else repr(value)


def _amount(given: str) -> float:
    try:
        value = float(given.replace(",", ""))
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1e15:
        raise SanchoError(WORDS["bad_number"].format(given=given), "bad_request")
    return value
