"""Which plan does the address ask for? The smallest for a chance, or what a combination of levers gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from crm.errors import SanchoError
from crm.i18n import Text
from models.levers import LEVERS
from service.pages.kpi_plan.words import WORDS

_USUAL = 80.0  # percent


@dataclass(frozen=True)
class AskedPlan:
    """The chance in percent, and by lever how many percent of the way; no levers: the smallest plan."""

    percent: float = _USUAL
    shares: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, query: Mapping[str, str]) -> AskedPlan:
        """What the fields of the form say.

        Slider and number field are both sent; the one that was moved away from what stood there counts.

        >>> AskedPlan.of({"p": "70", "p_typed": "80", "p_was": "80"}).percent
        70.0
        >>> AskedPlan.of({"p": "80", "p_typed": "62.5", "p_was": "80"}).percent
        62.5
        """
        slider, typed, was = (query.get(name, "") for name in ("p", "p_typed", "p_was"))
        given = typed if typed and typed != was else slider or typed
        percent = _number(given, 1, 99, WORDS["bad_chance"]) if given else _USUAL
        shares = {}
        if query.get("by") == "levers":
            for lever in LEVERS:
                if text := query.get(f"share_{lever.id}"):
                    shares[lever.id] = _number(text, 0, 100, WORDS["bad_share"])
        return cls(percent, shares)

    @property
    def probability(self) -> float:
        """The chance that is asked for, 0 to 1."""
        return self.percent / 100

    def fields(self) -> dict[str, str]:
        """The address of the same plan."""
        levers = {f"share_{name}": f"{share:g}" for name, share in self.shares.items()}
        return {"p": f"{self.percent:g}", **({"by": "levers", **levers} if levers else {})}


def _number(given: str, least: float, most: float, wrong: Text) -> float:
    try:
        value = float(given)
    except ValueError:
        value = float("nan")
    if not least <= value <= most:
        raise SanchoError(wrong.format(given=given), "bad_request")
    return value
