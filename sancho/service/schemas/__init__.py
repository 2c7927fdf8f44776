"""What do requests and answers look like? Shapes for checking what comes in and documenting what goes out."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from sancho.crm.schema import TABLES, Column, Kind, Table
from sancho.service.schemas.base import Answer as Answer
from sancho.service.schemas.base import ModelInfo as ModelInfo
from sancho.service.schemas.base import Warned as Warned
from sancho.service.schemas.steps import Action as Action
from sancho.service.schemas.steps import ActionList as ActionList
from sancho.service.schemas.steps import BottleneckList as BottleneckList
from sancho.service.schemas.steps import DealBottleneck as DealBottleneck
from sancho.service.schemas.steps import LiftReport as LiftReport
from sancho.service.schemas.steps import OutcomeKept as OutcomeKept
from sancho.service.schemas.steps import OutcomeRequest as OutcomeRequest
from sancho.service.schemas.steps import RefusedAction as RefusedAction

_TYPES: dict[Kind, Any] = {
    Kind.MOMENT: datetime,
    Kind.DATE: date,
    Kind.FLAG: bool,
}
_MOST_ROWS = 20_000


def _field(column: Column, required: bool) -> tuple[Any, Any]:
    kind: Any = _TYPES.get(column.kind, str)
    limits: dict[str, Any] = {}
    if column.kind in (Kind.MONEY, Kind.NUMBER):
        kind, limits = float, {"ge": 0, "allow_inf_nan": False}
    elif column.choices:
        kind = Literal[column.choices]
    elif kind is str:
        limits = {"max_length": 10_000} | ({"min_length": 1} if required else {})
    field = Field(... if required else None, title=column.label.both(), **limits)
    return (kind if required else kind | None), field


def _row(table: Table, name: str, optional: tuple[str, ...] = ()) -> type[BaseModel]:
    """A row of a canonical table; `optional` columns may be left out here though stored rows need them."""
    fields: dict[str, Any] = {
        column.name: _field(column, column.required and column.name not in optional)
        for column in table.columns
    }
    config = ConfigDict(extra="allow" if table.custom else "forbid", title=name)
    made: type[BaseModel] = create_model(name, __config__=config, **fields)
    made.__doc__ = table.label.both()
    return made


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
    """One deal as its sender knows it; nothing of it is stored."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE_REQUEST]})

    deal: DealRow  # type: ignore[valid-type]
    events: list[EventRow] = Field(default_factory=list, max_length=_MOST_ROWS)  # type: ignore[valid-type]
    activities: list[ActivityRow] = Field(default_factory=list, max_length=_MOST_ROWS)  # type: ignore[valid-type]
    account: AccountRow | None = None  # type: ignore[valid-type]
    as_of: str | None = Field(None, examples=["2026-11-20"], description="Default now; a date means its end")
    period: str | None = Field(None, examples=["2026-Q4"], description="Default the current quarter")


class Push(BaseModel):
    """An open deal that closes so many days later."""

    model_config = ConfigDict(extra="forbid")

    deal_id: str = Field(min_length=1)
    days: float = Field(ge=0, le=3660)


class Price(BaseModel):
    """An open deal and its new amount."""

    model_config = ConfigDict(extra="forbid")

    deal_id: str = Field(min_length=1)
    amount: float = Field(ge=0, allow_inf_nan=False)


class NewTarget(BaseModel):
    """A revenue target in place of the known one."""

    model_config = ConfigDict(extra="forbid")

    scope: str = Field(examples=["company"])
    value: float = Field(ge=0, allow_inf_nan=False)


class Newcomer(BaseModel):
    """A seller who joins; sells new business like the average one of the team."""

    model_config = ConfigDict(extra="forbid")

    team: str | None = Field(None, description="team_id; null = of no team", examples=["T01"])
    start: date | None = Field(None, description="First day, default today")


class NewLevel(BaseModel):
    """A KPI or lever at so many times its level, for a scope."""

    model_config = ConfigDict(extra="forbid")

    kpi: str = Field(
        description="leads, appointments, proposals or win_rate, or a lever of the tree", examples=["leads"]
    )
    times: float = Field(gt=0, le=10, examples=[1.2])
    scope: str = Field("company", max_length=500)


