"""What do requests to the service and its answers hold? A type for each schema of its OpenAPI.

Made by `python docs/generate.py`: change the schemas in `service/schemas/`, not this file.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict


class AboveExpected(TypedDict):
    """Difference from an average rep on the same deals, shrunk for chance; p10 to p90 is the 80 % range."""

    p10: float
    p50: float
    p90: float


class AcceptRequest(TypedDict):
    """The KPIs of a set, as proposed or one's own, and why it was changed."""

    kpis: list[ChosenKpi]
    reason: NotRequired[str | None]


class AcceptedSetKpi(TypedDict):
    """A KPI of an accepted set, with what was foreseen when it was accepted."""

    kpi: str
    label: str
    unit: str
    value: float
    expected: float | None
    so_far: float | None
    probability: float | None
    attainment_pp: float | None
    revenue: float | None
    # Share of what is missing to the target that `revenue` closes; null where nothing is missing, or
    # no target is known
    gap_share: float | None


class AccountFields(TypedDict):
    """取引先 / Accounts"""

    # 取引先ID / Account ID
    account_id: str | int
    # 取引先名 / Name
    name: NotRequired[str | None]
    # 業種 / Industry
    industry: NotRequired[str | None]
    # 従業員数 / Employees
    employees: NotRequired[float | None]
    # 地域 / Region
    region: NotRequired[str | None]
    # 作成日時 / Created
    created_at: NotRequired[str | None]


# Further columns are a company's own attributes.
Account: TypeAlias = AccountFields | dict[str, Any]


class Action(TypedDict):
    """A next action and its expected effect; 80 % interval."""

    # null for a deal that is not stored
    recommendation_id: str | None
    action: str
    label: str
    # Points of win probability, compared with the usual course
    uplift_pp: float
    # 80 % interval of uplift_pp
    interval: list[float]
    # Points of the goal's probability; null without a target
    attainment_pp: float | None
    # Expected revenue it adds within the period
    revenue: NotRequired[float | None]
    # Share of what is missing to the target that `revenue` closes; null where nothing is missing, or
    # no target is known
    gap_share: NotRequired[float | None]
    # The same as `revenue`
    expected_revenue: float
    effort_minutes: float
    reliability: Literal["high", "medium", "low"]
    # Risk ratio by which an unrecorded reason must go with both action and win to explain it
    e_value: float
    evidence: ActionEvidence
    similar_deals: NotRequired[list[SimilarDeal]]
    valid_until: str


class ActionCounts(TypedDict):
    """Outcomes of an action's recommendations."""

    action: str
    label: NotRequired[str | None]
    recommended: int
    shown: int
    accepted: int
    dismissed: int
    # Reported, or seen in the activities while it was valid
    done: int
    # Why it was dismissed, how often
    reasons: dict[str, int]


class ActionEvidence(TypedDict):
    """Past deals with the action, compared with similar deals with ordinary contacts only (calls.

    Emails). A call is compared with emails, an email with calls.
    """

    deals_with: int
    deals_without: int
    win_rate_with: float
    # Of similar deals: weighted to resemble the deals with the action
    win_rate_without: float
    adjusted_for: str
    # Share of the deals of top-quartile reps that had the action
    top_sellers_share: float | None
    # The same of all other reps
    other_sellers_share: float | None


class ActionList(TypedDict):
    """Next actions, ranked by their effect on the goal per hour of effort (`ranked_by`)."""

    as_of: str
    # The newest record the answer knows; data end there
    data_as_of: NotRequired[str | None]
    model: ModelInfo
    warnings: list[AnswerWarning]
    period: str
    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    open_deals: int
    # Deals of the holdout group: no recommendations, so that their effect can be measured
    held_out_deals: int
    # By what effects are ranked: points of attainment while its probability is between 2 and 98 %,
    # else revenue
    ranked_by: NotRequired[Literal["attainment", "revenue"] | None]
    actions: list[DealAction]
    # Send it as `cursor` to get the next page; null = this is the last one
    next_cursor: NotRequired[str | None]
    # Of one deal
    not_recommended: list[ActionNotRecommended]


class ActionNotRecommended(TypedDict):
    """An action that is not recommended, and why."""

    action: str
    label: str
    code: Literal["done", "no_comparison", "no_benefit", "confounded"]
    message: str


class Activity(TypedDict):
    """活動 / Activities"""

    # 活動ID / Activity ID
    activity_id: NotRequired[str | int | None]
    # 日時 / At
    at: str
    # 種別 / Kind
    kind: str
    # 商談ID / Deal ID
    deal_id: NotRequired[str | int | None]
    # リードID / Lead ID
    lead_id: NotRequired[str | int | None]
    # 取引先ID / Account ID
    account_id: NotRequired[str | int | None]
    # 実施者ID / Actor ID
    actor_id: NotRequired[str | int | None]
    # 方向 / Direction
    direction: NotRequired[Literal["out", "in"] | None]
    # 結果 / Outcome
    outcome: NotRequired[str | None]
    # 有効商談 / Effective
    effective: NotRequired[bool | None]
    # 時間（分） / Minutes
    minutes: NotRequired[float | None]
    # 資料 / Material
    material: NotRequired[str | None]
    # 件名 / Subject
    subject: NotRequired[str | None]


class Agreement(TypedDict):
    """An agreement."""

    agreement_id: str
    person_id: str | None
    # What the person is called
    person_name: str | None
    what: str
    due: str
    # Of the review; of a one-on-one, the person
    scope: str
    # Of the review in which it was agreed
    week: str | None
    # Of the one-on-one in which it was agreed
    day: str | None
    activity: str | None
    activity_label: str | None
    deal_id: str | None
    # What the deal is called; null where no name is recorded
    name: NotRequired[str | None]
    # What its account is called; null where no name is recorded
    account_name: NotRequired[str | None]
    account_id: str | None
    times: int
    # How often the activity was recorded until the due date; null where none is named
    times_found: int | None
    recommendation_id: str | None
    result: Literal["open", "done", "not_done"]
    result_at: str | None
    # Who said it; null where activities show it
    result_by: str | None
    # Activities show the result; nobody said it
    is_found: bool
    is_overdue: bool
    made_at: str
    made_by: str
    # To be sent back with a change
    version: int
    as_of: str
    # The newest record the answer knows; data end there
    data_as_of: NotRequired[str | None]
    model: ModelInfo
    warnings: list[AnswerWarning]


class AgreementChange(TypedDict):
    """What came of an agreement, or other words for it; what is not given stays."""

    # Of the agreement that was read
    version: int
    result: NotRequired[Literal["open", "done", "not_done"] | None]
    what: NotRequired[str | None]
    due: NotRequired[str | None]


class AgreementFields(TypedDict):
    """Who does what until when, and what came of it."""

    agreement_id: str
    person_id: str | None
    # What the person is called
    person_name: str | None
    what: str
    due: str
    # Of the review; of a one-on-one, the person
    scope: str
    # Of the review in which it was agreed
    week: str | None
    # Of the one-on-one in which it was agreed
    day: str | None
    activity: str | None
    activity_label: str | None
    deal_id: str | None
    # What the deal is called; null where no name is recorded
    name: NotRequired[str | None]
    # What its account is called; null where no name is recorded
    account_name: NotRequired[str | None]
    account_id: str | None
    times: int
    # How often the activity was recorded until the due date; null where none is named
    times_found: int | None
    recommendation_id: str | None
    result: Literal["open", "done", "not_done"]
    result_at: str | None
    # Who said it; null where activities show it
    result_by: str | None
    # Activities show the result; nobody said it
    is_found: bool
    is_overdue: bool
    made_at: str
    made_by: str
    # To be sent back with a change
    version: int


class AgreementList(TypedDict):
    """The agreements of the people of a scope, the newest first."""

    as_of: str
    # The newest record the answer knows; data end there
    data_as_of: NotRequired[str | None]
    model: ModelInfo
    warnings: list[AnswerWarning]
    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    agreements: list[AgreementFields]


class AgreementRequest(TypedDict):
    """What somebody does until when; agreed in a week's review of a scope, or in a one-on-one of a day."""

    person_id: str
    what: str
    due: str
    week: NotRequired[str | None]
    # Of the review. Default: the widest
    scope: NotRequired[str | None]
    day: NotRequired[str | None]
    # A kind of activity that shows that it is done
    activity: NotRequired[str | None]
    # With which deal
    deal_id: NotRequired[str | None]
    # With which account
    account_id: NotRequired[str | None]
    # How many of them
    times: NotRequired[int]
    # The action that is taken: its outcome becomes accepted, then done
    recommendation_id: NotRequired[str | None]


class AlertKind(TypedDict):
    """A kind of alert, and what it says."""

    kind: str
    label: str


class Alive(TypedDict):
    """The process answers."""

    status: str


class AnswerCheck(TypedDict):
    """What past ranks were worth: deals due in their quarter, by the rank in one week of it."""

    # Of the quarter, at whose end the ranks are read
    week: int
    # Deals from which a share is told
    fewest: int
    # The newest first
    quarters: list[CheckedQuarter]
    ranks: list[CheckedRank]
    # Of the reps who are in the scope now and had such deals
    by_rep: list[CheckedRep]


class AnswerDifferences(TypedDict):
    """Shadow minus shown, as probabilities."""

    mean: float | None
    mean_size: float | None
    p10: float | None
    p50: float | None
    p90: float | None
    # Share of the answers that differ by more than five points
    beyond_5pp: float | None


class AnswerWarning(TypedDict):
    """Something to know about an answer."""

    code: str
    message: str


class AskedGoal(TypedDict):
    """A goal that was asked about."""

    value: float
    # On the same period a year before, 0.1 = 10 % more; null where that is not known
    growth: NotRequired[float | None]
    # Of reaching it; strictly between 0 and 1, null without one
    probability: float | None


class AuditEntry(TypedDict):
    """One change, or one read of other people's figures. Never an amount, a name of a person or a secret."""

    audit_id: str
    at: str
    # Name of the key, id of the person, or cli: and the system's user
    caller: str
    # Who it was, where a person had signed in
    person_id: str | None
    role: str | None
    operation: str
    # Whose figures were read: a scope, or `deal`; null for a change
    scope: str | None
    # The one person whom it was about
    about: str | None
    # Ids by what they name, at most 100 of each kind; `kind+` counts those left out
    touched: dict[str, list[str]]
    result: Literal["done", "refused", "failed"]
    # HTTP status; null for what no call did
    status: int | None
    request_id: str | None
    # Where the call came from
    address: str | None


class AuditList(TypedDict):
    """The audit, newest first."""

    entries: list[AuditEntry]
    next_cursor: str | None
    as_of: str
    model: ModelInfo | None
    warnings: list[AnswerWarning]


# Days on which a person is away, besides the absences that are stored; a last day has no `to`.
AwayDays = TypedDict(
    "AwayDays",
    {
        "person_id": "str",
        "from": "str",
        "to": "NotRequired[str | None]",
    },
)


class Baselines(TypedDict):
    """What simple rules forecast."""

    stage_weighted: float | None
    run_rate: float | None
    last_year: float | None


class BlindChance(TypedDict):
    """The win probability without the rep, and without what the rep can enter at will."""

    # That it is ever won
    win_probability: float
    # By far more than usual from the win probability
    differs: bool
    # What to do about it; null where it does not differ
    text: str | None


class Bottleneck(TypedDict):
    """A bottleneck with what it costs a scope now."""

    id: str
    kind: Literal["interval", "activity_gap", "conversion"]
    # column: value; `size` is small, medium or large
    segment: dict[str, str]
    condition: BottleneckCondition
    label: str
    # Past deals with the condition in the segment
    deals: int
    # Of kind conversion: the conversion
    win_rate_with: float
    win_rate_without: float | None
    # Adjusted difference in that rate, measured on deals not used to find it, less what luck adds to
    # whatever is found
    effect_pp: float
    # 90 % interval of effect_pp
    interval: list[float]
    # Smallest false discovery rate at which it is still reported
    q_value: float
    suggested_action: str
    # Open deals in it
    open_deals: int
    # Open deals that will be in it if nothing is done
    approaching_deals: int
    # Expected revenue that its open deals lose
    revenue_at_stake: float
    # Points of the probability of reaching the target without it; null without a target
    attainment_pp: float | None
    # Expected revenue it adds within the period
    revenue: NotRequired[float | None]
    # Share of what is missing to the target that `revenue` closes; null where nothing is missing, or
    # no target is known
    gap_share: NotRequired[float | None]


