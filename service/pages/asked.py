"""What does the address of a page ask about? Period, scope, moment and unit: the same words on every page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Query

USUAL_PERIOD = "this-quarter"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the address asks about; what it does not say is None."""

    period: str = USUAL_PERIOD
    scope: str | None = None
    as_of: str | None = None
    unit: str | None = None

    @property
    def named_period(self) -> str | None:
        """The period where another than the usual one is asked for."""
        return None if self.period == USUAL_PERIOD else self.period

    def kept(self) -> dict[str, str]:
        """The part of the query that a link to another page keeps."""
        said = {"period": self.named_period, "scope": self.scope, "as_of": self.as_of, "unit": self.unit}
        return {name: value for name, value in said.items() if value}

    def address(self, path: str, **other: str | None) -> str:
        """The address of a page about the same, but for what is told; None leaves a part out.

        >>> Asked(scope="team:T1", as_of="2026-11-19").address("/kpis", as_of=None)
        '/kpis?scope=team%3AT1'
        """
        query = {name: value for name, value in {**self.kept(), **other}.items() if value}
        return f"{path}?{urlencode(query)}" if query else path

    def about(self, **changed: str | None) -> Asked:
        """The same, but for what is told."""
        return replace(self, **changed)  # type: ignore[arg-type]


async def asked(
    *,
    period: Annotated[str, Query(max_length=50)] = USUAL_PERIOD,
    scope: Annotated[str | None, Query(max_length=200)] = None,
    as_of: Annotated[str | None, Query(max_length=50)] = None,
    unit: Annotated[str | None, Query(max_length=10)] = None,
) -> Asked:
    """What the address of a page asks about; an empty field of the form says nothing."""
    return Asked(period=period or USUAL_PERIOD, scope=scope or None, as_of=as_of or None, unit=unit or None)


AskedDep = Annotated[Asked, Depends(asked)]