class WhatIfRequest(BaseModel):
    """What is supposed of a period."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"targets": [{"scope": "company", "value": 200_000_000}]}]},
    )

    scope: str = Field("company", examples=["company", "team:T01"])
    as_of: str | None = Field(None, examples=["2026-11-20"])
    won: list[str] = Field(default_factory=list, max_length=_MOST_ROWS)
    lost: list[str] = Field(default_factory=list, max_length=_MOST_ROWS)
    pushed: list[Push] = Field(default_factory=list, max_length=_MOST_ROWS)
    repriced: list[Price] = Field(default_factory=list, max_length=_MOST_ROWS)
    leaving: list[str] = Field(default_factory=list, max_length=_MOST_ROWS, description="person_ids")
    joining: list[Newcomer] = Field(default_factory=list, max_length=50)
    levels: list[NewLevel] = Field(default_factory=list, max_length=20)
    targets: list[NewTarget] = Field(default_factory=list, max_length=_MOST_ROWS)


class CurvePoint(BaseModel):
    """Chances by a date; they add up to 1."""

    date: date
    won: float = Field(ge=0, le=1)
    lost: float = Field(ge=0, le=1)
    open: float = Field(ge=0, le=1)


class Factor(BaseModel):
    """What a feature does to the chance of being won by the period's end, against the named reference."""

    feature: str
    label: str
    value: str | None
    contribution: float = Field(description="On the log-odds; with the reference they add up")
    effect_pp: float
    direction: Literal["up", "down"]
    controllable: bool
    compared_with: str


class Told(BaseModel):
    """A feature that tells a reason."""

    feature: str
    label: str
    value: str | None


class DealReason(BaseModel):
    """A reason, made of related features: what they do together against the named reference."""

    reason: str
    label: str
    contribution: float = Field(description="On the log-odds; all reasons add up to the difference")
    effect_pp: float
    direction: Literal["up", "down"]
    controllable: bool
    compared_with: str
    features: list[Told] = Field(description="Those that make up most of it, largest first")


class Trend(BaseModel):
    """How the win probability changed, and what of the deal changed it."""

    since: str
    change_pp: float
    because: list[Factor]


class Win(BaseModel):
    """Chance of being won: ever, by the period's end, and by date."""

    probability: float = Field(ge=0, le=1)
    by_period_end: float = Field(ge=0, le=1)
    curve: list[CurvePoint]
    interval: tuple[float, float] = Field(description="80 % interval of `probability`")
    grade: Literal["A", "B", "C", "D"]
    trend: Trend | None


class Flag(BaseModel):
    """Something about the deal to look at."""

    code: Literal["stalled", "no_contact", "pushed", "past_due", "single_contact", "amount_cut", "new_deal"]
    label: str
    since: str | None


class CloseDate(BaseModel):
    """When it will be won, if it is."""

    p10: date
    p50: date
    p90: date


class Revenue(BaseModel):
    """What it will bring: `expected` counts the chance of losing; the quantiles are of the amount if won."""

    expected: float
    p10: float
    p50: float
    p90: float
    currency: str


class DealAttainment(BaseModel):
    """What the deal does to the goal; null where no target is known."""

    period: str
    scope: str
    probability: float | None
    if_won_pp: float | None
    if_lost_pp: float | None


class Insight(Answer):
    """Everything about one deal."""

    deal_id: str
    win: Win
    flags: list[Flag]
    close_date: CloseDate | None
    revenue: Revenue
    attainment: DealAttainment
    reasons: list[DealReason]
    factors: list[Factor]
    bottlenecks: list[DealBottleneck] = Field(description="Those this deal is in")
    actions: list[Action] = Field(description="Recommended, best first")
    not_recommended: list[RefusedAction]


class Spread(BaseModel):
    """A distribution of revenue."""

    mean: float
    p05: float
    p10: float
    p25: float
    p50: float
    p75: float
    p90: float
    p95: float


class Component(BaseModel):
    """A part of the forecast revenue."""

    name: Literal["closed", "open_pipeline", "new_business"]
    mean: float
    p10: float
    p90: float


