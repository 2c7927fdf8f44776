"""What does a fair comparison of people look like?"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.base import Answer


class AboveExpected(BaseModel):
    """Difference from what an average seller would have brought, shrunk for chance; p10 to p90 is 80 %."""

    p10: float
    p50: float
    p90: float


class SellingResults(BaseModel):
    """Results compared with what an average seller would have brought with the same deals."""

    scope: str
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
    """From one checkpoint to the next, of deals closed in the past year."""

    model_config = ConfigDict(populate_by_name=True)

    start: str = Field(alias="from")
    to: str
    deals: int
    conversion: float
    top_quartile_conversion: float | None = Field(description="Of peers of the same selling style")
    days: float | None
    top_quartile_days: float | None


class PersonResults(SellingResults):
    """A person's results, and the conversion of the person's deals from checkpoint to checkpoint."""

    style: str | None
    stages: list[StageTransition]
    coaching_focus: str | None = Field(
        description="Transition with the largest gap to the top quartile of peers"
    )


class PeopleList(Answer):
    """Fair comparison of the people and teams of a scope."""

    period: str
    scope: str
    people: list[PersonResults]
    teams: list[SellingResults]
