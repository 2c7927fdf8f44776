"""What do the levels of a goal, targets shared out, and the evenness of past targets look like?"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.base import Answer, Day, ScopeName

Probability = Annotated[
    float | None, Field(ge=0, le=1, description="Of reaching it; strictly between 0 and 1, null without one")
]
Growth = Annotated[
    float | None,
    Field(description="On the same period a year before, 0.1 = 10 % more; null where that is not known"),
]
Way = Literal["chance", "even", "history", "pipeline"]


class GoalLevel(BaseModel):
    """An amount that the goal reaches with a probability."""

    level: Literal["safe", "likely", "bold"]
    label: str
    confidence: float = Field(description="With which the amount is reached")
    value: float
    growth: Growth = None


class LastYear(BaseModel):
    """What the same period a year before brought."""

    period: str
    value: float


class AskedGoal(BaseModel):
    """A goal that was asked about."""

    value: float
    growth: Growth = None
    probability: Probability


class TargetDifference(BaseModel):
    """A target, and what the targets below it add up to; nothing is mended."""

    scope: str
    name: ScopeName = None
    period: str
    by: Literal["scopes", "periods"] = Field(description="Whether the parts are scopes or periods")
    whole: float
    total: float = Field(description="The sum of the parts")
    difference: float = Field(description="The sum minus the whole")
    parts: list[str] = Field(description="The periods that were added; of scopes, none are named")
    message: str


class GoalLevels(Answer):
    """What a goal of a scope and period can be, before anybody decides."""

    period: str
    scope: str
    name: ScopeName = None
    kpi: str = Field(description="An amount of won deals", examples=["revenue", "new_revenue"])
    label: str
    where: dict[str, list[str]] = Field(description="The conditions that deals of it meet")
    closed: float = Field(description="Won so far")
    target: float | None = Field(description="The stored one; null without one, and with further conditions")
    probability: Probability
    levels: list[GoalLevel] = Field(description="The safest first")
    last_year: LastYear | None
    asked: AskedGoal | None = None
    assumptions: list[str] = Field(description="What the levels take for granted")
    differences: list[TargetDifference] = Field(description="Stored targets that do not add up")


class Bound(BaseModel):
    """Bounds of the target of a team or person; a fixed one has a `value`."""

    model_config = ConfigDict(extra="forbid")

    scope: str = Field(max_length=500, examples=["person:P-1"])
    value: float | None = Field(None, ge=0, allow_inf_nan=False, description="Exactly this", examples=[2e7])
    at_least: float | None = Field(None, ge=0, allow_inf_nan=False)
    at_most: float | None = Field(None, ge=0, allow_inf_nan=False)


class AwayDays(BaseModel):
    """Days on which a person is away, besides the absences that are stored; a last day has no `to`."""

    model_config = ConfigDict(extra="forbid")

    person_id: str = Field(max_length=500, examples=["P-1"])
    first: Day = Field(alias="from")
    last: Day | None = Field(None, alias="to")


class ShareRequest(BaseModel):
    """How a target is shared out. One of `total`, `growth`, `confidence`; else the stored target."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"period": "next-quarter", "growth": 0.1, "round_to": 100_000},
                {
                    "period": "2027-Q1",
                    "scope": "team:T01",
                    "total": 120_000_000,
                    "bounds": [{"scope": "person:P-1", "value": 20_000_000}],
                },
            ]
        },
    )

    period: str = Field(max_length=50, examples=["2027-Q1", "next-quarter"])
    scope: str = Field("company", max_length=500, description="Default: the widest that the caller may see")
    as_of: str | None = Field(None, max_length=50)
    total: float | None = Field(None, gt=0, allow_inf_nan=False, description="The target of the scope")
    growth: float | None = Field(None, gt=-1, le=100, description="On the same period a year before")
    confidence: float | None = Field(
        None, gt=0.01, lt=0.99, description="What the scope reaches with this probability"
    )
    way: Way = Field(
        "chance",
        description="chance: everybody has the same chance; or in the usual ways: even, by last year's "
        "revenue (history), by the weighted pipeline",
    )
    level: Literal["person", "team"] = Field(
        "person", description="Down to people, with teams as their sums; or to what is right below the scope"
    )
    bounds: list[Bound] = Field(default_factory=list, max_length=1_000)
    away: list[AwayDays] = Field(default_factory=list, max_length=1_000)
    round_to: float | None = Field(None, gt=0, le=1e12, description="Targets are multiples of it")
    over_assignment: float = Field(
        1.0, ge=1, le=2, description="The last level's targets add up to so many times the whole"
    )
    kind: Literal["committed", "stretch", "budget"] | None = Field(
        None, description="Kind of target that is written"
    )
    write: bool = Field(False, description="Store the targets; needs the right to write")


class OtherWay(BaseModel):
    """A target as another way would set it."""

    way: Way
    value: float
    probability: Probability


class SharedTarget(BaseModel):
    """The target of a team or person."""

    scope: str
    name: ScopeName = None
    value: float
    probability: Probability
    stored: float | None = Field(description="The target that is stored before")
    expected: float = Field(description="Median of the forecast revenue")
    is_bound: bool = Field(description="Fixed, or at a bound")
    away: float | None = Field(None, description="Share of the working days left that a person is away")
    is_new: bool | None = Field(None, description="Whether a person is in the first year")
    ways: list[OtherWay] = Field(description="Beside it, every way")


class LeftOut(BaseModel):
    """A person who gets no target, and why."""

    scope: str
    name: ScopeName = None
    expected: float = Field(description="Mean revenue that is forecast")
    reason: str


class WayOfSharing(BaseModel):
    """How uneven chances are under a way of sharing, over those at the last level."""

    way: Way
    label: str
    is_chosen: bool
    lowest: Probability
    median: Probability
    highest: Probability
    spread_pp: float | None = Field(description="The highest minus the lowest chance, in points")


class WrittenTargets(BaseModel):
    """What was stored."""

    imported: int
    unchanged: int
    quarantined: int


class SharedTargets(Answer):
    """A target, shared out to the scopes below."""

    period: str
    scope: str
    name: ScopeName = None
    total: float
    growth: Growth = None
    probability: Probability
    way: Way
    over_assignment: float
    targets: list[SharedTarget] = Field(description="Teams, each before its people")
    left_out: list[LeftOut]
    ways: list[WayOfSharing]
    assumptions: list[str]
    differences: list[TargetDifference] = Field(
        description="Targets that do not add up, were these stored: with the months of a quarter, a year"
    )
    written: WrittenTargets | None = None


class PersonUnder(BaseModel):
    """A person under the target of a past quarter."""

    scope: str
    name: ScopeName = None
    target: float
    probability: Probability = Field(description="On the first day")
    reached: bool | None = Field(description="null while the quarter lasts")


class QuarterEvenness(BaseModel):
    """How uneven chances were on the first day of a quarter, over people with a target."""

    period: str
    as_of: str
    people: int
    lowest: Probability
    median: Probability
    highest: Probability
    spread_pp: float | None = Field(description="The highest minus the lowest chance, in points")
    reached: float | None = Field(description="Share of them who reached their targets")
    from_stored: bool = Field(description="Whether the chances were stored then, and not computed now")
    targets: list[PersonUnder]


class TargetEvenness(Answer):
    """How uneven chances were under the targets that were set."""

    period: str
    scope: str
    name: ScopeName = None
    quarters: list[QuarterEvenness] = Field(description="The newest first")