# `feature` `op` `value`, on the way from one stage to the next (null: to being won).
# Days_in_stage and days_without_contact count from entering the stage; `conversion` is the
# conversion expected from the segment's other stages; all others are features of the catalogue.
BottleneckCondition = TypedDict(
    "BottleneckCondition",
    {
        "feature": "str",
        "op": "Literal['>', '=', '<']",
        "value": "float",
        "from": "str",
        "to": "str | None",
    },
)


class BottleneckList(TypedDict):
    """Bottlenecks, the costliest first, and the funnel of the scope."""

    as_of: str
    # The newest record the answer knows; data end there
    data_as_of: NotRequired[str | None]
    model: ModelInfo
    warnings: list[AnswerWarning]
    period: str
    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    # By what effects are ranked: points of attainment while its probability is between 2 and 98 %,
    # else revenue
    ranked_by: NotRequired[Literal["attainment", "revenue"] | None]
    bottlenecks: list[Bottleneck]
    # Send it as `cursor` to get the next page; null = this is the last one
    next_cursor: NotRequired[str | None]
    # How many conditions in segments the training compared; null of models trained before it was kept
    looked_for: NotRequired[int | None]
    # The share of false ones among the bottlenecks found that the search keeps to, at most
    false_share: float
    funnel: list[FunnelStage]


class Bound(TypedDict):
    """Bounds of the target of a team or person; a fixed one has a `value`."""

    scope: str
    # Exactly this
    value: NotRequired[float | None]
    at_least: NotRequired[float | None]
    at_most: NotRequired[float | None]


# A driver of the goal, and the KPIs that measure it.
Branch = TypedDict(
    "Branch",
    {
        "lever": "str",
        "label": "str",
        "unit": "str",
        "from": "float",
        "to": "float",
        # Points of the probability of reaching the target
        "attainment_pp": "float",
        # Expected revenue it adds within the period
        "revenue": "NotRequired[float | None]",
        # Share of what is missing to the target that `revenue` closes; null where nothing is missing, or
        # no target is known
        "gap_share": "NotRequired[float | None]",
        # One of the strongest controllable drivers: a key success factor
        "ksf": "bool",
        "kpis": "list[dict[str, Any]]",
    },
)


class CallRequest(TypedDict):
    """A revenue that is called; earlier calls stay."""

    amount: float
    confidence: Literal["high", "medium", "low"]
    reason: NotRequired[str | None]


class CandidateList(TypedDict):
    """All candidates of a scope and period, the strongest effect first."""

    as_of: str
    # The newest record the answer knows; data end there
    data_as_of: NotRequired[str | None]
    model: ModelInfo
    warnings: list[AnswerWarning]
    period: str
    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    # By what effects are ranked: points of attainment while its probability is between 2 and 98 %,
    # else revenue
    ranked_by: NotRequired[Literal["attainment", "revenue"] | None]
    candidates: list[KpiCandidate]


class CardToken(TypedDict):
    """A token that the card sends in the header X-Sancho-Card."""

    token: str
    # From when on it counts no more
    ends_at: str


class CardTokenRequest(TypedDict):
    """Which deal's card is to be shown to whom."""

    deal_id: str
    # Who will see the card; needed from a key, else who asks
    person_id: NotRequired[str | None]


class ChanceGroup(TypedDict):
    """Later deals of which similar chances were said, and the share that was won."""

    # Mean chance said
    predicted: float
    # Share won
    observed: float
    # Lower end of the 95 % interval of the share won
    low: float
    high: float
    # Deals; each counts once
    count: int


# What changed the forecast in the past week, both simulated in the same scenarios.
Change = TypedDict(
    "Change",
    {
        "since": "str",
        "from": "float",
        "to": "float",
        "contributions": "list[ChangeContribution]",
    },
)


class ChangeContribution(TypedDict):
    """One cause of the change, after the causes before it in the list."""

    code: Literal[
        "moved",
        "won",
        "lost",
        "deleted",
        "slipped",
        "advanced",
        "amount",
        "new_deals",
        "new_business",
        "target",
    ]
    label: str
    # Points of the probability of reaching the target; parts add up to the change
    effect_pp: float
    # Expected revenue; parts add up to the change
    revenue: float
    # Share of what is missing to the target that `revenue` closes; null where nothing is missing, or
    # no target is known
    gap_share: NotRequired[float | None]
    # The deals that contributed most
    deals: list[ChangedDeal]


class ChangedDeal(TypedDict):
    """A deal, and by how much it changed the expected revenue."""

    deal_id: str
    # What the deal is called; null where no name is recorded
    name: NotRequired[str | None]
    # What its account is called; null where no name is recorded
    account_name: NotRequired[str | None]
    revenue: float


class ChangedPassword(TypedDict):
    """The new password holds; other sessions of the person are over."""

    person_id: str


class ChannelList(TypedDict):
    """All channels, who is muted, and which kinds of alert there are."""

    as_of: str
    model: ModelInfo | None
    warnings: list[AnswerWarning]
    channels: list[ChannelState]
    mutes: list[Mute]
    kinds: list[AlertKind]


class ChannelRequest(TypedDict):
    """Where alerts are to go, and about whom: a person, or a scope."""

    form: Literal["mail", "webhook", "slack", "teams", "chatwork"]
    # An e-mail address, the webhook's URL, or the number of a Chatwork room; a person's mail goes to
    # the address in the table of people
    address: NotRequired[str | None]
    # Who reads it: told about what that person may see (company, the team led, own deals)
    person_id: NotRequired[str | None]
    scope: NotRequired[str | None]
    # Of deal.fell, goal.crossed, data.stale, model.due; none = all of them
    kinds: NotRequired[list[str]]
    # Default: the installation's
    language: NotRequired[Literal["ja", "en"] | None]
    # API token, for Chatwork
    token: NotRequired[str | None]


class ChannelState(TypedDict):
    """A channel; what is secret of its address is not shown."""

    channel_id: str
    form: Literal["mail", "webhook", "slack", "teams", "chatwork"]
    address: str
    person_id: str | None
    scope: str | None
    kinds: list[str]
    language: str | None
    # Name of the key that asked for it
    requested_by: str | None
    created_at: str
    # Alerts that have arrived
    sent: int
    # Alerts that are still to be sent
    waiting: int
    # Alerts that did not get through
    given_up: int
    # Alerts that may have arrived: they are not sent again
    unsure: int


class ChannelTold(TypedDict):
    """A channel that was removed, or is tried out."""

    as_of: str
    model: ModelInfo | None
    warnings: list[AnswerWarning]
    channel_id: str


class CheckRequest(TypedDict):
    """KPIs to be checked."""

    proposals: list[ProposedKpi]
    as_of: NotRequired[str | None]


class CheckedKpi(TypedDict):
    """A proposed KPI and the findings of the five criteria."""

    kpi: str
    label: str
    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    value: float | None
    period: str | None
    probability: float | None
    smart: dict[str, CriterionResult]


class CheckedPerson(TypedDict):
    """Findings about all proposed KPIs of a person."""

    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    findings: dict[str, CriterionResult]


class CheckedQuarter(TypedDict):
    """A past quarter, and the moment at which its ranks are read."""

    period: str
    as_of: str


class CheckedRank(TypedDict):
    """What became of the deals with a rank."""

    rank: str
    agreed: float
    deals: int
    # Won within the quarter
    won: int
    # Won over deals; null with fewer deals than `fewest`
    share: float | None
    # `share` minus `agreed`, in points
    difference_pp: float | None


class CheckedRep(TypedDict):
    """The ranks of a rep, checked."""

    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    ranks: list[CheckedRank]


class ChildForecast(TypedDict):
    """A scope directly below; the simulated revenues of all children add up to their parent's."""

    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    target: float | None
    probability: float | None
    # Intervals of the true probability of reaching the target by level in percent: "50", "80", "95",
    # each within the next; null without a target
    probability_intervals: dict[str, tuple[float, float]] | None
    revenue: RevenueDistribution
    # Won so far
    closed: NotRequired[float | None]
    # Revenue of the same period last year
    last_year: NotRequired[float | None]
    # Won so far over the target; null without one
    progress: NotRequired[float | None]
    # Mean forecast over the revenue of the same period last year; null where unknown
    vs_last_year: NotRequired[float | None]


class ChosenAction(TypedDict):
    """A recommended action that was taken (accepted), passed (dismissed, and why) or done."""

    deal_id: str
    # What the deal is called; null where no name is recorded
    name: NotRequired[str | None]
    # What its account is called; null where no name is recorded
    account_name: NotRequired[str | None]
    action: str
    label: str
    state: Literal["accepted", "dismissed", "done"]
    at: str
    reason: str | None


class ChosenKpi(TypedDict):
    """A KPI and its value."""

    kpi: str
    value: float


class CloseDate(TypedDict):
    """Quantiles of the day on which it is won, if it is won."""

    p10: str
    p50: str
    p90: str


class ComparedMethod(TypedDict):
    """A method on the same rows as the model; lower scores are better."""

    name: str
    label: str
    score: float | None
    # The model's score minus this one's
    difference: ScoreDifference | None
    # Of the model, beside this one
    verdict: Literal["better", "same", "worse"] | None


class ComparedModel(TypedDict):
    """One of two models that are compared, and how it did on their rows."""

    name: str
    # null = a candidate that is not registered
    version: str | None
    # Moment up to which its data reach
    as_of: str
    log_loss: float | None
    brier: float | None
    calibration_error: float | None
    # What luck alone gives where probabilities are right
    calibration_luck: float | None
    # Of outcomes on log-odds; below 1 = too sure
    slope: float | None
    calibration_is_off: bool


class ComparedRows(TypedDict):
    """Where rows come from: later than both models' data, or the proofs that both were stored with."""

    basis: Literal["later_rows", "proofs"]
    deals: int
    rows: int
    first: str
    last: str
    # Moment up to which the model that answered for A was fitted
    a_fitted_until: str
    b_fitted_until: str


class ComparedSegment(TypedDict):
    """A part of the rows; the verdict allows for how many parts were looked at."""

    # stage, horizon, moment, product, source, seller_team, seller_style, size or amount
    kind: str
    level: str
    kind_label: str
    level_label: str
    rows: int
    deals: int
    log_loss_difference: Interval
    p_value: float | None
    verdict: Literal["better", "worse", "no_difference"]


class Component(TypedDict):
    """A part of the forecast revenue."""

    name: Literal["closed", "open_pipeline", "new_business"]
    mean: float
    p10: float
    p90: float


class CoveredInterval(TypedDict):
    """How often intervals of a kind held what came; `refuted`: they are not shown."""

    # deal = of the chance of a deal; else of the revenue of scopes of that kind
    kind: Literal["deal", "company", "team", "person"]
    level: float
    covered: float
    # Lower end of the 95 % interval of the share covered
    low: float | None
    high: float | None
    # Groups of about 50 deals, or forecasts
    count: int
    # refuted = even the upper end of the share covered lies below the level
    verdict: Literal["held", "refuted"]


class CriterionResult(TypedDict):
    """Whether a criterion is met, why, and a suggestion where it is not."""

    ok: bool
    why: str
    suggestion: NotRequired[str | None]


class CurrentSet(TypedDict):
    """The version that holds, with what the check says of it."""

    version: int
    accepted_at: str
    accepted_by: str
    reason: str | None
    kpis: list[CurrentSetKpi]
    findings: dict[str, CriterionResult]


class CurrentSetKpi(TypedDict):
    """The same with what the SMART check says of it now."""

    kpi: str
    label: str
    unit: str
    value: float
    expected: float | None
    so_far: float | None
    probability: float | None
    attainment_pp: float | None
    revenue: float | None
    # Share of what is missing to the target that `revenue` closes; null where nothing is missing, or
    # no target is known
    gap_share: float | None
    smart: dict[str, CriterionResult]


class CurvePoint(TypedDict):
    """Probabilities by a date; they add up to 1."""

    date: str
    won: float
    lost: float
    open: float


class DataFinding(TypedDict):
    """What the training data had or lacked."""

    code: str
    serious: bool
    message: str


class DataHealth(TypedDict):
    """How fresh and how complete the data are."""

    newest_deal_record: str
    days_old: int
    quarantined_rows: int
    findings: list[DataFinding]


