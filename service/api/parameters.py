"""Which query parameters do most endpoints share?"""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, Query

AsOf = Annotated[
    str | None,
    Query(
        description="Moment of prediction, default now; a date means the end of that day",
        examples=["2026-11-20"],
    ),
]
PeriodName = Annotated[
    str | None,
    Query(
        description="A period, or this-quarter, next-quarter, this-month, this-year by the organisation's "
        "calendar as of the moment. Default: the current quarter",
        examples=["2026-Q4", "FY2026-H2", "2026-11", "this-quarter"],
    ),
]
Scope = Annotated[
    str | None,
    Query(
        description="company, team:ID or person:ID. Default: the widest that the caller may see; what they "
        "may not see is unknown (404)",
        examples=["company"],
    ),
]
Cursor = Annotated[
    str | None,
    Query(
        description="`next_cursor` of the page before: the page begins after its last row, whatever rows "
        "have come or gone meanwhile. Leave all other parameters as they were",
    ),
]
Limit = Annotated[int, Query(ge=1, le=1000, description="Rows of a page")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="A word of your own for this request, a UUID for example: sent again with the same one, "
        "it makes nothing more and gets the answer about what was made",
    ),
]
