"""What do questions about KPIs that rise without what should follow look like?"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from service.schemas.base import Answer, ScopeName


class EmptyRow(BaseModel):
    """A row that was not followed by what should follow."""

    at: str
    deal_id: str | None
    activity_id: str | None = Field(description="null where the row is a deal, or a change of one")


class PaddingQuestion(BaseModel):
    """A KPI of a person that rose while what should follow did not: something to ask about, not a verdict."""

    scope: str = Field(examples=["person:P-1"])
    name: ScopeName = None
    kind: Literal["calls", "visits", "new_deals", "stage_moves", "due_deals"]
    label: str
    kpis: list[str] = Field(description="KPIs that such rows raise")
    rows: int = Field(description="Of the kind, in the period")
    usual_rows: float = Field(description="To expect by the person's own past and by peers of the same style")
    settled: int = Field(description="Rows old enough to tell whether they were followed")
    followed: int = Field(description="Of these, followed by what should follow")
    usual_followed: float = Field(description="Of these, to expect")
    one_in: int = Field(
        ge=1,
        description="As few followed, or fewer, in one of so many honest cases; at most 1,000,000",
    )
    question: str
    to_look_at: list[EmptyRow] = Field(description="Rows that were not followed, the newest first; up to 50")
    more: int = Field(description="Such rows beyond those")


class PaddingAnswer(Answer):
    """What to ask whom, the least usual first."""

    period: str
    scope: str
    name: ScopeName = None
    false_alarms: float = Field(
        description="Chance of even one question where nobody in the company pads, over all people and kinds"
    )
    compared: int = Field(description="KPIs of people of the company that have risen, and so were compared")
    questions: list[PaddingQuestion]
