"""What does the comparison of people look like?"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.base import Answer, ScopeName


class AboveExpected(BaseModel):
    """Difference from an average rep on the same deals, shrunk for chance; p10 to p90 is the 80 % range."""

    p10: float
    p50: float
    p90: float


class SellingResults(BaseModel):
    """Results compared with those of an average rep on the same deals."""

    scope: str
    name: ScopeName = None
    deals: int = Field(description="Closed in the period")
    wins: int
    expected_wins: float
    wins_above_expected: AboveExpected
    revenue: float
    expected_revenue: float
    revenue_above_expected: AboveExpected
    verdict: Literal["above", "below", "within_chance"]
    message: str = Field(description="The verdict as a sentence")


class StageTransition(BaseModel):
    """From one stage to the next, of deals closed in the past year."""

    model_config = ConfigDict(populate_by_name=True)

    start: str = Field(alias="from")
    to: str
    deals: int
    conversion: float
    top_quartile_conversion: float | None = Field(description="Of peers of the same selling style")
    days: float | None
    top_quartile_days: float | None


class PersonResults(SellingResults):
    """Results of a person, and the stage conversion of the person's deals."""

    style: str | None
    stages: list[StageTransition]
    coaching_focus: str | None = Field(
        description="Stage transition with the largest gap to the top quartile of peers"
    )


class PeopleList(Answer):
    """The people and teams of a scope, compared on equal deals."""

    period: str
    scope: str
    name: ScopeName = None
    people: list[PersonResults]
    teams: list[SellingResults]
