"""What does every answer carry?"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from crm.instants import is_within_years

MAX_ROWS = 20_000  # entries of a list in a request


def _within_years(day: date) -> date:
    if not is_within_years(day):
        raise PydanticCustomError("far_date", "must be a date of 1900 to 2199")
    return day


def _written_time(value: object) -> object:
    """A time as it was sent; raises for a number, which would be read as seconds since 1970."""
    if isinstance(value, bool | int | float) or (isinstance(value, str) and value.strip().isdigit()):
        raise PydanticCustomError("datetime_parsing", "must be a time like 2026-11-20T09:00+09:00")
    return value


def _written_day(value: object) -> object:
    """The same for a date."""
    if isinstance(value, bool | int | float) or (isinstance(value, str) and value.strip().isdigit()):
        raise PydanticCustomError("date_parsing", "must be a date like 2026-11-20")
    return value


# Times and dates of requests: 20261120 means a day of 2026 and none of 1970.
WrittenTime = Annotated[datetime, BeforeValidator(_written_time)]
WrittenDay = Annotated[date, BeforeValidator(_written_day)]
Day = Annotated[WrittenDay, AfterValidator(_within_years)]  # far ones would mean "none"

Revenue = Annotated[float | None, Field(description="Expected revenue it adds within the period")]
GapShare = Annotated[
    float | None,
    Field(
        description="Share of what is missing to the target that `revenue` closes; null where nothing is "
        "missing, or no target is known"
    ),
]
RankedBy = Annotated[
    Literal["attainment", "revenue"] | None,
    Field(
        description="By what effects are ranked: points of attainment while its probability is between 2 and "
        "98 %, else revenue"
    ),
]

ProbabilityIntervals = Annotated[
    dict[str, tuple[float, float]] | None,
    Field(
        description="Intervals of the true probability of reaching the target by level in percent: "
        '"50", "80", "95", each within the next; null without a target'
    ),
]


ScopeName = Annotated[
    str | None,
    Field(
        description="What the scope is called; null where no name is recorded", examples=["法人営業事業部"]
    ),
]
DealName = Annotated[str | None, Field(description="What the deal is called; null where no name is recorded")]
AccountName = Annotated[
    str | None, Field(description="What its account is called; null where no name is recorded")
]


NextCursor = Annotated[
    str | None,
    Field(description="Send it as `cursor` to get the next page; null = this is the last one"),
]


class ModelInfo(BaseModel):
    """The model of an answer."""

    name: str = Field(examples=["sancho"])
    version: str = Field(examples=["3"])
    trained_at: str = Field(examples=["2026-11-20T03:00:00+09:00"])


class AnswerWarning(BaseModel):
    """Something to know about an answer."""

    code: str = Field(examples=["no_target"])
    message: str = Field(examples=["No revenue target is known for the company in 2026-Q4."])


class Answer(BaseModel):
    """What every answer carries."""

    as_of: str = Field(examples=["2026-11-20T23:59:59+09:00"])
    data_as_of: str | None = Field(
        None,
        description="The newest record the answer knows; data end there",
        examples=["2026-11-20T18:04:00+09:00"],
    )
    model: ModelInfo
    warnings: list[AnswerWarning]
