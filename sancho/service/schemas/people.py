"""What does a fair comparison of people look like?"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from sancho.service.schemas.base import Answer


class AboveExpected(BaseModel):
    """Above what an average seller would have brought, luck taken out: 80 % between p10 and p90."""

    p10: float
    p50: float
    p90: float


class SellingResults(BaseModel):
    """Results beside what the deals handed over would have brought an average seller."""

    scope: str
    deals: int = Field(description="Closed in the period")
    wins: int
    expected_wins: float
    wins_above: AboveExpected
    revenue: float
    expected_revenue: float
    revenue_above: AboveExpected
    verdict: Literal["above", "below", "luck"]
    told: str


class StageTransition(BaseModel):
    """From one checkpoint to the next, in the past year."""

    model_config = ConfigDict(populate_by_name=True)

    start: str = Field(alias="from")
    to: str
    deals: int
    conversion: float
    top_quartile: float | None = Field(description="Of peers of the same selling style")
    days: float | None
    top_quartile_days: float | None


class PersonResults(SellingResults):
    """A person, and the way of the person's deals from checkpoint to checkpoint."""

    style: str | None
    stages: list[StageTransition]
    help: str | None = Field(description="Where most is lost against the better quartile of peers")


class PeopleList(Answer):
    """Fair comparison of the people and teams of a scope."""

    period: str
    scope: str
    people: list[PersonResults]
    teams: list[SellingResults]