class PacePoint(BaseModel):
    """Revenue since the period began, by a date; `closed` is null for dates to come."""

    date: date
    closed: float | None
    p10: float
    p50: float
    p90: float


class ForecastDeal(BaseModel):
    """An open deal and what it does to the goal: P(attain | won) - P(attain | lost)."""

    deal_id: str
    by_period_end: float
    amount: float
    swing_pp: float | None


class Child(BaseModel):
    """A scope directly below; draws of all children add up to their parent's."""

    scope: str
    target: float | None
    probability: float | None
    revenue: Spread


class Baselines(BaseModel):
    """What plain rules would say."""

    stage_weighted: float | None
    run_rate: float | None
    last_year: float | None


class ChangedDeal(BaseModel):
    """A deal, and by how much it changed the revenue to expect."""

    deal_id: str
    revenue: float


class ChangePart(BaseModel):
    """One thing that changed the outlook, the ones before it already done."""

    code: Literal["won", "lost", "slipped", "advanced", "amount", "new_deals", "new_business", "target"]
    label: str
    effect_pp: float = Field(
        description="Points of the probability of attainment; parts add up to the change"
    )
    revenue: float = Field(description="Expected revenue; parts add up to the change")
    deals: list[ChangedDeal] = Field(description="Those that made most of it")


class Change(BaseModel):
    """What made the outlook change since a week ago, then and now in the same scenarios."""

    model_config = ConfigDict(populate_by_name=True)

    since: str
    before: float = Field(alias="from", ge=0, le=1)
    to: float = Field(ge=0, le=1)
    because: list[ChangePart]


class PastOutlook(BaseModel):
    """What was foreseen on a day of the period."""

    as_of: str
    probability: float | None
    target: float | None
    mean: float
    p10: float
    p50: float
    p90: float
    model_version: str
    computed_later: bool = Field(description="as of that day, by a model that was made after it")


class Driver(BaseModel):
    """A lever, from where it stands to where a step takes it."""

    model_config = ConfigDict(populate_by_name=True)

    lever: str = Field(examples=["leads"])
    label: str
    unit: str
    before: float = Field(alias="from")
    to: float
    attainment_pp: float = Field(description="Points of the probability of attainment")


class Forecast(Answer):
    """Attainment of the revenue target; `gap` is the target minus the mean forecast."""

    period: str = Field(examples=["2026-Q4"])
    scope: str = Field(examples=["company"])
    target: float | None
    closed: float
    probability: float | None = Field(ge=0, le=1, description="of attainment; null where no target is known")
    revenue: Spread
    components: list[Component]
    gap: float | None
    pace: list[PacePoint]
    history: list[PastOutlook]
    drivers: list[Driver] = Field(
        description="What a feasible step of each lever adds, up to the better quartile of peers"
    )
    deals: list[ForecastDeal]
    children: list[Child]
    baselines: Baselines
    change: Change | None = Field(description="null without a target, or where there was no week before")


class Outlook(BaseModel):
    """Target, probability of reaching it, revenue."""

    target: float | None
    probability: float | None
    revenue: Spread


class WhatIfSide(BaseModel):
    """A scope before and after."""

    scope: str
    before: Outlook
    after: Outlook
    effect_pp: float | None
    revenue_change: float


class WhatIf(Answer):
    """A forecast before and after something was supposed, in the same scenarios."""

    period: str
    scope: str
    before: Outlook
    after: Outlook
    effect_pp: float | None
    revenue_change: float
    assumptions: list[str]
    children: list[WhatIfSide]


class KpiForecast(BaseModel):
    """A KPI's value at the period's end."""

    p10: float
    p50: float
    p90: float


class KpiValue(BaseModel):
    """A KPI in an earlier period."""

    period: str
    value: float | None


class Finding(BaseModel):
    """Whether a criterion is met, why, and what would be better."""

    ok: bool
    why: str
    better: str | None = None


