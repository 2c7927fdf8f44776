"""What do a deal in a request and the answers about deals look like?"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model, model_validator
from pydantic_core import PydanticCustomError

from crm.importing.limits import MAX_COLUMNS
from crm.schema import TABLES, Column, Kind, Table
from service.schemas.actions import Action, ActionNotRecommended
from service.schemas.base import (
    MAX_ROWS,
    AccountName,
    Answer,
    DealName,
    GapShare,
    NextCursor,
    ProbabilityIntervals,
    RankedBy,
    ScopeName,
    WrittenDay,
    WrittenTime,
)
from service.schemas.bottlenecks import DealBottleneck

_TYPES: dict[Kind, Any] = {
    Kind.MOMENT: WrittenTime,
    Kind.DATE: WrittenDay,
    Kind.FLAG: bool,
}


def _field(column: Column, required: bool) -> tuple[Any, Any]:
    kind: Any = _TYPES.get(column.kind, str)
    limits: dict[str, Any] = {}
    if column.kind in (Kind.MONEY, Kind.NUMBER):
        kind, limits = float, {"ge": 0, "allow_inf_nan": False}
    elif column.choices:
        kind = Literal[column.choices]
    elif kind is str:
        limits = {"max_length": 10_000} | ({"min_length": 1} if required else {})
    if column.kind is Kind.ID:
        text: Any = Annotated[str, Field(**limits)]
        kind, limits = Annotated[text, BeforeValidator(_id_text, json_schema_input_type=text | int)], {}
    field = Field(... if required else None, title=column.label.both(), **limits)
    return (kind if required else kind | None), field


def _id_text(value: object) -> object:
    """An id that a program sends as a whole number, with all its digits, as the text that it is."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def refuse_many_columns(row: object) -> object:
    """A row as it was sent; raises where it has more columns than a table can have."""
    if isinstance(row, dict) and len(row) > MAX_COLUMNS:
        raise PydanticCustomError(
            "many_columns", "must have at most {most} columns", {"most": MAX_COLUMNS, "found": len(row)}
        )
    return row


def _row(table: Table, name: str, optional: tuple[str, ...] = ()) -> type[BaseModel]:
    """A row of a canonical table; `optional` columns may be left out here, though stored rows need them."""
    fields: dict[str, Any] = {
        column.name: _field(column, column.required and column.name not in optional)
        for column in table.columns
    }
    config = ConfigDict(extra="allow" if table.custom else "forbid", title=name)
    refusing: dict[str, Any] = {}
    if table.custom:
        refusing["columns"] = model_validator(mode="before")(refuse_many_columns)
    model: type[BaseModel] = create_model(name, __config__=config, __validators__=refusing, **fields)
    model.__doc__ = table.label.both()
    return model


if TYPE_CHECKING:  # what is read by name

    class DealRow(BaseModel):
        """A row of deals."""

        deal_id: str
        amount: float | None
        currency: str | None

    EventRow: TypeAlias = BaseModel
    ActivityRow: TypeAlias = BaseModel
    AccountRow: TypeAlias = BaseModel
else:
    DealRow = _row(TABLES["deals"], "Deal")
    EventRow = _row(TABLES["deal_events"], "DealEvent", ("deal_id",))
    ActivityRow = _row(TABLES["activities"], "Activity", ("activity_id",))
    AccountRow = _row(TABLES["accounts"], "Account")

EXAMPLE_REQUEST: dict[str, Any] = {
    "deal": {
        "deal_id": "NEW-1",
        "created_at": "2026-10-05T10:00+09:00",
        "stage": "提案・見積",
        "amount": 2_400_000,
        "expected_close_date": "2026-12-18",
    },
    "events": [
        {"at": "2026-10-20T11:00+09:00", "field": "stage", "value": "提案・見積", "old_value": "初回訪問"},
    ],
    "activities": [{"at": "2026-10-12T14:00+09:00", "kind": "visit", "direction": "out", "effective": True}],
}


class ScoreRequest(BaseModel):
    """One deal with its history as the caller knows it; nothing of it is stored."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE_REQUEST]})

    deal: DealRow
    events: list[EventRow] = Field(default_factory=list, max_length=MAX_ROWS)
    activities: list[ActivityRow] = Field(default_factory=list, max_length=MAX_ROWS)
    account: AccountRow | None = None
    as_of: str | None = Field(
        None, examples=["2026-11-20"], description="Default now; a date means the end of that day"
    )
    period: str | None = Field(None, examples=["2026-Q4"], description="Default: the current quarter")


class CurvePoint(BaseModel):
    """Probabilities by a date; they add up to 1."""

    date: date
    won: float = Field(ge=0, le=1)
    lost: float = Field(ge=0, le=1)
    open: float = Field(ge=0, le=1)


class Factor(BaseModel):
    """Effect of a feature on the probability of a win by the period's end, compared with the reference."""

    feature: str
    label: str
    value: str | None
    contribution: float = Field(description="On the log-odds; with the reference they add up")
    effect_pp: float
    direction: Literal["up", "down"]
    controllable: bool
    compared_with: str


class FeatureValue(BaseModel):
    """A feature and its value."""

    feature: str
    label: str
    value: str | None


class DealReason(BaseModel):
    """A group of related features, and their joint effect compared with the reference."""

    reason: str
    label: str
    contribution: float = Field(description="On the log-odds; all reasons add up to the difference")
    effect_pp: float
    direction: Literal["up", "down"]
    controllable: bool
    compared_with: str
    features: list[FeatureValue] = Field(description="Those that make up most of it, largest first")