class DealFields(TypedDict):
    """商談 / Deals"""

    # 商談ID / Deal ID
    deal_id: str | int
    # 作成日時 / Created
    created_at: str
    # ステージ / Stage
    stage: str
    # 商談名 / Name
    name: NotRequired[str | None]
    # 取引先ID / Account ID
    account_id: NotRequired[str | int | None]
    # 担当者ID / Owner ID
    owner_id: NotRequired[str | int | None]
    # 商品 / Product
    product: NotRequired[str | None]
    # 流入元 / Source
    source: NotRequired[str | None]
    # 商談種別 / Deal type
    deal_type: NotRequired[Literal["new", "upsell", "cross_sell", "renewal"] | None]
    # 金額 / Amount
    amount: NotRequired[float | None]
    # 通貨 / Currency
    currency: NotRequired[str | None]
    # 受注予定日 / Expected close date
    expected_close_date: NotRequired[str | None]
    # 決着日時 / Closed
    closed_at: NotRequired[str | None]
    # 結果 / Outcome
    outcome: NotRequired[Literal["won", "lost"] | None]
    # 失注理由 / Lost reason
    lost_reason: NotRequired[str | None]


# Further columns are a company's own attributes.
Deal: TypeAlias = DealFields | dict[str, Any]


class DealAction(TypedDict):
    """A next action with its deal and the rep who owns it."""

    # null for a deal that is not stored
    recommendation_id: str | None
    action: str
    label: str
    # Points of win probability, compared with the usual course
    uplift_pp: float
    # 80 % interval of uplift_pp
    interval: list[float]
    # Points of the goal's probability; null without a target
    attainment_pp: float | None
    # Expected revenue it adds within the period
    revenue: NotRequired[float | None]
    # Share of what is missing to the target that `revenue` closes; null where nothing is missing, or
    # no target is known
    gap_share: NotRequired[float | None]
    # The same as `revenue`
    expected_revenue: float
    effort_minutes: float
    reliability: Literal["high", "medium", "low"]
    # Risk ratio by which an unrecorded reason must go with both action and win to explain it
    e_value: float
    evidence: ActionEvidence
    similar_deals: NotRequired[list[SimilarDeal]]
    valid_until: str
    deal_id: str
    # What the deal is called; null where no name is recorded
    name: NotRequired[str | None]
    # What its account is called; null where no name is recorded
    account_name: NotRequired[str | None]
    owner_id: str | None
    # What the owner is called
    owner_name: NotRequired[str | None]
    by_period_end: float


class DealAttainment(TypedDict):
    """Effect of the deal on the goal; null where no target is known."""

    period: str
    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    probability: float | None
    # Intervals of the true probability of reaching the target by level in percent: "50", "80", "95",
    # each within the next; null without a target
    probability_intervals: dict[str, tuple[float, float]] | None
    if_won_pp: float | None
    if_lost_pp: float | None
    # Revenue of the period more than expected
    if_won_revenue: NotRequired[float | None]
    # The same if lost: at most 0
    if_lost_revenue: NotRequired[float | None]
    # Share of what is missing to the target that `revenue` closes; null where nothing is missing, or
    # no target is known
    gap_share: NotRequired[float | None]
    # By what effects are ranked: points of attainment while its probability is between 2 and 98 %,
    # else revenue
    ranked_by: NotRequired[Literal["attainment", "revenue"] | None]


class DealBottleneck(TypedDict):
    """A condition with a lower win rate in a segment, adjusted for everything else known of the deals."""

    id: str
    kind: Literal["interval", "activity_gap", "conversion"]
    # column: value; `size` is small, medium or large
    segment: dict[str, str]
    condition: BottleneckCondition
    label: str
    # Past deals with the condition in the segment
    deals: int
    # Of kind conversion: the conversion
    win_rate_with: float
    win_rate_without: float | None
    # Adjusted difference in that rate, measured on deals not used to find it, less what luck adds to
    # whatever is found
    effect_pp: float
    # 90 % interval of effect_pp
    interval: list[float]
    # Smallest false discovery rate at which it is still reported
    q_value: float
    suggested_action: str


class DealEvent(TypedDict):
    """商談の変更履歴 / Deal events"""

    # 商談ID / Deal ID
    deal_id: NotRequired[str | int | None]
    # 日時 / At
    at: str
    # 項目 / Field
    field: str
    # 値 / Value
    value: NotRequired[str | None]
    # 変更前の値 / Old value
    old_value: NotRequired[str | None]
    # 変更者ID / Actor ID
    actor_id: NotRequired[str | int | None]


class DealList(TypedDict):
    """Scored open deals, a page of them."""

    as_of: str
    # The newest record the answer knows; data end there
    data_as_of: NotRequired[str | None]
    model: ModelInfo
    warnings: list[AnswerWarning]
    period: str
    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    # By what effects are ranked: points of attainment while its probability is between 2 and 98 %,
    # else revenue
    ranked_by: NotRequired[Literal["attainment", "revenue"] | None]
    deals: list[DealScore]
    # Send it as `cursor` to get the next page; null = this is the last one
    next_cursor: NotRequired[str | None]
    # Send it as `cursor` to get the page before; null where that is the first page, which needs no
    # cursor, or where this is the first page (`rows_before` is 0)
    previous_cursor: NotRequired[str | None]
    # How many of the deals found come before this page
    rows_before: int
    # How many deals there are on all pages
    deals_found: int
    # How many are open in the scope, whatever is looked for
    open_deals: int
    # How many of these need attention
    attention_deals: int
    # Of all open deals of the scope, most frequent first
    flag_counts: list[FlagCount]


class DealReason(TypedDict):
    """A group of related features, and their joint effect compared with the reference."""

    reason: str
    label: str
    # On the log-odds; all reasons add up to the difference
    contribution: float
    effect_pp: float
    direction: Literal["up", "down"]
    controllable: bool
    compared_with: str
    # Those that make up most of it, largest first
    features: list[FeatureValue]


class DealRevenue(TypedDict):
    """Revenue: `expected` within the period, losing included; the quantiles are of the amount if won."""

    expected: float
    p10: float
    p50: float
    p90: float
    # The shortest intervals of the amount if won by level in percent: "50", "80", "95"
    intervals: dict[str, tuple[float, float]]
    # The organisation's
    currency: str
    # null where the amount is in the organisation's currency
    original: OriginalAmount | None


class DealScore(TypedDict):
    """An open deal with its scores (one row of `sancho score`), and what is known of it."""

    deal_id: str
    # What the deal is called; null where no name is recorded
    name: NotRequired[str | None]
    # What its account is called; null where no name is recorded
    account_name: NotRequired[str | None]
    as_of: str
    period: str
    win_probability: float
    win_by_period_end: float
    expected_revenue: float
    revenue_p10: float
    revenue_p50: float
    revenue_p90: float
    # Predicted: the median day of a win, if it is won
    expected_close_date: str | None
    model_version: str
    owner_id: NotRequired[str | None]
    # What the owner is called
    owner_name: NotRequired[str | None]
    stage: str
    # As recorded, in the organisation's currency
    amount: NotRequired[float | None]
    # The expected close date that the rep has entered
    planned_close_date: NotRequired[str | None]
    # By how much `win_by_period_end` has changed in a week, by the same model; null for a deal that
    # was not there yet
    change_pp: NotRequired[float | None]
    # Points of the scope's probability of reaching its target if it is won, minus those if it is
    # lost; null without a target
    swing_pp: NotRequired[float | None]
    flags: NotRequired[list[Flag]]
    # It is past its date, stalled or without contact, and its swing is a point or more; where the
    # goal is settled (`ranked_by` revenue), its expected revenue is 1 % of the target or more
    needs_attention: NotRequired[bool]
    # null where none is recommended, or the deal is in the holdout group
    next_action: NotRequired[NextAction | None]


# A lever, from its current level to the level after a feasible step.
Driver = TypedDict(
    "Driver",
    {
        "lever": "str",
        "label": "str",
        "unit": "str",
        "from": "float",
        "to": "float",
        # Points of the probability of reaching the target
        "attainment_pp": "float",
        # Expected revenue it adds within the period
        "revenue": "NotRequired[float | None]",
        # Share of what is missing to the target that `revenue` closes; null where nothing is missing, or
        # no target is known
        "gap_share": "NotRequired[float | None]",
    },
)


class EmptyRow(TypedDict):
    """A row that was not followed by what should follow."""

    at: str
    deal_id: str | None
    # null where the row is a deal, or a change of one
    activity_id: str | None


class Estimate(TypedDict):
    """A mean with its 90 % interval."""

    value: float
    low: float
    high: float


class EventType(TypedDict):
    """A type of event, and what it says."""

    type: str
    label: str


class Factor(TypedDict):
    """Effect of a feature on the probability of a win by the period's end, compared with the reference."""

    feature: str
    label: str
    value: str | None
    # On the log-odds; with the reference they add up
    contribution: float
    effect_pp: float
    direction: Literal["up", "down"]
    controllable: bool
    compared_with: str


class FeatureDrift(TypedDict):
    """How far the distribution of a feature moved since the training."""

    feature: str
    label: str
    # Population stability index; 0 = no change
    psi: float
    # Share of all contributions to scores
    importance: float
    p_value: float
    alarm: bool


class FeatureValue(TypedDict):
    """A feature and its value."""

    feature: str
    label: str
    value: str | None


class FiguresAbout(TypedDict):
    """Figures that are computed about the person: the comparison, KPIs, bottlenecks that name him.

    `questions`: what his manager is told to ask him about his KPIs.
    """

    period: str
    comparison: PersonResults | None
    kpis: list[Kpi]
    bottlenecks: list[Bottleneck]
    questions: list[PaddingQuestion]


class Flag(TypedDict):
    """Something about the deal to look at."""

    code: Literal["stalled", "no_contact", "pushed", "past_due", "single_contact", "amount_cut", "new_deal"]
    label: str
    since: str | None


class FlagCount(TypedDict):
    """For how many of the scope's open deals a flag is raised."""

    code: Literal["stalled", "no_contact", "pushed", "past_due", "single_contact", "amount_cut", "new_deal"]
    label: str
    deals: int


class Forecast(TypedDict):
    """Probability of reaching the revenue target; `gap` is the target minus the mean forecast."""

    as_of: str
    # The newest record the answer knows; data end there
    data_as_of: NotRequired[str | None]
    model: ModelInfo
    warnings: list[AnswerWarning]
    period: str
    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    target: float | None
    closed: float
    # Of reaching the target; null where no target is known
    probability: float | None
    # Intervals of the true probability of reaching the target by level in percent: "50", "80", "95",
    # each within the next; null without a target
    probability_intervals: dict[str, tuple[float, float]] | None
    # How much the probability moves in a week anyway: root mean square of its changes in this period
    # so far, per week, in points; null with fewer than three, or without `history`
    usual_change_pp: NotRequired[float | None]
    revenue: ForecastRevenue
    components: list[Component]
    gap: float | None
    # By what effects are ranked: points of attainment while its probability is between 2 and 98 %,
    # else revenue
    ranked_by: NotRequired[Literal["attainment", "revenue"] | None]
    # Where the target is out of reach (below 2 %): what can be counted on
    reachable: NotRequired[list[ReachedRevenue] | None]
    # Out of reach: the most that all levers bring
    maximum: NotRequired[Maximum | None]
    # Where the target is safe (above 98 %): revenue that may be lost before it is not
    margin: NotRequired[float | None]
    # Out of reach: the first later period whose target is within reach (80 %), null where none is.
    # Safe: the next period. With its plan
    next_period: NotRequired[LaterPeriod | None]
    # Won so far over the target; null without one
    progress: NotRequired[float | None]
    # Mean forecast over the revenue of the same period last year; null where unknown
    vs_last_year: NotRequired[float | None]
    pace: list[PacePoint]
    history: list[PastForecast]
    # What a feasible step of each lever adds, up to the top quartile of peers
    drivers: list[Driver]
    deals: list[ForecastDeal]
    children: list[ChildForecast]
    baselines: Baselines
    # null without a target or a week of history
    change: Change | None
    # Where `parts` were asked for: those that are here; lists of all others are empty, and their
    # values null, whatever there is
    parts: NotRequired[list[str] | None]