class Kpi(BaseModel):
    """A KPI of a scope and period; `value` is null where it has never been recorded."""

    kpi: str = Field(examples=["visits"])
    label: str
    meaning: str
    unit: str
    style: list[str] = Field(description="Selling styles it is for", examples=[["field", "route"]])
    value: float | None = Field(description="So far")
    target: float | None
    probability: float | None = Field(ge=0, le=1, description="of reaching the target by the period's end")
    forecast: KpiForecast | None
    required_per_business_day: float | None = Field(description="To reach the target; of counts and amounts")
    trend: list[KpiValue] = Field(description="Eight periods before this one, oldest first, as known now")
    controllable: bool = Field(description="In a seller's own hands")
    smart: dict[str, Finding] | None = Field(description="Of its target; null without one")


class KpiList(Answer):
    """The KPIs of a scope and period."""

    period: str
    scope: str
    business_days_left: float
    kpis: list[Kpi]


class ProposedKpi(BaseModel):
    """A KPI as somebody proposes it; what is left out counts as not said."""

    model_config = ConfigDict(extra="forbid")

    kpi: str = Field(max_length=100, examples=["visits"])
    scope: str = Field("company", max_length=500, examples=["person:P-1"])
    value: float | None = Field(None, allow_inf_nan=False, examples=[120])
    unit: str | None = Field(None, max_length=50)
    segment: dict[str, str] = Field(default_factory=dict, description="column: value")
    period: str | None = Field(None, max_length=50, examples=["2026-Q4"])
    reviewed: date | None = Field(None, description="Day of the last review")


class CheckRequest(BaseModel):
    """KPIs to be checked."""

    model_config = ConfigDict(extra="forbid")

    proposals: list[ProposedKpi] = Field(min_length=1, max_length=200)
    as_of: str | None = Field(None, max_length=50)


class CheckedKpi(BaseModel):
    """A proposed KPI and the findings of the five criteria."""

    kpi: str
    label: str
    scope: str
    value: float | None
    period: str | None
    probability: float | None
    smart: dict[str, Finding]


class CheckedPerson(BaseModel):
    """Findings about all proposed KPIs of a person."""

    scope: str
    findings: dict[str, Finding]


class KpiCheck(Answer):
    """Findings in plain words, with what would be better for each that fails."""

    proposals: list[CheckedKpi]
    people: list[CheckedPerson]


class Branch(Driver):
    """A driver of the goal, and the KPIs it shows in."""

    ksf: bool = Field(description="One of the strongest controllable drivers: a key success factor")
    kpis: list[dict[str, Any]]


class Goal(Outlook):
    """The KGI."""

    kpi: str


class Tree(Answer):
    """KGI -> KSF -> KPI of a scope and period, with numbers; the strongest branch first."""

    period: str
    scope: str
    goal: Goal
    branches: list[Branch]


class AboveExpectation(BaseModel):
    """Above what an average seller would have brought, luck taken out: 80 % between p10 and p90."""

    p10: float
    p50: float
    p90: float


class StandingRow(BaseModel):
    """Results beside what the deals handed over would have brought an average seller."""

    scope: str
    deals: int = Field(description="Closed in the period")
    wins: int
    expected_wins: float
    wins_above: AboveExpectation
    revenue: float
    expected_revenue: float
    revenue_above: AboveExpectation
    verdict: Literal["above", "below", "luck"]
    told: str


class StageLeg(BaseModel):
    """From one checkpoint to the next, in the past year."""

    model_config = ConfigDict(populate_by_name=True)

    start: str = Field(alias="from")
    to: str
    deals: int
    conversion: float
    top_quartile: float | None = Field(description="Of peers of the same selling style")
    days: float | None
    top_quartile_days: float | None


class PersonStanding(StandingRow):
    """A person, and the way of the person's deals from checkpoint to checkpoint."""

    style: str | None
    stages: list[StageLeg]
    help: str | None = Field(description="Where most is lost against the better quartile of peers")


class PeopleList(Answer):
    """Fair comparison of the people and teams of a scope."""

    period: str
    scope: str
    people: list[PersonStanding]
    teams: list[StandingRow]