class Trend(BaseModel):
    """How the win probability changed since a moment, and the factors of that change."""

    since: str
    change_pp: float
    factors: list[Factor]


class Win(BaseModel):
    """Probability of a win: ever, by the period's end, and by date."""

    probability: float = Field(ge=0, le=1)
    by_period_end: float = Field(ge=0, le=1)
    curve: list[CurvePoint]
    interval: tuple[float, float] = Field(description="80 % interval of `probability`")
    intervals: dict[str, tuple[float, float]] = Field(
        description='Intervals of `probability` by level in percent: "50", "80", "95", each within the next'
    )
    interval_by_period_end: tuple[float, float] | None = Field(
        description="80 % interval of `by_period_end`; null once the period is over"
    )
    grade: Literal["A", "B", "C", "D"]
    trend: Trend | None


FlagCode: TypeAlias = Literal[
    "stalled", "no_contact", "pushed", "past_due", "single_contact", "amount_cut", "new_deal"
]


class Flag(BaseModel):
    """Something about the deal to look at."""

    code: FlagCode
    label: str
    since: str | None


class CloseDate(BaseModel):
    """Quantiles of the day on which it is won, if it is won."""

    p10: date
    p50: date
    p90: date


class OriginalAmount(BaseModel):
    """The amount of a deal in another currency as recorded, and the rate at which it counts."""

    amount: float | None
    currency: str = Field(examples=["USD"])
    rate: float | None = Field(
        description="Of the closing day, or the newest known; null = none, so that it is in no sum",
        examples=[150.0],
    )
    rate_at: str | None = Field(description="Since when the rate holds")


class DealRevenue(BaseModel):
    """Revenue: `expected` within the period, losing included; the quantiles are of the amount if won."""

    expected: float
    p10: float
    p50: float
    p90: float
    intervals: dict[str, tuple[float, float]] = Field(
        description='The shortest intervals of the amount if won by level in percent: "50", "80", "95"'
    )
    currency: str = Field(description="The organisation's")
    original: OriginalAmount | None = Field(
        description="null where the amount is in the organisation's currency"
    )


class DealAttainment(BaseModel):
    """Effect of the deal on the goal; null where no target is known."""

    period: str
    scope: str
    name: ScopeName = None
    probability: float | None
    probability_intervals: ProbabilityIntervals
    if_won_pp: float | None
    if_lost_pp: float | None
    if_won_revenue: float | None = Field(None, description="Revenue of the period more than expected")
    if_lost_revenue: float | None = Field(None, description="The same if lost: at most 0")
    gap_share: GapShare = None
    ranked_by: RankedBy = None


class BlindChance(BaseModel):
    """The win probability without the rep, and without what the rep can enter at will."""

    win_probability: float = Field(ge=0, le=1, description="That it is ever won")
    differs: bool = Field(description="By far more than usual from the win probability")
    text: str | None = Field(description="What to do about it; null where it does not differ")


class Insight(Answer):
    """The insight of one deal."""

    deal_id: str
    name: DealName = None
    account_name: AccountName = None
    win: Win
    blind: BlindChance | None = Field(
        None,
        description="null for a deal that is sent, and where the model has no such variant (trained before)",
    )
    flags: list[Flag]
    close_date: CloseDate | None
    revenue: DealRevenue
    attainment: DealAttainment
    reasons: list[DealReason]
    factors: list[Factor]
    bottlenecks: list[DealBottleneck] = Field(description="Those this deal is in")
    actions: list[Action] = Field(description="Recommended, best first")
    not_recommended: list[ActionNotRecommended]


class TimelineEntry(BaseModel):
    """Something that happened to a deal."""

    at: str
    kind: Literal["created", "changed", "activity", "closed"]
    label: str = Field(description="What it is, for reading: the field, the kind of activity, the outcome")
    field: str | None = Field(description="The column that changed", examples=["stage"])
    value: str | None = Field(
        description="After the change; of an activity its kind; of a closing won or lost"
    )
    old_value: str | None
    value_name: str | None = Field(description="What the person or account is called that `value` names")
    old_value_name: str | None
    note: str | None = Field(description="Subject or outcome of an activity; why a deal was lost")
    actor_id: str | None = Field(description="null = nobody is recorded")
    actor_name: str | None


class TimelineScore(BaseModel):
    """What was said of a deal on a day."""

    day: date
    as_of: str
    period: str
    win_probability: float
    win_by_period_end: float
    expected_revenue: float
    expected_close_date: date | None
    model_version: str


class TimelineOutcome(BaseModel):
    """What was told of a recommendation, by whom is not recorded."""

    at: str
    recommendation_id: str
    action: str
    label: str
    state: Literal["shown", "accepted", "dismissed", "done"]
    reason: str | None = Field(description="Why it was dismissed")


class Timeline(Answer):
    """What happened to a deal, and what was said of it; both newest first."""

    deal_id: str
    name: DealName = None
    account_name: AccountName = None
    closed_at: str | None = Field(None, description="null = it is open")
    outcome: Literal["won", "lost"] | None = None
    entries: list[TimelineEntry]
    next_cursor: NextCursor = None
    entries_left_off: int = Field(description="How many older ones `limit` left off")
    scores: list[TimelineScore] = Field(
        description="Of each day that is stored (`sancho jobs schedule scoring --every 1d`)"
    )
    outcomes: list[TimelineOutcome] = Field(
        description="What was told of the recommendations of the past 14 days, newest first"
    )