class ForecastDeal(TypedDict):
    """An open deal; `swing_pp` is P(target reached | won) - P(target reached | lost), in points."""

    deal_id: str
    # What the deal is called; null where no name is recorded
    name: NotRequired[str | None]
    # What its account is called; null where no name is recorded
    account_name: NotRequired[str | None]
    by_period_end: float
    amount: float
    swing_pp: float | None
    # Expected revenue it adds within the period
    revenue: NotRequired[float | None]
    # Share of what is missing to the target that `revenue` closes; null where nothing is missing, or
    # no target is known
    gap_share: NotRequired[float | None]


class ForecastRevenue(TypedDict):
    """A distribution of revenue, with outcomes to count."""

    mean: float
    p05: float
    p10: float
    p25: float
    p50: float
    p75: float
    p90: float
    p95: float
    # 50 equally likely totals, ascending; the target is reached in about 50 times the probability of
    # them
    outcomes: NotRequired[list[float]]


class ForecastSummary(TypedDict):
    """Target, probability of reaching it, and revenue."""

    target: float | None
    probability: float | None
    # Intervals of the true probability of reaching the target by level in percent: "50", "80", "95",
    # each within the next; null without a target
    probability_intervals: dict[str, tuple[float, float]] | None
    revenue: RevenueDistribution


class FunnelDays(TypedDict):
    """Days until deals advanced."""

    p25: float
    p50: float
    p75: float


class FunnelStage(TypedDict):
    """Deals that entered a stage in the past year."""

    stage: str
    to: str | None
    entered: int
    # To a later stage, or won
    advanced: int
    # Lost in this stage
    lost: int
    open: int
    # advanced / (advanced + lost)
    conversion: float | None
    days: FunnelDays | None


class Goal(TypedDict):
    """The KGI."""

    target: float | None
    probability: float | None
    # Intervals of the true probability of reaching the target by level in percent: "50", "80", "95",
    # each within the next; null without a target
    probability_intervals: dict[str, tuple[float, float]] | None
    revenue: RevenueDistribution
    kpi: str


class GoalLevel(TypedDict):
    """An amount that the goal reaches with a probability."""

    level: Literal["safe", "likely", "bold"]
    label: str
    # With which the amount is reached
    confidence: float
    value: float
    # On the same period a year before, 0.1 = 10 % more; null where that is not known
    growth: NotRequired[float | None]


class GoalLevels(TypedDict):
    """What a goal of a scope and period can be, before anybody decides."""

    as_of: str
    # The newest record the answer knows; data end there
    data_as_of: NotRequired[str | None]
    model: ModelInfo
    warnings: list[AnswerWarning]
    period: str
    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    # An amount of won deals
    kpi: str
    label: str
    # The conditions that deals of it meet
    where: dict[str, list[str]]
    # Won so far
    closed: float
    # The stored one; null without one, and with further conditions
    target: float | None
    # Of reaching it; strictly between 0 and 1, null without one
    probability: float | None
    # The safest first
    levels: list[GoalLevel]
    last_year: LastYear | None
    asked: NotRequired[AskedGoal | None]
    # What the levels take for granted
    assumptions: list[str]
    # Stored targets that do not add up
    differences: list[TargetDifference]


class HoldOut(TypedDict):
    """Deals with recommendations compared with the holdout group; 90 % interval."""

    recommended_closed: int
    held_out_closed: int
    win_rate_recommended: float | None
    win_rate_held_out: float | None
    # null until 30 deals of each have closed
    lift_pp: float | None
    interval: list[float] | None


class Insight(TypedDict):
    """The insight of one deal."""

    as_of: str
    # The newest record the answer knows; data end there
    data_as_of: NotRequired[str | None]
    model: ModelInfo
    warnings: list[AnswerWarning]
    deal_id: str
    # What the deal is called; null where no name is recorded
    name: NotRequired[str | None]
    # What its account is called; null where no name is recorded
    account_name: NotRequired[str | None]
    win: Win
    # null for a deal that is sent, and where the model has no such variant (trained before)
    blind: NotRequired[BlindChance | None]
    flags: list[Flag]
    close_date: CloseDate | None
    revenue: DealRevenue
    attainment: DealAttainment
    reasons: list[DealReason]
    factors: list[Factor]
    # Those this deal is in
    bottlenecks: list[DealBottleneck]
    # Recommended, best first
    actions: list[Action]
    not_recommended: list[ActionNotRecommended]


class Interval(TypedDict):
    """A figure with its 95 % interval; null where it is undefined."""

    mean: float | None
    lo: float | None
    hi: float | None


class JobAnswer(TypedDict):
    """A job, with what every answer carries."""

    job_id: str
    kind: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    # Name of the key that asked for it; null = a schedule
    requested_by: str | None
    created_at: str
    due_at: str
    started_at: str | None
    finished_at: str | None
    # How often it was begun: again after a worker died or the store was away
    attempts: int
    cancel_asked: bool
    progress: JobProgress | None
    # About how long it still takes, by what is done of it; null = not known
    seconds_left: NotRequired[int | None]
    # What was asked for
    request: dict[str, Any]
    # Of an import: rows by table and file, errors, notices; of a training: version, whether it was
    # promoted, the gate's code and message
    result: dict[str, Any] | None
    error: JobError | None
    as_of: str
    model: ModelInfo | None
    warnings: list[AnswerWarning]


class JobError(TypedDict):
    """Why a job failed, in a sentence that says what to do."""

    code: str
    message: str


class JobList(TypedDict):
    """Jobs, newest first."""

    jobs: list[JobState]
    next_cursor: str | None
    as_of: str
    model: ModelInfo | None
    warnings: list[AnswerWarning]


class JobProgress(TypedDict):
    """How far a job is: what is being done, and `done` of `total` of it; null = not known."""

    step: str
    done: int | None
    total: int | None


class JobState(TypedDict):
    """A job; `result` once it is done."""

    job_id: str
    kind: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    # Name of the key that asked for it; null = a schedule
    requested_by: str | None
    created_at: str
    due_at: str
    started_at: str | None
    finished_at: str | None
    # How often it was begun: again after a worker died or the store was away
    attempts: int
    cancel_asked: bool
    progress: JobProgress | None
    # About how long it still takes, by what is done of it; null = not known
    seconds_left: NotRequired[int | None]
    # What was asked for
    request: dict[str, Any]
    # Of an import: rows by table and file, errors, notices; of a training: version, whether it was
    # promoted, the gate's code and message
    result: dict[str, Any] | None
    error: JobError | None


class KeptBacktest(TypedDict):
    """The newest backtest of the installation."""

    made_at: str
    periods: list[str]


class Kpi(TypedDict):
    """A KPI of a scope and period; `value` is null where it has never been recorded."""

    kpi: str
    label: str
    meaning: str
    unit: str
    # Selling styles it is for
    style: list[str]
    # So far
    value: float | None
    target: float | None
    # Of reaching the target by the period's end
    probability: float | None
    forecast: KpiForecast | None
    # To reach the target; of counts and amounts
    required_per_business_day: float | None
    # Eight periods before this one, oldest first, as known now
    trend: list[KpiValue]
    # Within a rep's control
    controllable: bool
    # Of its target; null without one
    smart: dict[str, CriterionResult] | None


class KpiCandidate(TypedDict):
    """A KPI that a scope could be given, and what a feasible step of it would bring."""

    # Points of the probability of the target
    attainment_pp: float | None
    # Expected revenue that it adds: in the period, or `later`
    revenue: float | None
    # Share of what is missing to the target that `revenue` closes; null where nothing is missing, or
    # no target is known
    gap_share: float | None
    # The effect by which it is ranked: points, or % of the target
    strength: float | None
    # By what effects are ranked: points of attainment while its probability is between 2 and 98 %,
    # else revenue
    ranked_by: Literal["attainment", "revenue"] | None
    # Whose goal it serves: its own, else the widest seen
    goal_scope: str | None
    # The effect if all of the team in the same role reach it
    together: bool
    # The revenue comes in the end, most of it after the period
    later: bool
    kpi: str
    label: str
    unit: str
    meaning: str
    # Selling styles it is for
    style: list[str]
    # Step of the process that it belongs to
    step: Literal["lead", "appointment", "meeting", "proposal", "closing", "customer"]
    # Within the scope's own control, and recorded by it
    in_hand: bool
    # Share of the records behind it that are complete
    completeness: float | None
    # Median days from its event to the win
    days_to_revenue: float | None
    so_far: float | None
    # Median at the period's end as things go
    expected: float | None
    # A feasible step: reached with about 35 % as things go
    value: float | None
    # Of reaching `value` as things go
    probability: float | None
    # By what its effect is estimated: a lever of the joint simulation, an action's estimated effect;
    # else the figures of the effect are null, and there is a correlation at most
    evidence: Literal["lever", "action", "correlation", "none"]
    # The lever or action
    source: str | None
    # Spearman's, with revenue, over people and past periods: no effect
    correlation: float | None
    # How easily it rises without work behind it: by who else records it
    padding: Literal["hard", "some", "easy"]
    padding_why: str
    # Sound, and it moves the goal enough to stand in a set
    proposable: bool
    reason: str


class KpiCheck(TypedDict):
    """Findings of the SMART check, with a suggestion for each criterion that is not met."""

    as_of: str
    # The newest record the answer knows; data end there
    data_as_of: NotRequired[str | None]
    model: ModelInfo
    warnings: list[AnswerWarning]
    proposals: list[CheckedKpi]
    people: list[CheckedPerson]


class KpiForecast(TypedDict):
    """A KPI's value at the period's end."""

    p10: float
    p50: float
    p90: float


class KpiList(TypedDict):
    """The KPIs of a scope and period."""

    as_of: str
    # The newest record the answer knows; data end there
    data_as_of: NotRequired[str | None]
    model: ModelInfo
    warnings: list[AnswerWarning]
    period: str
    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    business_days_left: float
    kpis: list[Kpi]


class KpiReview(TypedDict):
    """The review of the accepted sets of a period, and whether it is due."""

    as_of: str
    # The newest record the answer knows; data end there
    data_as_of: NotRequired[str | None]
    model: ModelInfo
    warnings: list[AnswerWarning]
    period: str
    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    is_over: bool
    due: bool
    why_due: list[str]
    sets: list[ReviewedSet]


class KpiSet(TypedDict):
    """The set of a scope and period, with all its versions, newest first."""

    as_of: str
    # The newest record the answer knows; data end there
    data_as_of: NotRequired[str | None]
    model: ModelInfo
    warnings: list[AnswerWarning]
    period: str
    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    current: CurrentSet | None
    versions: list[StoredSet]


class KpiValue(TypedDict):
    """A KPI in an earlier period."""

    period: str
    value: float | None


class LastYear(TypedDict):
    """What the same period a year before brought."""

    period: str
    value: float


class LaterPeriod(TypedDict):
    """A later period's goal, and the plan that reaches it with 80 %."""

    period: str
    target: float
    # this_period: none is set; that of the period asked for, for as many days
    target_from: Literal["set", "this_period"]
    # Without the plan
    probability: float
    # Mean forecast without the plan
    expected: float
    plan: PlanBody


class LeftOut(TypedDict):
    """A person who gets no target, and why."""

    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    # Mean revenue that is forecast
    expected: float
    reason: str


class LinkRequest(TypedDict):
    """What a one-time link holds, and a password to set by it, or none to sign in this once."""

    link: str
    new_password: NotRequired[str | None]


class Maximum(TypedDict):
    """The goal with every lever at the top quartile of peers, and what that adds."""

    probability: float
    # Mean forecast with all levers
    expected: float
    attainment_pp: float | None
    # Expected revenue it adds within the period
    revenue: NotRequired[float | None]
    # Share of what is missing to the target that `revenue` closes; null where nothing is missing, or
    # no target is known
    gap_share: NotRequired[float | None]
    reachable: list[ReachedRevenue]


class Me(TypedDict):
    """Who makes the call, and what he may do."""

    # A person, also by a key of his; or a program's key
    kind: Literal["person", "key"]
    # Of the person or the key
    name: str
    person_id: str | None
    role: Literal["seller", "manager", "admin"] | None
    team_id: str | None
    # The team led, with all teams below
    leads_team_id: str | None
    rights: list[str]
    # Send it as X-CSRF-Token with every call of this session that is not a GET; null where the call
    # was made by a key or a token
    csrf_token: str | None
    session: SessionState | None


