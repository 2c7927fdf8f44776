"""What do weekly reviews, one-on-ones, agreements and calls of the revenue look like?"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.base import AccountName, Answer, Day, DealName, ScopeName

AgreementResult = Literal["open", "done", "not_done"]
Confidence = Literal["high", "medium", "low"]
_Block = Literal["numbers", "moves", "deals", "kpis", "decisions", "facts", "own_words", "next_steps"]
_Text = Annotated[str, Field(max_length=4_000)]


class Move(BaseModel):
    """What changed in a deal within the week: from the first value to the last."""

    deal_id: str
    name: DealName = None
    account_name: AccountName = None
    owner_id: str | None
    owner_name: str | None = Field(description="What the owner is called")
    change: Literal["won", "lost", "stage", "amount", "expected_close_date", "created"]
    at: str = Field(description="When it changed last")
    old_value: str | None
    value: str | None
    note: str | None = Field(description="Of a lost deal, why")
    amount: float | None = Field(description="Of the deal now")
    actor_id: str | None = Field(description="Who changed it last, where that is recorded")
    actor_name: str | None = Field(description="What that person is called")


class QuietDeal(BaseModel):
    """An open deal of which nothing was recorded for at least three weeks."""

    deal_id: str
    name: DealName = None
    account_name: AccountName = None
    owner_id: str | None
    amount: float | None
    stage: str | None
    quiet_days: int


class ChosenAction(BaseModel):
    """A recommended action that was taken (accepted), passed (dismissed, and why) or done."""

    deal_id: str
    name: DealName = None
    account_name: AccountName = None
    action: str
    label: str
    state: Literal["accepted", "dismissed", "done"]
    at: str
    reason: str | None


class AgreementFields(BaseModel):
    """Who does what until when, and what came of it."""

    agreement_id: str
    person_id: str | None
    person_name: str | None = Field(description="What the person is called")
    what: str
    due: str = Field(examples=["2026-12-04"])
    scope: str = Field(description="Of the review; of a one-on-one, the person")
    week: str | None = Field(description="Of the review in which it was agreed", examples=["2026-W48"])
    day: str | None = Field(description="Of the one-on-one in which it was agreed")
    activity: str | None = Field(examples=["visit"])
    activity_label: str | None
    deal_id: str | None
    name: DealName = None
    account_name: AccountName = None
    account_id: str | None
    times: int
    times_found: int | None = Field(
        description="How often the activity was recorded until the due date; null where none is named"
    )
    recommendation_id: str | None
    result: AgreementResult
    result_at: str | None
    result_by: str | None = Field(description="Who said it; null where activities show it")
    is_found: bool = Field(description="Activities show the result; nobody said it")
    is_overdue: bool
    made_at: str
    made_by: str
    version: int = Field(description="To be sent back with a change")


class Agreement(Answer, AgreementFields):
    """An agreement."""


class AgreementList(Answer):
    """The agreements of the people of a scope, the newest first."""

    scope: str
    name: ScopeName = None
    agreements: list[AgreementFields]


class MeetingFields(BaseModel):
    """Notes of a meeting, and what it looks at: the seven days before `as_of`."""

    scope: str
    name: ScopeName = None
    notes: dict[str, str] = Field(description="By block")
    version: int = Field(description="0 where nothing is saved; to be sent back with a change")
    saved_at: str | None
    saved_by: str | None
    period: str
    since: str
    is_past: bool = Field(description="Seen as of the day on which it was saved, not as of now")
    moves: list[Move] = Field(description="Of each kind the 40 of the largest deals")
    counts: dict[str, int] = Field(
        description="How many changes of each kind there were; pushed_back: to a later expected close date"
    )
    chosen: list[ChosenAction] = Field(description="What became of recommended actions in the seven days")
    carried: list[AgreementFields] = Field(
        description="Agreed before: what is open, what ended in the past week, and all of the last meeting"
    )
    agreements: list[AgreementFields] = Field(description="Agreed in this meeting")


class Review(Answer, MeetingFields):
    """A week's review of a scope."""

    week: str = Field(examples=["2026-W48"])
    first: str
    last: str


class OneOnOne(Answer, MeetingFields):
    """A person's one-on-one of a day."""

    person_id: str | None
    day: str
    previous_day: str | None = Field(description="Of the one-on-one before")
    days: list[str] = Field(description="Of all one-on-ones of the person, the newest first")
    quiet: list[QuietDeal]


class NotesRequest(BaseModel):
    """Notes of a meeting, all blocks; saved in the place of the version that was read."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"notes": {"decisions": "A案件は部長が同行する"}, "version": 0}]},
    )

    notes: dict[_Block, _Text]
    version: int = Field(ge=0, description="Of the notes that were read; 0 where there were none")


class AgreementRequest(BaseModel):
    """What somebody does until when; agreed in a week's review of a scope, or in a one-on-one of a day."""

    model_config = ConfigDict(extra="forbid")

    person_id: str = Field(min_length=1, max_length=200)
    what: str = Field(min_length=1, max_length=500, examples=["決裁者に会う"])
    due: Day
    week: str | None = Field(None, max_length=20, examples=["2026-W48", "this-week"])
    scope: str | None = Field(None, max_length=500, description="Of the review. Default: the widest")
    day: Day | None = None
    activity: str | None = Field(
        None, max_length=100, description="A kind of activity that shows that it is done", examples=["visit"]
    )
    deal_id: str | None = Field(None, max_length=200, description="With which deal")
    account_id: str | None = Field(None, max_length=200, description="With which account")
    times: int = Field(1, ge=1, le=1_000, description="How many of them")
    recommendation_id: str | None = Field(
        None, max_length=100, description="The action that is taken: its outcome becomes accepted, then done"
    )


class AgreementChange(BaseModel):
    """What came of an agreement, or other words for it; what is not given stays."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"result": "done", "version": 1}]}
    )

    version: int = Field(ge=1, description="Of the agreement that was read")
    result: AgreementResult | None = None
    what: str | None = Field(None, min_length=1, max_length=500)
    due: Day | None = None


class RevenueCall(BaseModel):
    """A revenue that somebody called, and what was forecast when it was made."""

    call_id: str
    amount: float
    confidence: Confidence
    reason: str | None
    made_at: str
    made_by: str
    made_by_name: str
    p10: float
    p50: float
    p90: float
    probability: float | None = Field(description="Of reaching the target, by the forecast")
    model_version: str
    error: float | None = Field(description="Of the call: called minus won; null until the period is over")
    forecast_error: float | None = Field(description="Of the forecast: p50 minus won")


class RevenueCallList(Answer):
    """The calls for a scope in a period, the oldest first."""

    period: str
    scope: str
    name: ScopeName = None
    is_over: bool
    actual: float | None = Field(description="Won in the period; null until it is over")
    calls: list[RevenueCall]


class CallRequest(BaseModel):
    """A revenue that is called; earlier calls stay."""

    model_config = ConfigDict(extra="forbid")

    amount: float = Field(ge=0, allow_inf_nan=False, examples=[195_000_000])
    confidence: Confidence
    reason: str | None = Field(None, max_length=1_000)
