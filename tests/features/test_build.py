"""Are the features what a person would work out by hand, and what a slow and obvious way finds?"""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings

from crm.eventlog import EventLog
from crm.frames import micros
from crm.instants import DAY, NEVER
from features import (
    CATALOGUE,
    GROUPS,
    Calendar,
    build_features,
    change_moments,
    compile_history,
    deal_states,
    weeks_represented,
)
from features.arrays import KINDS
from features.organisation_rows import SMOOTHING
from tests.support.logs import DEALS, TICKS, TOKYO, at, random_logs

CALENDAR = Calendar(TOKYO)


def instant(text: str) -> int:
    return int(pd.Timestamp(text, tz=TOKYO).as_unit("us").value // 1000)


def features_of(log: EventLog, deal: str, moment: str | int) -> dict[str, float]:
    history = compile_history(log, CALENDAR)
    t = instant(moment) if isinstance(moment, str) else moment
    row = build_features(history, history.deal_ids.get_indexer([deal]), np.array([t]))[0]
    return dict(zip((f.name for f in history.features), row, strict=True))


@pytest.fixture(scope="module")
def paper() -> EventLog:
    """Deal D1 under the eye; O1 and O2 are what its seller and account did before."""
    deals = pd.DataFrame(
        [
            # deal, created, stage, owner, account, product, amount, expected, closed, outcome
            ("D1", "2026-04-01", "クロージング", "P1", "C1", "A", 80, "2026-06-15", None, None),
            ("O1", "2026-01-01", "受注", "P1", "C1", "A", 200, None, "2026-01-31", "won"),
            ("O2", "2026-02-01", "失注", "P1", "C1", "A", 50, None, "2026-03-03", "lost"),
            ("O3", "2026-03-01", "提案・見積", "P1", "C1", "A", 10, None, None, None),
        ],
        columns=["deal_id", "created_at", "stage", "owner_id", "account_id", "product", "amount",
                 "expected_close_date", "closed_at", "outcome"],
    )  # fmt: skip
    events = pd.DataFrame(
        [
            ("D1", "2026-04-01", "stage", "アポイント", None),
            ("D1", "2026-04-11", "stage", "提案・見積", "アポイント"),
            ("D1", "2026-04-16", "stage", "初回訪問", "提案・見積"),
            ("D1", "2026-05-20", "stage", "クロージング", "初回訪問"),
            ("D1", "2026-04-21", "amount", "90", "100"),
            ("D1", "2026-05-25", "amount", "80", "90"),
            ("D1", "2026-04-05", "expected_close_date", "2026-05-31", "2026-04-30"),
            ("D1", "2026-04-20", "expected_close_date", "2026-05-15", "2026-05-31"),
            ("D1", "2026-05-25", "expected_close_date", "2026-06-15", "2026-05-15"),
            ("D1", "2026-04-06", "owner_id", "P1", "P2"),
            ("O3", "2026-03-06", "stage", "提案・見積", "アポイント"),
        ],
        columns=["deal_id", "at", "field", "value", "old_value"],
    )
    acts = pd.DataFrame(
        [
            ("D1", "2026-04-02", "call", "P2", "out", None, None, 10),
            ("D1", "2026-04-08", "visit", "P1", "out", True, None, 60),
            ("D1", "2026-04-08", "visit", "P3", "out", None, None, 60),
            ("D1", "2026-04-18", "proposal", "P1", "out", None, "提案書", None),
            ("D1", "2026-04-26", "email", "P1", "in", None, None, None),
            ("D1", "2026-05-01", "quote", "P1", "out", None, None, None),
            ("O3", "2026-03-20", "call", "P1", "out", None, None, 5),
            ("O3", "2026-04-20", "call", "P1", "out", None, None, 5),
        ],
        columns=["deal_id", "at", "kind", "actor_id", "direction", "effective", "material", "minutes"],
    )
    return EventLog.of(
        {
            "deals": deals,
            "deal_events": events,
            "activities": acts.assign(activity_id=[f"A{n}" for n in range(len(acts))]),
            "people": pd.DataFrame(
                {"person_id": ["P1", "P2", "P3"], "style": ["field", "inside", "manager"],
                 "team_id": ["T1", "T1", "T1"], "active_from": ["2025-05-01", None, None]}
            ),
            "accounts": pd.DataFrame(
                {"account_id": ["C1"], "industry": ["製造業"], "employees": [99],
                 "created_at": ["2026-01-01"]}
            ),
            "leads": pd.DataFrame(
                {"lead_id": ["L1"], "created_at": ["2026-03-22"], "source": ["Web"], "deal_id": ["D1"],
                 "contacted_at": ["2026-03-22T06:00"], "appointment_at": ["2026-03-29"],
                 "qualified_at": ["2026-06-01"]}
            ),
            "contracts": pd.DataFrame(
                {"contract_id": ["K1", "K2"], "account_id": ["C1", "C1"], "monthly_amount": [10.0, 20.5],
                 "started_at": ["2026-01-01", "2026-02-01"], "ended_at": ["2026-04-15", "2026-12-31"]}
            ),
        },
        TOKYO,
    )  # fmt: skip


def log1p_mean(*values: float) -> float:
    return math.fsum(math.log1p(value) for value in values) / len(values)


# As of the start of 2026-05-01: the quote of that very instant is not known yet; the win of 90 days ago, to
# the instant, is among those of the last 90 days.
COMPANY = (1 + 1) / (2 + 2)  # one won, one lost
HABIT = math.log1p(7)  # other deals' gaps: one of 31 days, and five of a week to begin with
HABIT = (math.log1p(31) + 5 * HABIT) / 6
PAPER = {
    "stage_position": 3, "days_in_stage": 15, "longest_stage_days": 15, "stage_moves": 2,
    "stage_moves_back": 1, "days_per_stage": 15, "age_days": 30, "age_vs_won": 0, "reopened": 0,
    "amount": math.log1p(90), "amount_vs_first": math.log1p(90) - math.log1p(100),
    "amount_vs_product": math.log1p(90) - log1p_mean(200, 50), "amount_changes": 1, "amount_cuts": 1,
    "amount_vs_seller": math.log1p(90) - log1p_mean(200, 50), "days_since_amount_change": 10,
    "days_to_close_date": 15, "days_past_due": 0, "close_date_pushes": 1, "close_date_pushed_days": 31,
    "close_date_pulls": 1, "close_date_slip": 15, "days_since_close_date_change": 11,
    "planned_cycle_vs_usual": math.log1p(45) - math.log1p(30),
    "close_date_to_quarter_end": 46, "close_date_to_fiscal_end": 320,
    "activities": 5, "activities_7d": 1, "activities_30d": 5, "activities_90d": 5, "activity_trend": 5,
    "calls": 1, "emails": 1, "visits": 2, "meetings_30d": 2, "proposals": 1, "quotes": 0, "materials": 1,
    "days_since_activity": 5, "days_since_call": 29, "days_since_meeting": 23, "days_since_proposal": 13,
    "days_since_quote": None, "inbound": 1, "inbound_share": 0.2, "days_since_inbound": 5,
    "effective_meetings": 1, "days_since_effective": 23, "people_involved": 3, "manager_meetings": 1,
    "minutes": 130, "gap_days": math.expm1(log1p_mean(6, 10, 8)),
    "created_to_meeting_days": 7, "meeting_to_proposal_days": 10, "proposal_to_quote_days": None,
    "seller_win_rate": (1 + COMPANY * SMOOTHING) / (2 + SMOOTHING), "seller_closed": 2, "seller_won_90d": 1,
    "seller_cycle_days": 30, "seller_load": 1, "seller_new_30d": 0, "seller_tenure_days": 365,
    "seller_activities_30d": 1, "seller_activities_per_deal": 0.5, "seller_gap_days": math.expm1(HABIT),
    "silence_vs_seller": math.log1p(5) - HABIT, "owner_changes": 1, "days_with_owner": 25,
    "employees": math.log1p(99), "account_age_days": 120, "account_won": 1, "account_lost": 1,
    "account_win_rate": (1 + COMPANY * SMOOTHING) / (2 + SMOOTHING), "days_since_account_won": 90,
    "days_since_account_lost": 59, "account_open_deals": 1, "contracts": 1, "contracts_ended": 1,
    "monthly_amount": math.log1p(20.5), "lead_to_contact_hours": 6, "lead_to_appointment_days": 7,
    "appointment_to_meeting_days": 10, "lead_to_deal_days": 10, "lead_qualified": 0,
    "lead_to_meeting_days": None, "stage_days_vs_usual": None,
}  # fmt: skip


@pytest.mark.parametrize("name", PAPER)
def test_a_feature_is_what_was_worked_out_on_paper(paper: EventLog, name: str) -> None:
    found = features_of(paper, "D1", "2026-05-01")[name]
    if PAPER[name] is None:
        assert math.isnan(found)
    else:
        assert found == pytest.approx(PAPER[name], rel=2e-6, abs=2e-6)


def test_the_stay_in_a_stage_is_held_against_that_of_other_deals_which_moved_on(paper: EventLog) -> None:
    # On 2026-04-08 D1 is in アポイント for 7 days; O3 moved on from it after 5, D1 itself has not yet.
    found = features_of(paper, "D1", "2026-04-08")["stage_days_vs_usual"]
    assert found == pytest.approx(math.log1p(7) - math.log1p(5), abs=2e-6)


def test_categories_are_codes_into_the_levels(paper: EventLog) -> None:
    history = compile_history(paper, CALENDAR)
    x = features_of(paper, "D1", "2026-05-01")
    for feature, name in {"stage": "初回訪問", "product": "A", "industry": "製造業", "lead_source": "Web",
                          "seller_style": "field", "seller_team": "T1"}.items():  # fmt: skip
        assert history.levels[feature][int(x[feature])] == name
    assert math.isnan(x["region"])


def test_a_win_of_the_deal_itself_is_not_in_its_sellers_record(paper: EventLog) -> None:
    before, after = (features_of(paper, "O1", day) for day in ("2026-01-31", "2026-02-20"))
    for name in ("seller_closed", "seller_won_90d", "account_won", "seller_load", "seller_new_30d"):
        assert after[name] == (1 if name in ("seller_load", "seller_new_30d") else 0), name
        assert before[name] == 0, name
    assert math.isnan(after["days_since_account_won"])


def test_a_closing_that_was_taken_back_no_longer_counts() -> None:
    """X is won, then lost after all; Y is lost and opened again; Z sees both, seller and account alike."""
    deals = pd.DataFrame(
        {"deal_id": ["X", "Y", "Z"], "created_at": "2026-04-01",
         "stage": ["失注", "クロージング", "アポイント"],
         "owner_id": "P1", "account_id": "C1"}
    )  # fmt: skip
    events = pd.DataFrame(
        [("X", "2026-04-10", "受注"), ("X", "2026-04-20", "失注"), ("Y", "2026-04-12", "失注"),
         ("Y", "2026-04-22", "クロージング")],
        columns=["deal_id", "at", "value"],
    ).assign(field="stage")  # fmt: skip
    log = EventLog.of({"deals": deals, "deal_events": events}, TOKYO)

    def record(day: str) -> tuple[float, ...]:
        x = features_of(log, "Z", day)
        assert x["seller_closed"] == x["account_won"] + x["account_lost"]
        return x["account_won"], x["account_lost"], x["seller_load"], x["seller_won_90d"]

    assert record("2026-04-10") == (0, 0, 2, 0)
    assert record("2026-04-11") == (1, 0, 1, 1)
    assert record("2026-04-13") == (1, 1, 0, 1)
    assert record("2026-04-21") == (0, 2, 0, 0)
    assert record("2026-04-23") == (0, 1, 1, 0)
    assert features_of(log, "Y", "2026-04-23")["reopened"] == 1


def test_moments_are_at_creation_after_changes_and_on_a_grid_that_widens(paper: EventLog) -> None:
    history = compile_history(paper, CALENDAR)
    deals, moments = change_moments(history, instant("2026-07-01"))
    created = instant("2026-04-01")
    mine = moments[deals == history.deal_ids.get_loc("D1")] - created
    stands = weeks_represented(np.full(len(mine), created), created + mine)
    days = (mine - 1) / DAY
    assert days[stands == 0].tolist() == [
        0,
        4,
        5,
        10,
        15,
        19,
        20,
        49,
        54,
    ]  # created, and its recorded changes
    on_grid = days[stands > 0]
    assert np.searchsorted([0, 1, 3, 7, 14, 21, 28, 42, 56, 70, 84], on_grid, side="right").tolist() == [
        *range(1, 12)
    ]
    assert (stands[stands > 0] * 7).round(9).tolist() == [1, 2, 4, 7, 7, 7, 14, 14, 14, 14, 28]
    closed = moments[deals == history.deal_ids.get_loc("O1")]
    assert closed.max() <= instant("2026-01-31")


def test_moments_of_the_grid_stand_for_snapshots_on_random_days() -> None:
    n = 400
    created = pd.Timestamp("2025-01-06", tz=TOKYO) + pd.to_timedelta(np.arange(n), "D")
    frame = pd.DataFrame(
        {"deal_id": [f"D{i}" for i in range(n)], "created_at": created, "stage": "アポイント"}
    )
    until = instant("2026-12-01")
    history = compile_history(EventLog.of({"deals": frame}, TOKYO), CALENDAR)
    deals, moments = change_moments(history, until)
    weeks = weeks_represented(history.created[deals], moments)
    age = (moments - 1 - history.created[deals]) / DAY
    open_weeks = (until - history.created).sum() / (7 * DAY)
    assert weeks.sum() == pytest.approx(open_weeks, rel=0.01)
    for low, high in ((0, 14), (10, 40), (33, 51), (100, 300)):
        inside = (age >= low) & (age < high)
        assert weeks[inside].sum() == pytest.approx(n * (high - low) / 7, rel=0.03)
    assert len(np.unique(age[(age >= 7) & (age < 14)].round(2))) > 300  # each deal at an age of its own


def test_levels_of_training_serve_a_log_with_new_words() -> None:
    def log(**columns: list) -> EventLog:
        row = {"deal_id": ["D1"], "created_at": ["2026-04-01"], "stage": ["アポイント"], **columns}
        return EventLog.of({"deals": pd.DataFrame(row)}, TOKYO)

    trained = compile_history(log(product=["A"], 競合=["X社"], 予算=[3.0], 期日=["2026-05-01"]), CALENDAR)
    levels = json.loads(json.dumps(trained.levels))
    assert levels["deals.競合"] == ["X社"]
    assert (levels["deals.予算"], levels["deals.期日"]) == ("number", "date")
    history = compile_history(log(product=["B"], 競合=["Y社"], stage=["未知"]), CALENDAR, levels)
    assert [f.name for f in history.features] == [f.name for f in trained.features]
    x = dict(
        zip(
            (f.name for f in history.features),
            build_features(history, [0], [instant("2026-04-03")])[0],
            strict=True,
        )
    )
    for name in ("product", "stage", "deals.競合", "deals.予算", "deals.期日"):
        assert math.isnan(x[name]), name
    x = dict(
        zip(
            (f.name for f in trained.features),
            build_features(trained, [0], [instant("2026-04-03")])[0],
            strict=True,
        )
    )
    assert (x["product"], x["deals.競合"], x["deals.予算"], x["deals.期日"]) == (0, 0, 3, 28)


def test_free_text_makes_no_feature_and_is_named() -> None:
    rows = 200
    deals = pd.DataFrame(
        {"deal_id": [f"D{n}" for n in range(rows)], "created_at": "2026-04-01", "stage": "アポイント",
         "メモ": [f"{n}番のメモ" for n in range(rows)], "空": [None] * rows}
    )  # fmt: skip
    history = compile_history(EventLog.of({"deals": deals}, TOKYO), CALENDAR)
    assert history.ignored == ("deals.メモ", "deals.空")


def test_a_log_without_any_deal_is_an_empty_history() -> None:
    history = compile_history(EventLog.of({}, TOKYO), CALENDAR)
    assert build_features(history, [], []).shape == (0, len(CATALOGUE))
    assert [len(part) for part in change_moments(history, 0)] == [0, 0]


def test_the_catalogue_names_each_feature_once_in_both_languages_and_all_groups() -> None:
    assert len({feature.name for feature in CATALOGUE}) == len(CATALOGUE) >= 60
    assert {feature.group for feature in CATALOGUE} == set(GROUPS) - {"custom"}
    assert len({feature.label.ja for feature in CATALOGUE}) == len(CATALOGUE)
    for feature in CATALOGUE:
        assert feature.label.ja
        assert feature.label.en
        assert feature.kind == "category" or feature.unit.ja


# ---- the slow and obvious way ----


def referee(log: EventLog, deal: str, t: int) -> dict[str, float]:
    """A dozen features from the as-of view itself, and from looking at it after every instant before t."""
    view = log.as_of(t)
    deals = view["deals"].set_index("deal_id").astype(object)
    me = deals.loc[deal]
    others = deals.drop(index=deal)
    open_others = others[others["outcome"].isna()]
    closings = {name: each for name, each in walk(log, t).items() if name != deal}
    acts = view["activities"]
    mine = acts[acts["deal_id"] == deal].sort_values("at", kind="stable")
    ages = (t - micros(mine["at"])) / DAY
    meetings = ages[mine["kind"].isin(["visit", "web_meeting", "demo"])]
    found: dict[str, float] = {
        "amount": math.nan if pd.isna(me["amount"]) else math.log1p(me["amount"]),
        "activities": len(mine),
        "activities_30d": (ages <= 30).sum(),
        "days_since_activity": ages.min() if len(ages) else math.nan,
        "days_since_meeting": meetings.min() if len(meetings) else math.nan,
        "inbound": (mine["direction"] == "in").sum(),
        "effective_meetings": mine["effective"].fillna(False).sum(),
        "minutes": mine["minutes"].fillna(0).sum(),
        "people_involved": mine["actor_id"].nunique(),
        "materials": ((mine["kind"] == "material") | mine["material"].notna()).sum(),
    }
    if pd.notna(me["expected_close_date"]):
        over = (me["expected_close_date"] + pd.Timedelta(days=1)).tz_localize(TOKYO)
        found["days_to_close_date"] = (over.value // 1000 - t) / DAY
    won = sum(each["outcome"] == "won" for each in closings.values())
    company = (won + 1) / (len(closings) + 2)
    if pd.notna(me["owner_id"]):
        record = [each["outcome"] for each in closings.values() if each["owner_id"] == me["owner_id"]]
        found["seller_closed"] = len(record)
        found["seller_win_rate"] = (record.count("won") + SMOOTHING * company) / (len(record) + SMOOTHING)
        found["seller_load"] = (open_others["owner_id"] == me["owner_id"]).sum()
        theirs = acts[(acts["actor_id"] == me["owner_id"]) & ~(acts["deal_id"] == deal)]
        found["seller_activities_30d"] = ((t - micros(theirs["at"])) / DAY <= 30).sum()
    if pd.notna(me["account_id"]):
        record = [each["outcome"] for each in closings.values() if each["account_id"] == me["account_id"]]
        found["account_won"], found["account_lost"] = record.count("won"), record.count("lost")
        found["account_open_deals"] = (open_others["account_id"] == me["account_id"]).sum()
        contracts = view["contracts"][view["contracts"]["account_id"] == me["account_id"]]
        # One that ended before it began is over once it has begun.
        found["contracts"] = contracts["ended_at"].isna().sum()
    leads = view["leads"][view["leads"]["deal_id"] == deal].sort_values("created_at", kind="stable")
    if len(leads):
        lead = leads.iloc[0]
        found["lead_qualified"] = float(pd.notna(lead["qualified_at"]))
        found["lead_to_deal_days"] = (me["created_at"] - lead["created_at"]) / pd.Timedelta(days=1)
    return found


def walk(log: EventLog, t: int) -> dict[str, dict]:
    """The closing each deal closed at t stands in: the first instant of it, and whose it was just after."""
    instants = np.concatenate(
        [
            micros(log["deals"]["created_at"]),
            micros(log["deals"]["closed_at"]),
            micros(log["deal_events"]["at"]),
        ]
    )
    standing: dict[str, dict] = {}
    for now in np.unique(instants[(instants < t) & (instants != NEVER)]):
        for row in log.as_of(int(now) + 1)["deals"].astype(object).to_dict("records"):
            if pd.isna(row["outcome"]):
                standing.pop(row["deal_id"], None)
            elif standing.get(row["deal_id"], {}).get("outcome") != row["outcome"]:
                standing[row["deal_id"]] = row
    return standing


@settings(deadline=None, max_examples=15, suppress_health_check=list(HealthCheck))
@given(random_logs(), TICKS)
def test_a_slow_and_obvious_way_over_the_as_of_view_finds_the_same(log: EventLog, tick: int) -> None:
    history, t = compile_history(log, CALENDAR), at(tick)
    names = [feature.name for feature in history.features]
    for number, deal in enumerate(DEALS[: len(history.created)]):
        if not history.created[number] < t:
            continue
        x = build_features(history, [number], [t])[0]
        hoped = referee(log, deal, t)
        found = {name: x[names.index(name)] for name in hoped}
        assert found == pytest.approx(hoped, abs=2e-6, nan_ok=True)


def test_current_values_are_those_of_the_as_of_view(paper: EventLog) -> None:
    history = compile_history(paper, CALENDAR)
    now = deal_states(history, np.array([0]), np.array([instant("2026-05-01")]))
    assert history.levels["stage"][now.stage[0]] == "初回訪問"
    assert history.people[now.owner[0]] == "P1"
    assert now.amount == [90]
    assert np.datetime64(int(now.close_day[0]), "D") == np.datetime64("2026-05-15")
    assert now.status == [-1]


def test_kinds_known_by_name_are_those_of_the_schema() -> None:
    from crm.schema import ACTIVITY_KINDS

    assert tuple(ACTIVITY_KINDS) == KINDS