class PlanRequest(BaseModel):
    """What is asked for; `levers` empty = all of them."""

    model_config = ConfigDict(extra="forbid")

    period: str = Field(max_length=50, examples=["2026-Q4"])
    probability: float = Field(gt=0, lt=1, examples=[0.8])
    scope: str = Field("company", max_length=500)
    as_of: str | None = Field(None, max_length=50)
    levers: list[str] = Field(
        default_factory=list, max_length=20, examples=[["leads", "win_rate"]],
        description="leads, appointment_rate, proposals, win_rate, amount, cycle_time",
    )  # fmt: skip
    target: float | None = Field(None, ge=0, allow_inf_nan=False, description="Default the one on record")


class PlannedLever(BaseModel):
    """How far a lever is to go."""

    model_config = ConfigDict(populate_by_name=True)

    lever: str
    label: str
    unit: str
    before: float = Field(alias="from")
    to: float
    share_of_step: float = Field(ge=0, le=1, description="Of the way to the better quartile of peers")
    alone_pp: float = Field(description="What all of the way of this lever alone would add")


class PlannedWork(BaseModel):
    """A person's number for the rest of the period."""

    kpi: str
    label: str
    unit: str
    usual_per_week: float = Field(description="As things are going")
    per_week: float
    per_day: float
    by_period_end: float


class PersonPlan(BaseModel):
    """What a person does by the plan."""

    scope: str
    kpis: list[PlannedWork]


class Plan(Answer):
    """The smallest change that attains as wanted; where it cannot be had, the most there is."""

    period: str
    scope: str
    target: float
    wanted: float
    before: float
    attainable: bool
    probability: float = Field(description="With the plan")
    most: float = Field(description="With all chosen levers all the way")
    levers: list[PlannedLever]
    people: list[PersonPlan]


class DealScore(BaseModel):
    """One row of `sancho score`."""

    deal_id: str
    as_of: str
    period: str
    win_probability: float
    win_by_period_end: float
    expected_revenue: float
    revenue_p10: float
    revenue_p50: float
    revenue_p90: float
    expected_close_date: date | None
    model_version: str


class DealList(Answer):
    """Scored open deals, a page of them."""

    deals: list[DealScore]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last")


class ModelVersion(BaseModel):
    """A registered model version."""

    name: str
    version: str
    trained_at: str | None
    aliases: list[str] = Field(examples=[["champion"]])
    figures: dict[str, float] = Field(description="On later deals, from its training")
    gate: str | None = Field(description="What the gate said when it was judged")


class KeptPromises(BaseModel):
    """Wins the model expected and wins that came since it was made: of all deals, or of a segment."""

    segment: dict[str, str] | None
    deals: int
    rows: int
    expected: float = Field(description="By the model, corrected by how far it missed in training")
    came: float
    shift: float = Field(
        description="In the log-odds of winning since; of a segment, against all other deals"
    )
    interval: list[float] = Field(description="95 % interval of the shift")
    p_value: float
    alarm: bool


class FeatureDrift(BaseModel):
    """How far a feature moved since the model was made."""

    feature: str
    label: str
    index: float = Field(description="Population stability index; 0 = alike")
    weight: float = Field(description="Share of all contributions to scores")
    p_value: float
    alarm: bool


class ScoreDrift(BaseModel):
    """How far win probabilities moved since the model was made."""

    index: float = Field(description="Population stability index; 0 = alike")
    p_value: float
    alarm: bool


class Watched(BaseModel):
    """What became of the model in service, and whether to train anew."""

    as_of: str = Field(description="Up to when was looked; at most a quarter of an hour ago")
    retrain: bool
    reasons: list[str]
    since: str
    closed_since: int
    closed_learned: int
    horizon_days: float | None
    quality: dict[str, float | None] | None
    promises: list[KeptPromises]
    drift: list[FeatureDrift]
    score_drift: ScoreDrift | None


class ModelList(Answer):
    """The registry."""

    models: list[ModelVersion]
    watch: Watched


class ImportFault(BaseModel):
    """A row that could not be used, and why."""

    line: int | None
    column: str
    value: str
    reason: str


class TableResult(BaseModel):
    """What became of pushed rows."""

    table: str
    read: int
    imported: int
    unchanged: int
    quarantined: int
    errors: list[ImportFault]
    as_of: str
    model: ModelInfo | None
    warnings: list[Warned]