class MethodScores(TypedDict):
    """What one method scored on the rows that the model was judged on."""

    name: str
    label: str
    # Of a baseline: the variant that was best before the rows
    variant: NotRequired[str | None]
    log_loss: NotRequired[float | None]
    brier: NotRequired[float | None]
    auc: NotRequired[float | None]
    calibration_error: NotRequired[float | None]
    slope: NotRequired[float | None]
    # Mean predicted probability
    mean: NotRequired[float | None]
    # Share that was won
    rate: NotRequired[float | None]
    log_loss_difference: NotRequired[ScoreDifference | None]
    brier_difference: NotRequired[ScoreDifference | None]


class ModelComparison(TypedDict):
    """Model A against model B on the same rows, which neither was fitted on; differences are A minus B."""

    as_of: str
    # The newest record the answer knows; data end there
    data_as_of: NotRequired[str | None]
    model: ModelInfo
    warnings: list[AnswerWarning]
    a: ComparedModel
    b: ComparedModel
    # Moment up to which outcomes are known
    until: str
    # On A
    verdict: Literal["better", "not_worse", "worse", "cannot_tell"]
    text: str
    rows: int
    deals: int
    log_loss_difference: Interval
    brier_difference: Interval
    parts: list[ComparedRows]
    # With at least 30 deals
    segments: list[ComparedSegment]
    # Share of the segments' verdicts that luck may make
    false_discovery_rate: float


class ModelDetails(TypedDict):
    """A version, and its evaluation on later deals; null where there were too few."""

    as_of: str
    # The newest record the answer knows; data end there
    data_as_of: NotRequired[str | None]
    model: ModelInfo
    warnings: list[AnswerWarning]
    version: ModelVersion
    evaluation: ModelEvaluation | None


class ModelEvaluation(TypedDict):
    """How good a version was on deals after its training data, beside the baseline methods."""

    rows: int | None
    deals: int
    methods: list[MethodScores]
    in_the_end: WonInTheEnd | None


class ModelInfo(TypedDict):
    """The model of an answer."""

    name: str
    version: str
    trained_at: str


class ModelList(TypedDict):
    """Registered models, newest first, and the monitoring of the one in service."""

    as_of: str
    # The newest record the answer knows; data end there
    data_as_of: NotRequired[str | None]
    model: ModelInfo
    warnings: list[AnswerWarning]
    models: list[ModelVersion]
    # Send it as `cursor` to get the next page; null = this is the last one
    next_cursor: NotRequired[str | None]
    monitoring: MonitoringReport


class ModelProof(TypedDict):
    """What is known of how good a version and its intervals are; null and empty where nothing is kept."""

    as_of: str
    # The newest record the answer knows; data end there
    data_as_of: NotRequired[str | None]
    model: ModelInfo
    warnings: list[AnswerWarning]
    version: ModelVersion
    summary: str
    reliability: Reliability | None
    intervals: list[CoveredInterval]
    # Log loss on later deals
    deal_methods: list[ComparedMethod]
    # CRPS of the company's revenue in the newest backtest, as a share of mean revenue
    revenue_methods: list[ComparedMethod]
    targets: list[TargetGroup]
    backtest: KeptBacktest | None
    data: DataHealth
    # Of the version in service
    monitoring: MonitoringReport | None


class ModelVersion(TypedDict):
    """A registered model version."""

    name: str
    version: str
    trained_at: str | None
    aliases: list[str]
    # On deals after its training data
    metrics: dict[str, float]
    # Whether it was promoted after training, and why
    gate_decision: str | None
    # Who put it in service by hand, last
    promoted_by: NotRequired[str | None]
    # Why
    promoted_because: NotRequired[str | None]
    # When
    promoted_at: NotRequired[str | None]


class MonitoringReport(TypedDict):
    """How the model in service performs on new data, and whether to retrain."""

    # Moment of the check; at most a quarter of an hour ago
    as_of: str
    retrain: bool
    reasons: list[str]
    # Moment up to which the model's training data reach
    model_as_of: str
    closed_deals_since: int
    closed_deals_in_training: int
    horizon_days: float | None
    quality: dict[str, float | None] | None
    calibration: list[SegmentCalibration]
    feature_drift: list[FeatureDrift]
    score_drift: ScoreDrift | None


class Move(TypedDict):
    """What changed in a deal within the week: from the first value to the last."""

    deal_id: str
    # What the deal is called; null where no name is recorded
    name: NotRequired[str | None]
    # What its account is called; null where no name is recorded
    account_name: NotRequired[str | None]
    owner_id: str | None
    # What the owner is called
    owner_name: str | None
    change: Literal["won", "lost", "stage", "amount", "expected_close_date", "created"]
    # When it changed last
    at: str
    old_value: str | None
    value: str | None
    # Of a lost deal, why
    note: str | None
    # Of the deal now
    amount: float | None
    # Who changed it last, where that is recorded
    actor_id: str | None
    # What that person is called
    actor_name: str | None


class Mute(TypedDict):
    """Who is told nothing of a kind; null: of any."""

    who: str
    kind: str | None


class MuteRequest(TypedDict):
    """Who (a person's id, or a channel's) is told nothing more, or again."""

    who: str
    # None = any
    kinds: NotRequired[list[str]]
    muted: NotRequired[bool]


class Muted(TypedDict):
    """Of which kinds somebody is told nothing; null: of any."""

    as_of: str
    model: ModelInfo | None
    warnings: list[AnswerWarning]
    who: str
    muted: list[str | None]


class MyAnswer(TypedDict):
    """An answer to a figure or question about oneself; who may see the figure sees it, too."""

    # comparison, kpi:NAME, bottleneck:ID, forecast, or a question in words
    subject: str
    period: NotRequired[str | None]
    answer: str


class NewChannel(TypedDict):
    """A new channel; `secret` proves to the receiver of a webhook who calls, and is shown only now."""

    channel_id: str
    form: Literal["mail", "webhook", "slack", "teams", "chatwork"]
    address: str
    person_id: str | None
    scope: str | None
    kinds: list[str]
    language: str | None
    # Name of the key that asked for it
    requested_by: str | None
    created_at: str
    # Alerts that have arrived
    sent: int
    # Alerts that are still to be sent
    waiting: int
    # Alerts that did not get through
    given_up: int
    # Alerts that may have arrived: they are not sent again
    unsure: int
    as_of: str
    model: ModelInfo | None
    warnings: list[AnswerWarning]
    secret: str | None


class NewHire(TypedDict):
    """A rep who joins and creates new deals like an average member of the team."""

    # null = of no team
    team_id: NotRequired[str | None]
    # First day, default today
    start: NotRequired[str | None]


class NewLevel(TypedDict):
    """A KPI or lever whose level is multiplied, for a scope."""

    # leads, appointments, proposals or win_rate, or a lever of the tree
    kpi: str
    multiplier: float
    # Default: the widest that the caller may see
    scope: NotRequired[str]


class NewTarget(TypedDict):
    """A revenue target in place of the stored one."""

    scope: str
    value: float
    # Default: the organisation's
    currency: NotRequired[str | None]


class NewWebhook(TypedDict):
    """A new webhook, with the secret that proves who calls."""

    webhook_id: str
    url: str
    types: list[str]
    # Name of the key that asked for it
    requested_by: str | None
    created_at: str
    # Since when nothing is sent: its receiver answered 410 Gone
    disabled_at: str | None
    as_of: str
    model: ModelInfo | None
    warnings: list[AnswerWarning]
    secret: str


class NextAction(TypedDict):
    """The first of a deal's next actions, in short; `GET /v1/deals/{deal_id}` has all of them."""

    recommendation_id: str
    action: str
    label: str
    # Points of win probability, compared with the usual course
    uplift_pp: float
    reliability: Literal["high", "medium", "low"]


class NotesRequest(TypedDict):
    """Notes of a meeting, all blocks; saved in the place of the version that was read."""

    notes: dict[str, str]
    # Of the notes that were read; 0 where there were none
    version: int


class OffPolicyValue(TypedDict):
    """Off-policy estimate: the win rate if the best-rated action always came first."""

    deals: int
    win_rate_observed: float
    ips: Estimate
    snips: Estimate
    doubly_robust: Estimate
    effective_sample_size: float


class OneOnOne(TypedDict):
    """A person's one-on-one of a day."""

    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    # By block
    notes: dict[str, str]
    # 0 where nothing is saved; to be sent back with a change
    version: int
    saved_at: str | None
    saved_by: str | None
    period: str
    since: str
    # Seen as of the day on which it was saved, not as of now
    is_past: bool
    # Of each kind the 40 of the largest deals
    moves: list[Move]
    # How many changes of each kind there were; pushed_back: to a later expected close date
    counts: dict[str, int]
    # What became of recommended actions in the seven days
    chosen: list[ChosenAction]
    # Agreed before: what is open, what ended in the past week, and all of the last meeting
    carried: list[AgreementFields]
    # Agreed in this meeting
    agreements: list[AgreementFields]
    as_of: str
    # The newest record the answer knows; data end there
    data_as_of: NotRequired[str | None]
    model: ModelInfo
    warnings: list[AnswerWarning]
    person_id: str | None
    day: str
    # Of the one-on-one before
    previous_day: str | None
    # Of all one-on-ones of the person, the newest first
    days: list[str]
    quiet: list[QuietDeal]


class OriginalAmount(TypedDict):
    """The amount of a deal in another currency as recorded, and the rate at which it counts."""

    amount: float | None
    currency: str
    # Of the closing day, or the newest known; null = none, so that it is in no sum
    rate: float | None
    # Since when the rate holds
    rate_at: str | None


class OtherWay(TypedDict):
    """A target as another way would set it."""

    way: Literal["chance", "even", "history", "pipeline"]
    value: float
    # Of reaching it; strictly between 0 and 1, null without one
    probability: float | None


class OutcomeRequest(TypedDict):
    """The outcome of a recommendation; `reason` where it was dismissed."""

    state: Literal["shown", "accepted", "dismissed", "done"]
    reason: NotRequired[str | None]


class PacePoint(TypedDict):
    """Revenue since the period began, by a date; `closed` is null for dates to come."""

    date: str
    closed: float | None
    p10: float
    p25: float
    p50: float
    p75: float
    p90: float


class PaddingAnswer(TypedDict):
    """What to ask whom, the least usual first."""

    as_of: str
    # The newest record the answer knows; data end there
    data_as_of: NotRequired[str | None]
    model: ModelInfo
    warnings: list[AnswerWarning]
    period: str
    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    # Chance of even one question where nobody in the company pads, over all people and kinds
    false_alarms: float
    # KPIs of people of the company that have risen, and so were compared
    compared: int
    questions: list[PaddingQuestion]


class PaddingQuestion(TypedDict):
    """A KPI of a person that rose while what should follow did not: something to ask about, not a verdict."""

    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    kind: Literal["calls", "visits", "new_deals", "stage_moves", "due_deals"]
    label: str
    # KPIs that such rows raise
    kpis: list[str]
    # Of the kind, in the period
    rows: int
    # To expect by the person's own past and by peers of the same style
    usual_rows: float
    # Rows old enough to tell whether they were followed
    settled: int
    # Of these, followed by what should follow
    followed: int
    # Of these, to expect
    usual_followed: float
    # As few followed, or fewer, in one of so many honest cases; at most 1,000,000
    one_in: int
    question: str
    # Rows that were not followed, the newest first; up to 50
    to_look_at: list[EmptyRow]
    # Such rows beyond those
    more: int


class PasswordRequest(TypedDict):
    """The present password, and the one to have from now on."""

    current_password: str
    new_password: str


class PastForecast(TypedDict):
    """What was forecast on a day of the period."""

    as_of: str
    probability: float | None
    target: float | None
    mean: float
    p10: float
    p50: float
    p90: float
    model_version: str
    # Computed as of that day by a later model
    computed_later: bool


class PeopleList(TypedDict):
    """The people and teams of a scope, compared on equal deals."""

    as_of: str
    # The newest record the answer knows; data end there
    data_as_of: NotRequired[str | None]
    model: ModelInfo
    warnings: list[AnswerWarning]
    period: str
    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    people: list[PersonResults]
    teams: list[SellingResults]


class PersonAnswerList(TypedDict):
    """What a person answered, newest first."""

    person_id: str
    answers: list[StoredPersonAnswer]
    as_of: str
    model: ModelInfo | None
    warnings: list[AnswerWarning]


