"""What does the address of the page ヨミ表 ask for besides period and scope? Order, groups, rows, week."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Depends, Query

from service.yomi.past_ranks import LAST_WEEK, WEEK

ROWS = 20  # of a page
Sort = Literal["swing", "revenue", "difference", "amount", "chance", "due"]
Group = Literal["none", "owner", "month", "rank"]
Show = Literal["open", "marked", "won", "all"]


@dataclass(frozen=True, kw_only=True)
class AskedSheet:
    """Which rows, in which order, from which one on; and the week of the answer check."""

    sort: Sort = "swing"
    group: Group = "none"
    show: Show = "open"
    start: int = 0
    week: int = WEEK
    rows: int = ROWS

    def query(self, **other: str | int) -> dict[str, str]:
        """The part of the query that says so, but for what is told; what is usual is left out."""
        said = {**vars(self), **other}
        return {name: str(value) for name, value in said.items() if value != getattr(AskedSheet, name)}


async def asked_sheet(
    *,
    sort: Sort = "swing",
    group: Group = "none",
    show: Show = "open",
    start: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    week: Annotated[int, Query(ge=1, le=LAST_WEEK)] = WEEK,
) -> AskedSheet:
    """What the address of the page asks for."""
    return AskedSheet(sort=sort, group=group, show=show, start=start - start % ROWS, week=week)


AskedSheetDep = Annotated[AskedSheet, Depends(asked_sheet)]