class PersonPlan(TypedDict):
    """KPIs of a person under the plan."""

    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    kpis: list[PlannedKpi]


class PersonRecord(TypedDict):
    """Everything that is stored and computed about the person who asks."""

    person_id: str
    # The row of the table of people; null where none is
    person: dict[str, Any] | None
    rows: list[RowsAbout]
    # null while there is no model to compute them
    figures: FiguresAbout | None
    # Of the last 90 days, the latest first
    readers: list[ReaderOf]
    answers: list[StoredPersonAnswer]
    as_of: str
    model: ModelInfo | None
    warnings: list[AnswerWarning]


class PersonResults(TypedDict):
    """Results of a person, and the stage conversion of the person's deals."""

    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    # Closed in the period
    deals: int
    wins: int
    expected_wins: float
    wins_above_expected: AboveExpected
    revenue: float
    expected_revenue: float
    revenue_above_expected: AboveExpected
    verdict: Literal["above", "below", "within_chance"]
    # The verdict as a sentence
    message: str
    style: str | None
    stages: list[StageTransition]
    # Stage transition with the largest gap to the top quartile of peers
    coaching_focus: str | None


class PersonUnder(TypedDict):
    """A person under the target of a past quarter."""

    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    target: float
    # On the first day
    probability: float | None
    # null while the quarter lasts
    reached: bool | None


class Pinged(TypedDict):
    """An event that says nothing is on its way."""

    as_of: str
    model: ModelInfo | None
    warnings: list[AnswerWarning]
    webhook_id: str
    event_id: str


class Plan(TypedDict):
    """The smallest change that reaches the requested probability; where none does, the maximum."""

    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    target: float
    requested_probability: float
    # Without the plan
    current_probability: float
    attainable: bool
    # With the plan
    probability: float
    # Probability with every chosen lever at the top quartile of peers
    maximum: float
    # Target minus mean forecast, without the plan
    gap: NotRequired[float | None]
    # What the plan adds, in points
    attainment_pp: NotRequired[float | None]
    # Expected revenue it adds within the period
    revenue: NotRequired[float | None]
    # Share of what is missing to the target that `revenue` closes; null where nothing is missing, or
    # no target is known
    gap_share: NotRequired[float | None]
    # What can be counted on with the plan
    reachable: NotRequired[list[ReachedRevenue] | None]
    # By what effects are ranked: points of attainment while its probability is between 2 and 98 %,
    # else revenue
    ranked_by: NotRequired[Literal["attainment", "revenue"] | None]
    levers: list[PlannedLever]
    people: list[PersonPlan]
    as_of: str
    # The newest record the answer knows; data end there
    data_as_of: NotRequired[str | None]
    model: ModelInfo
    warnings: list[AnswerWarning]
    period: str


class PlanBody(TypedDict):
    """The smallest change that reaches the requested probability; where none does, the maximum."""

    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    target: float
    requested_probability: float
    # Without the plan
    current_probability: float
    attainable: bool
    # With the plan
    probability: float
    # Probability with every chosen lever at the top quartile of peers
    maximum: float
    # Target minus mean forecast, without the plan
    gap: NotRequired[float | None]
    # What the plan adds, in points
    attainment_pp: NotRequired[float | None]
    # Expected revenue it adds within the period
    revenue: NotRequired[float | None]
    # Share of what is missing to the target that `revenue` closes; null where nothing is missing, or
    # no target is known
    gap_share: NotRequired[float | None]
    # What can be counted on with the plan
    reachable: NotRequired[list[ReachedRevenue] | None]
    # By what effects are ranked: points of attainment while its probability is between 2 and 98 %,
    # else revenue
    ranked_by: NotRequired[Literal["attainment", "revenue"] | None]
    levers: list[PlannedLever]
    people: list[PersonPlan]


class PlanRequest(TypedDict):
    """The probability to reach, and the levers that may change (empty: all of them)."""

    period: str
    probability: float
    # Default: the widest that the caller may see
    scope: NotRequired[str]
    as_of: NotRequired[str | None]
    # leads, appointment_rate, proposals, win_rate, amount, cycle_time
    levers: NotRequired[list[str]]
    # By lever, how much of the way to the top quartile of peers it goes: the answer is what that
    # gives, instead of the smallest change, and `levers` says nothing
    shares: NotRequired[dict[str, float]]
    # Default: the stored target
    target: NotRequired[float | None]


class PlannedKpi(TypedDict):
    """Values of one KPI for a person and the rest of the period."""

    kpi: str
    label: str
    unit: str
    # At the current pace
    usual_per_week: float
    per_week: float
    per_day: float
    by_period_end: float


# How far the plan moves a lever.
PlannedLever = TypedDict(
    "PlannedLever",
    {
        "lever": "str",
        "label": "str",
        "unit": "str",
        "from": "float",
        "to": "float",
        # At the top quartile of peers
        "top": "NotRequired[float | None]",
        # Share of the way to the top quartile of peers
        "share_of_step": "float",
        # What this lever alone would add at the top quartile, in points
        "alone_pp": "float",
        # The same as `alone_pp`
        "attainment_pp": "NotRequired[float | None]",
        # Expected revenue it adds within the period
        "revenue": "NotRequired[float | None]",
        # Share of what is missing to the target that `revenue` closes; null where nothing is missing, or
        # no target is known
        "gap_share": "NotRequired[float | None]",
    },
)


class Problem(TypedDict):
    """Problem details (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    # Stable name of the kind of error
    code: str
    instance: NotRequired[str | None]
    # Where in the request: {location, message}
    errors: NotRequired[list[dict[str, Any]] | None]
    # Of a batch: which line could not be answered
    line: NotRequired[int | None]


class Promotion(TypedDict):
    """Who puts a version in service, and why; both are kept with it."""

    # Default: the name of the API key
    by: NotRequired[str | None]
    because: NotRequired[str | None]


class Proposal(TypedDict):
    """A set for each person of a scope; nothing is stored."""

    as_of: str
    # The newest record the answer knows; data end there
    data_as_of: NotRequired[str | None]
    model: ModelInfo
    warnings: list[AnswerWarning]
    period: str
    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    sets: list[ProposedSet]


class ProposeRequest(TypedDict):
    """For whom and which period sets are proposed."""

    period: str
    # A person, or all people of a team; default: the widest that the caller may see
    scope: NotRequired[str | None]
    as_of: NotRequired[str | None]


class ProposedKpi(TypedDict):
    """A KPI as somebody proposes it; a field left out counts as not stated."""

    kpi: str
    # Default: the widest that the caller may see
    scope: NotRequired[str]
    value: NotRequired[float | None]
    unit: NotRequired[str | None]
    # column: value
    segment: NotRequired[dict[str, str]]
    period: NotRequired[str | None]
    # Day of the last review
    last_reviewed: NotRequired[str | None]


class ProposedSet(TypedDict):
    """Three to five KPIs of a person; fewer where no more have an estimated effect."""

    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    style: str | None
    before: SetBefore | None
    kpis: list[ProposedSetKpi]


class ProposedSetKpi(TypedDict):
    """A KPI of a proposed set, as one sentence and in figures."""

    # Points of the probability of the target
    attainment_pp: float | None
    # Expected revenue that it adds: in the period, or `later`
    revenue: float | None
    # Share of what is missing to the target that `revenue` closes; null where nothing is missing, or
    # no target is known
    gap_share: float | None
    # The effect by which it is ranked: points, or % of the target
    strength: float | None
    # By what effects are ranked: points of attainment while its probability is between 2 and 98 %,
    # else revenue
    ranked_by: Literal["attainment", "revenue"] | None
    # Whose goal it serves: its own, else the widest seen
    goal_scope: str | None
    # The effect if all of the team in the same role reach it
    together: bool
    # The revenue comes in the end, most of it after the period
    later: bool
    kpi: str
    label: str
    unit: str
    # Step of the process that it belongs to
    step: Literal["lead", "appointment", "meeting", "proposal", "closing", "customer"]
    so_far: float | None
    expected: float | None
    value: float | None
    # From now on; of counts
    per_week: float | None
    # At the current pace
    usual_per_week: float | None
    # Of reaching `value` as things go
    probability: float | None
    # By what its effect is estimated: a lever of the joint simulation, an action's estimated effect;
    # else the figures of the effect are null, and there is a correlation at most
    evidence: Literal["lever", "action", "correlation", "none"]
    source: str | None
    # How easily it rises without work behind it: by who else records it
    padding: Literal["hard", "some", "easy"]
    # It was in the set before
    kept: bool
    # `value` is what the plan for the goal asks of this person
    from_plan: bool
    sentence: str
    reason: str


class PushedDeal(TypedDict):
    """An open deal that closes some days later."""

    deal_id: str
    days: float


class QuarantineList(TypedDict):
    """Rows that wait to be put right, the oldest import first."""

    tables: list[QuarantinedTable]
    total: int
    rows: list[QuarantinedRow]
    # Send it as `cursor` to get the next page; null = this is the last one
    next_cursor: NotRequired[str | None]
    as_of: str
    model: ModelInfo | None
    warnings: list[AnswerWarning]


class QuarantinedRow(TypedDict):
    """A row of the quarantine; `values` as it came (null: its line is no row at all)."""

    row_id: str
    table: str
    label: str
    file: str
    line: int | None
    values: dict[str, str] | None
    errors: list[QuarantinedValue]


class QuarantinedTable(TypedDict):
    """How many rows of a table wait."""

    table: str
    label: str
    rows: int


class QuarantinedValue(TypedDict):
    """A value of a row that cannot be used, and why."""

    column: str
    label: str
    value: str
    code: str
    reason: str


class QuarterEvenness(TypedDict):
    """How uneven chances were on the first day of a quarter, over people with a target."""

    period: str
    as_of: str
    people: int
    # Of reaching it; strictly between 0 and 1, null without one
    lowest: float | None
    # Of reaching it; strictly between 0 and 1, null without one
    median: float | None
    # Of reaching it; strictly between 0 and 1, null without one
    highest: float | None
    # The highest minus the lowest chance, in points
    spread_pp: float | None
    # Share of them who reached their targets
    reached: float | None
    # Whether the chances were stored then, and not computed now
    from_stored: bool
    targets: list[PersonUnder]


class QuietDeal(TypedDict):
    """An open deal of which nothing was recorded for at least three weeks."""

    deal_id: str
    # What the deal is called; null where no name is recorded
    name: NotRequired[str | None]
    # What its account is called; null where no name is recorded
    account_name: NotRequired[str | None]
    owner_id: str | None
    amount: float | None
    stage: str | None
    quiet_days: int


class RankColumn(TypedDict):
    """A column of the organisation's own that could hold the ranks."""

    column: str
    # Some of its values, the most frequent first
    values: list[str]


class ReachedRevenue(TypedDict):
    """The revenue that is reached with a confidence."""

    confidence: float
    revenue: float


class ReaderOf(TypedDict):
    """Who read figures of the person, or of a team he is in."""

    caller: str
    role: str | None
    operation: str
    # What was read; `deal`: one of his deals
    scope: str
    times: int
    last_at: str


class Ready(TypedDict):
    """A model is loaded and its kept rows score as they did in training."""

    status: str
    model_version: str
    verified_rows: int
    # What the service cannot do at the moment (store or registry out of reach), and where settings or
    # the model differ from the organisation
    warnings: NotRequired[list[AnswerWarning]]


class RecommendationReport(TypedDict):
    """Whether recommendations help."""

    as_of: str
    # The newest record the answer knows; data end there
    data_as_of: NotRequired[str | None]
    model: ModelInfo
    warnings: list[AnswerWarning]
    recommendations: int
    by_action: list[ActionCounts]
    # Send it as `cursor` to get the next page; null = this is the last one
    next_cursor: NotRequired[str | None]
    hold_out: HoldOut | None
    # null until 30 explored deals have closed
    off_policy_value: OffPolicyValue | None


class RecordedOutcome(TypedDict):
    """The outcome that was recorded."""

    as_of: str
    # The newest record the answer knows; data end there
    data_as_of: NotRequired[str | None]
    model: ModelInfo
    warnings: list[AnswerWarning]
    recommendation_id: str
    state: str
    reason: str | None


class Reliability(TypedDict):
    """What came of later deals, by tenths of the chance said."""

    deals: int
    groups: list[ChanceGroup]


class RemovedRow(TypedDict):
    """The row that was taken out of a table: gone from `as_of` on, known to earlier moments."""

    table: str
    id: str
    removed: int
    as_of: str
    model: ModelInfo | None
    warnings: list[AnswerWarning]


class RemovedWebhook(TypedDict):
    """A webhook that is gone."""

    as_of: str
    model: ModelInfo | None
    warnings: list[AnswerWarning]
    webhook_id: str


class Replayed(TypedDict):
    """How many given-up events are sent again."""

    as_of: str
    model: ModelInfo | None
    warnings: list[AnswerWarning]
    webhook_id: str
    replayed: int


class RepricedDeal(TypedDict):
    """An open deal and its new amount."""

    deal_id: str
    amount: float
    # Default: the organisation's
    currency: NotRequired[str | None]


class RevenueCall(TypedDict):
    """A revenue that somebody called, and what was forecast when it was made."""

    call_id: str
    amount: float
    confidence: Literal["high", "medium", "low"]
    reason: str | None
    made_at: str
    made_by: str
    made_by_name: str
    p10: float
    p50: float
    p90: float
    # Of reaching the target, by the forecast
    probability: float | None
    model_version: str
    # Of the call: called minus won; null until the period is over
    error: float | None
    # Of the forecast: p50 minus won
    forecast_error: float | None


class RevenueCallList(TypedDict):
    """The calls for a scope in a period, the oldest first."""

    as_of: str
    # The newest record the answer knows; data end there
    data_as_of: NotRequired[str | None]
    model: ModelInfo
    warnings: list[AnswerWarning]
    period: str
    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    is_over: bool
    # Won in the period; null until it is over
    actual: float | None
    calls: list[RevenueCall]


class RevenueDistribution(TypedDict):
    """A distribution of revenue."""

    mean: float
    p05: float
    p10: float
    p25: float
    p50: float
    p75: float
    p90: float
    p95: float


class Review(TypedDict):
    """A week's review of a scope."""

    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    # By block
    notes: dict[str, str]
    # 0 where nothing is saved; to be sent back with a change
    version: int
    saved_at: str | None
    saved_by: str | None
    period: str
    since: str
    # Seen as of the day on which it was saved, not as of now
    is_past: bool
    # Of each kind the 40 of the largest deals
    moves: list[Move]
    # How many changes of each kind there were; pushed_back: to a later expected close date
    counts: dict[str, int]
    # What became of recommended actions in the seven days
    chosen: list[ChosenAction]
    # Agreed before: what is open, what ended in the past week, and all of the last meeting
    carried: list[AgreementFields]
    # Agreed in this meeting
    agreements: list[AgreementFields]
    as_of: str
    # The newest record the answer knows; data end there
    data_as_of: NotRequired[str | None]
    model: ModelInfo
    warnings: list[AnswerWarning]
    week: str
    first: str
    last: str


class ReviewedSet(TypedDict):
    """What became of an accepted set."""

    version: int
    accepted_at: str
    accepted_by: str
    reason: str | None
    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    kpis: list[ReviewedSetKpi]
    put_in_place: list[ProposedSetKpi]


class ReviewedSetKpi(TypedDict):
    """What became of an accepted KPI."""

    kpi: str
    label: str
    unit: str
    value: float
    now: float | None
    # null: the period still runs
    reached: bool | None
    probability: float | None
    # What the step was to bring its own goal when it was accepted; null of what serves another goal
    # or comes later
    revenue_promised: float | None
    came: Literal["came", "less", "none", "cannot_be_told"]
    # Over all who had this KPI
    share_of_promised: float | None
    # 80 % interval
    share_interval: tuple[float, float] | None
    people: int
    strength_then: float | None
    strength_now: float | None
    lost_relation: bool
    # What looks padded, as a question to ask
    padded: str | None
    verdict: Literal["drop", "keep", "change", "put_in_place"]
    # To which value to change it
    value_now: float | None
    sentence: str


class RowError(TypedDict):
    """An error in a row that was quarantined."""

    line: int | None
    column: str
    value: str
    reason: str


class RowsAbout(TypedDict):
    """Rows of a table that name the person in a column."""

    table: str
    column: str
    # The table in the reader's language
    label: str
    rows: int


class ScopeList(TypedDict):
    """The company, its teams and people, a parent before its children."""

    as_of: str
    # The newest record the answer knows; data end there
    data_as_of: NotRequired[str | None]
    model: ModelInfo
    warnings: list[AnswerWarning]
    period: str
    scopes: list[ScopeRow]


class ScopeRow(TypedDict):
    """A scope of questions, and the one that it belongs to."""

    # As questions name it
    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    kind: Literal["company", "team", "person", "unassigned"]
    # The scope directly above; null = the top
    parent: str | None


class ScoreDifference(TypedDict):
    """The model's mean score minus a method's on the same rows, with its 95 % interval; below 0 = better."""

    mean: float | None
    lo: float | None
    hi: float | None


class ScoreDrift(TypedDict):
    """How far the distribution of win probabilities moved since the training."""

    # Population stability index; 0 = no change
    psi: float
    p_value: float
    alarm: bool


class ScoreRequest(TypedDict):
    """One deal with its history as the caller knows it; nothing of it is stored."""

    deal: Deal
    events: NotRequired[list[DealEvent]]
    activities: NotRequired[list[Activity]]
    account: NotRequired[Account | None]
    # Default now; a date means the end of that day
    as_of: NotRequired[str | None]
    # Default: the current quarter
    period: NotRequired[str | None]


class SegmentCalibration(TypedDict):
    """Wins expected and wins observed since the training: of all deals (null), or of a segment."""

    segment: dict[str, str] | None
    deals: int
    rows: int
    # By the model, corrected by its error in training
    expected: float
    observed: float
    # Of the log-odds of a win since then; of a segment, compared with all other deals
    log_odds_shift: float
    # 95 % interval of log_odds_shift
    interval: list[float]
    p_value: float
    alarm: bool


class SellingResults(TypedDict):
    """Results compared with those of an average rep on the same deals."""

    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    # Closed in the period
    deals: int
    wins: int
    expected_wins: float
    wins_above_expected: AboveExpected
    revenue: float
    expected_revenue: float
    revenue_above_expected: AboveExpected
    verdict: Literal["above", "below", "within_chance"]
    # The verdict as a sentence
    message: str


class SessionState(TypedDict):
    """How somebody has signed in, and until when that lasts."""

    way: Literal["password", "link", "oidc"]
    created_at: str
    # In any case; earlier where it is not used
    ends_at: str
    # Minutes without a call after which it ends
    idle_minutes: float


class SetBefore(TypedDict):
    """The accepted set that a proposal starts from."""

    period: str
    version: int


class ShadowQueue(TypedDict):
    """What became of the deals asked for since this process started."""

    scored: int
    # Too many waited, or the store was out of reach
    dropped: int
    failed: int
    waiting: int


class ShadowReport(TypedDict):
    """How the answers of the shadow differ from those shown, and who is right where outcomes are known."""

    answers: int
    deals: int
    first: str | None
    last: str | None
    difference_in_the_end: AnswerDifferences
    difference_by_period_end: AnswerDifferences
    stages: list[StageDifferences]
    # On the shadow; null = no outcome is known yet
    verdict: Literal["better", "not_worse", "worse", "cannot_tell"] | None
    outcome_rows: int
    outcome_deals: int
    # Shadow minus shown
    log_loss_difference: Interval | None


class ShadowState(TypedDict):
    """The version that answers without being shown."""

    as_of: str
    # The newest record the answer knows; data end there
    data_as_of: NotRequired[str | None]
    model: ModelInfo
    warnings: list[AnswerWarning]
    version: str | None
    text: str
    report: ShadowReport | None
    queue: ShadowQueue


class ShareRequest(TypedDict):
    """How a target is shared out. One of `total`, `growth`, `confidence`; else the stored target."""

    period: str
    # Default: the widest that the caller may see
    scope: NotRequired[str]
    as_of: NotRequired[str | None]
    # The target of the scope
    total: NotRequired[float | None]
    # On the same period a year before
    growth: NotRequired[float | None]
    # What the scope reaches with this probability
    confidence: NotRequired[float | None]
    # chance: everybody has the same chance; or in the usual ways: even, by last year's revenue
    # (history), by the weighted pipeline
    way: NotRequired[Literal["chance", "even", "history", "pipeline"]]
    # Down to people, with teams as their sums; or to what is right below the scope
    level: NotRequired[Literal["person", "team"]]
    bounds: NotRequired[list[Bound]]
    away: NotRequired[list[AwayDays]]
    # Targets are multiples of it
    round_to: NotRequired[float | None]
    # The last level's targets add up to so many times the whole
    over_assignment: NotRequired[float]
    # Kind of target that is written
    kind: NotRequired[Literal["committed", "stretch", "budget"] | None]
    # Store the targets; needs the right to write
    write: NotRequired[bool]


class SharedTarget(TypedDict):
    """The target of a team or person."""

    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    value: float
    # Of reaching it; strictly between 0 and 1, null without one
    probability: float | None
    # The target that is stored before
    stored: float | None
    # Median of the forecast revenue
    expected: float
    # Fixed, or at a bound
    is_bound: bool
    # Share of the working days left that a person is away
    away: NotRequired[float | None]
    # Whether a person is in the first year
    is_new: NotRequired[bool | None]
    # Beside it, every way
    ways: list[OtherWay]


class SharedTargets(TypedDict):
    """A target, shared out to the scopes below."""

    as_of: str
    # The newest record the answer knows; data end there
    data_as_of: NotRequired[str | None]
    model: ModelInfo
    warnings: list[AnswerWarning]
    period: str
    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    total: float
    # On the same period a year before, 0.1 = 10 % more; null where that is not known
    growth: NotRequired[float | None]
    # Of reaching it; strictly between 0 and 1, null without one
    probability: float | None
    way: Literal["chance", "even", "history", "pipeline"]
    over_assignment: float
    # Teams, each before its people
    targets: list[SharedTarget]
    left_out: list[LeftOut]
    ways: list[WayOfSharing]
    assumptions: list[str]
    # Targets that do not add up, were these stored: with the months of a quarter, a year
    differences: list[TargetDifference]
    written: NotRequired[WrittenTargets | None]


class SignInRequest(TypedDict):
    """An e-mail address of `people`, and its password."""

    email: str
    password: str


class SignInWays(TypedDict):
    """How somebody can sign in here."""

    password: bool
    link: bool
    # By GET /auth/oidc/start
    oidc: bool


class SignedOut(TypedDict):
    """The session is over."""

    signed_out: bool


class SimilarDeal(TypedDict):
    """A closed deal that the win model's trees treat much like this one."""

    deal_id: str
    # What the deal is called; null where no name is recorded
    name: NotRequired[str | None]
    # What its account is called; null where no name is recorded
    account_name: NotRequired[str | None]
    outcome: Literal["won", "lost"]
    # Share of the trees that put both into one leaf
    similarity: float


class StageDifferences(TypedDict):
    """Shadow minus shown of the chance in the end, of the deals in a stage."""

    mean: float | None
    mean_size: float | None
    p10: float | None
    p50: float | None
    p90: float | None
    # Share of the answers that differ by more than five points
    beyond_5pp: float | None
    stage: str
    answers: int


# From one stage to the next, of deals closed in the past year.
StageTransition = TypedDict(
    "StageTransition",
    {
        "from": "str",
        "to": "str",
        "deals": "int",
        "conversion": "float",
        # Of peers of the same selling style
        "top_quartile_conversion": "float | None",
        "days": "float | None",
        "top_quartile_days": "float | None",
    },
)


class StoredPersonAnswer(TypedDict):
    """What a person says of a figure or question about himself."""

    answer_id: str
    person_id: str
    subject: str
    period: str | None
    answer: str
    at: str


class StoredSet(TypedDict):
    """A version with its KPIs."""

    version: int
    accepted_at: str
    accepted_by: str
    reason: str | None
    kpis: list[AcceptedSetKpi]


class TableResult(TypedDict):
    """How many rows were read, imported, unchanged and quarantined, and why."""

    table: str
    read: int
    imported: int
    unchanged: int
    quarantined: int
    errors: list[RowError]
    as_of: str
    model: ModelInfo | None
    warnings: list[AnswerWarning]


class TargetDifference(TypedDict):
    """A target, and what the targets below it add up to; nothing is mended."""

    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    period: str
    # Whether the parts are scopes or periods
    by: Literal["scopes", "periods"]
    whole: float
    # The sum of the parts
    total: float
    # The sum minus the whole
    difference: float
    # The periods that were added; of scopes, none are named
    parts: list[str]
    message: str


class TargetEvenness(TypedDict):
    """How uneven chances were under the targets that were set."""

    as_of: str
    # The newest record the answer knows; data end there
    data_as_of: NotRequired[str | None]
    model: ModelInfo
    warnings: list[AnswerWarning]
    period: str
    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    # The newest first
    quarters: list[QuarterEvenness]


class TargetGroup(TypedDict):
    """Past forecasts of the company's target with similar chances, and how many were reached."""

    low: float
    high: float
    forecasts: int
    reached: int


class Timeline(TypedDict):
    """What happened to a deal, and what was said of it; both newest first."""

    as_of: str
    # The newest record the answer knows; data end there
    data_as_of: NotRequired[str | None]
    model: ModelInfo
    warnings: list[AnswerWarning]
    deal_id: str
    # What the deal is called; null where no name is recorded
    name: NotRequired[str | None]
    # What its account is called; null where no name is recorded
    account_name: NotRequired[str | None]
    # null = it is open
    closed_at: NotRequired[str | None]
    outcome: NotRequired[Literal["won", "lost"] | None]
    entries: list[TimelineEntry]
    # Send it as `cursor` to get the next page; null = this is the last one
    next_cursor: NotRequired[str | None]
    # How many older ones `limit` left off
    entries_left_off: int
    # Of each day that is stored (`sancho jobs schedule scoring --every 1d`)
    scores: list[TimelineScore]
    # What was told of the recommendations of the past 14 days, newest first
    outcomes: list[TimelineOutcome]


class TimelineEntry(TypedDict):
    """Something that happened to a deal."""

    at: str
    kind: Literal["created", "changed", "activity", "closed"]
    # What it is, for reading: the field, the kind of activity, the outcome
    label: str
    # The column that changed
    field: str | None
    # After the change; of an activity its kind; of a closing won or lost
    value: str | None
    old_value: str | None
    # What the person or account is called that `value` names
    value_name: str | None
    old_value_name: str | None
    # Subject or outcome of an activity; why a deal was lost
    note: str | None
    # null = nobody is recorded
    actor_id: str | None
    actor_name: str | None


class TimelineOutcome(TypedDict):
    """What was told of a recommendation, by whom is not recorded."""

    at: str
    recommendation_id: str
    action: str
    label: str
    state: Literal["shown", "accepted", "dismissed", "done"]
    # Why it was dismissed
    reason: str | None


class TimelineScore(TypedDict):
    """What was said of a deal on a day."""

    day: str
    as_of: str
    period: str
    win_probability: float
    win_by_period_end: float
    expected_revenue: float
    expected_close_date: str | None
    model_version: str


class TrainingRequest(TypedDict):
    """A training: on what was known when, whether only when it is needed, whether it may be promoted."""

    # Default now; a date means its end
    as_of: NotRequired[str | None]
    # Only where the model in service needs retraining
    if_needed: NotRequired[bool]
    # Promote past the gate; else only register
    promote: NotRequired[bool]


class Tree(TypedDict):
    """KGI -> KSF -> KPI of a scope and period, with numbers; the strongest branch first."""

    as_of: str
    # The newest record the answer knows; data end there
    data_as_of: NotRequired[str | None]
    model: ModelInfo
    warnings: list[AnswerWarning]
    period: str
    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    goal: Goal
    # By what effects are ranked: points of attainment while its probability is between 2 and 98 %,
    # else revenue
    ranked_by: NotRequired[Literal["attainment", "revenue"] | None]
    branches: list[Branch]


class Trend(TypedDict):
    """How the win probability changed since a moment, and the factors of that change."""

    since: str
    change_pp: float
    factors: list[Factor]


class WayOfSharing(TypedDict):
    """How uneven chances are under a way of sharing, over those at the last level."""

    way: Literal["chance", "even", "history", "pipeline"]
    label: str
    is_chosen: bool
    # Of reaching it; strictly between 0 and 1, null without one
    lowest: float | None
    # Of reaching it; strictly between 0 and 1, null without one
    median: float | None
    # Of reaching it; strictly between 0 and 1, null without one
    highest: float | None
    # The highest minus the lowest chance, in points
    spread_pp: float | None


class WebhookDeliveries(TypedDict):
    """Events to a webhook, newest first."""

    as_of: str
    model: ModelInfo | None
    warnings: list[AnswerWarning]
    deliveries: list[WebhookDelivery]
    next_cursor: str | None


class WebhookDelivery(TypedDict):
    """An event to a webhook: `queued` to be sent, `delivered`, or `dead`: given up."""

    event_id: str
    type: str
    # The deal, period and scope, or bottleneck it is about
    subject: str | None
    state: Literal["queued", "delivered", "dead"]
    attempts: int
    created_at: str
    # When it is sent next
    due_at: str | None
    finished_at: str | None
    # HTTP status of the last answer
    last_status: int | None
    # Why there was no answer
    last_error: str | None


class WebhookList(TypedDict):
    """All webhooks, and which types of event there are."""

    as_of: str
    model: ModelInfo | None
    warnings: list[AnswerWarning]
    webhooks: list[WebhookState]
    event_types: list[EventType]


class WebhookRequest(TypedDict):
    """An address to which events are posted."""

    url: str
    # Of deal.score_changed, attainment.crossed, bottleneck.found, model.promoted, data.stale; none =
    # all of them
    types: NotRequired[list[str]]


class WebhookState(TypedDict):
    """A webhook; its secret is never shown again."""

    webhook_id: str
    url: str
    types: list[str]
    # Name of the key that asked for it
    requested_by: str | None
    created_at: str
    # Since when nothing is sent: its receiver answered 410 Gone
    disabled_at: str | None


class WhatIf(TypedDict):
    """A forecast before and after the assumptions, in the same scenarios."""

    as_of: str
    # The newest record the answer knows; data end there
    data_as_of: NotRequired[str | None]
    model: ModelInfo
    warnings: list[AnswerWarning]
    period: str
    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    before: ForecastSummary
    after: ForecastSummary
    effect_pp: float | None
    revenue_change: float
    # The same as `effect_pp`
    attainment_pp: NotRequired[float | None]
    # Expected revenue it adds within the period
    revenue: NotRequired[float | None]
    # Share of what is missing to the target that `revenue` closes; null where nothing is missing, or
    # no target is known
    gap_share: NotRequired[float | None]
    assumptions: list[str]
    children: list[WhatIfSide]


class WhatIfRequest(TypedDict):
    """The assumptions about a period."""

    # Default: the widest that the caller may see
    scope: NotRequired[str]
    as_of: NotRequired[str | None]
    won: NotRequired[list[str]]
    lost: NotRequired[list[str]]
    pushed: NotRequired[list[PushedDeal]]
    repriced: NotRequired[list[RepricedDeal]]
    # person_ids
    leaving: NotRequired[list[str]]
    joining: NotRequired[list[NewHire]]
    levels: NotRequired[list[NewLevel]]
    targets: NotRequired[list[NewTarget]]


class WhatIfSide(TypedDict):
    """A scope before and after."""

    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    before: ForecastSummary
    after: ForecastSummary
    effect_pp: float | None
    revenue_change: float
    # The same as `effect_pp`
    attainment_pp: NotRequired[float | None]
    # Expected revenue it adds within the period
    revenue: NotRequired[float | None]
    # Share of what is missing to the target that `revenue` closes; null where nothing is missing, or
    # no target is known
    gap_share: NotRequired[float | None]


class Win(TypedDict):
    """Probability of a win: ever, by the period's end, and by date."""

    probability: float
    by_period_end: float
    curve: list[CurvePoint]
    # 80 % interval of `probability`
    interval: tuple[float, float]
    # Intervals of `probability` by level in percent: "50", "80", "95", each within the next
    intervals: dict[str, tuple[float, float]]
    # 80 % interval of `by_period_end`; null once the period is over
    interval_by_period_end: tuple[float, float] | None
    grade: Literal["A", "B", "C", "D"]
    trend: Trend | None


class WonInTheEnd(TypedDict):
    """Share won in the end of later open deals: as said, as it happened, and its bounds."""

    said: float | None
    happened: float | None
    lo: float | None
    hi: float | None
    moments: int
    deals: int
    # Share of the moments whose deal has not ended
    still_open: float | None
    # Share won if all deals still open are lost
    least: NotRequired[float | None]
    # Share won if they are all won
    most: NotRequired[float | None]


class WrittenTargets(TypedDict):
    """What was stored."""

    imported: int
    unchanged: int
    quarantined: int


class Yomi(TypedDict):
    """The deal sheet of a scope and period."""

    as_of: str
    # The newest record the answer knows; data end there
    data_as_of: NotRequired[str | None]
    model: ModelInfo
    warnings: list[AnswerWarning]
    period: str
    scope: str
    # What the scope is called; null where no name is recorded
    name: NotRequired[str | None]
    # The column of deals that holds the ranks; null = none is named
    rank_column: str | None
    # Where none is named: columns that could be it
    rank_columns: list[RankColumn]
    # The likeliest first
    ranks: list[YomiRank]
    target: float | None
    # Of reaching the target; null without one
    probability: float | None
    revenue: YomiRevenue
    months: list[str]
    summary: list[YomiSummaryRow]
    # Why the forecast has no interval by month
    no_range_by_month: str
    # null where no column holds ranks
    answer_check: AnswerCheck | None
    # The largest swing first; deals that are won at the end
    deals: list[YomiDeal]
    # Open deals on the sheet that are in no month and no sum
    deals_without_day: int
    # Open deals of the scope that are due after the period
    deals_due_later: int


class YomiAction(TypedDict):
    """The best next action of a deal."""

    action: str
    label: str
    uplift_pp: float
    recommendation_id: str | None


class YomiDeal(TypedDict):
    """A deal on the sheet: open and due in the period, or won in it."""

    deal_id: str
    # What the deal is called; null where no name is recorded
    name: NotRequired[str | None]
    # What its account is called; null where no name is recorded
    account_name: NotRequired[str | None]
    owner_id: str | None
    # What the owner is called
    owner_name: str | None
    product: str | None
    stage: str | None
    state: Literal["open", "won"]
    # The rep's own call as it was known at the moment; null = none
    rank: str | None
    # The chance agreed for the rank; null for one that is not agreed
    agreed: float | None
    # As entered; of a deal that is won, when it was
    expected_close_date: str | None
    # The month in which it counts: that of the day entered, or of the moment once that is past; null
    # without a day
    month: str | None
    # As entered, in the organisation's currency
    amount: float | None
    # Probability of a win within the period; null once won
    by_period_end: float | None
    # `by_period_end` minus `agreed`, in points
    difference_pp: float | None
    # Expected revenue within the period; null once won
    revenue: float | None
    # Points of the chance of the scope's target between won and lost; null without a target
    swing_pp: float | None
    flags: list[Flag]
    # What moves its chance most, at most two
    reasons: list[YomiReason]
    next_action: YomiAction | None
    last_contact: str | None
    # When something about it was last entered
    updated: str | None


class YomiRank(TypedDict):
    """A rank and the chance of an order that is agreed for it."""

    rank: str
    agreed: float
    # Whether it counts in the rows `counted_on`: agreed at 50 % or more
    counted_on: bool


class YomiReason(TypedDict):
    """What moves a deal's chance, against the deals won from its stage."""

    reason: str
    label: str
    effect_pp: float
    controllable: bool


class YomiRevenue(TypedDict):
    """The forecast of the period: mean, median, and the 80 % interval unless past forecasts refute it."""

    mean: float
    # null where past forecasts refute the interval
    p10: float | None
    p50: float
    p90: float | None
    # What the newest backtest says of 80 % intervals of such scopes
    interval: Literal["held", "refuted", "unchecked"]


class YomiSummaryRow(TypedDict):
    """A row of the summary: by month, and of the whole period."""

    code: Literal["target", "won", "rank", "unranked", "counted_on", "gap", "attained", "expected"]
    # Of `rank` its rank; of `counted_on` the last one added
    rank: str | None
    label: str
    # null where no target is set for the month
    months: list[float | None]
    total: float | None
