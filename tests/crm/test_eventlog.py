"""Does the log as of a moment hold what was known then, and nothing else?"""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from crm.errors import SanchoError
from crm.eventlog import EventLog
from crm.frames import codes_in, micros
from crm.instants import NEVER, as_of_instant

TOKYO = ZoneInfo("Asia/Tokyo")


def at(text):
    return as_of_instant(text, TOKYO)


def deal(deal_id, created, stage, **rest):
    return {"deal_id": deal_id, "created_at": created, "stage": stage, **rest}


def event(deal_id, when, field, value, old=None):
    return {"deal_id": deal_id, "at": when, "field": field, "value": value, "old_value": old}


@pytest.fixture(scope="module")
def paper():
    """Four deals worked out by hand: D1 won, D2 lost and reopened, D3 open, D4 lost without a history."""
    deals = pd.DataFrame(
        [
            deal("D1", "2026-01-05T10:00", "受注", amount=300, owner_id="P2", closed_at="2026-02-10T12:00",
                 outcome="won", expected_close_date="2026-02-10", source="展示会", 確度="A"),
            deal("D2", "2026-01-10T10:00", "提案・見積", amount=50, owner_id="P1", source="紹介"),
            deal("D3", "2026-02-01T10:00", "初回訪問", amount=np.nan, owner_id="P1"),
            deal("D4", "2026-01-20T10:00", "失注", amount=80, owner_id="P1", closed_at="2026-02-20T09:00",
                 outcome="lost", lost_reason="価格"),
        ]
    )  # fmt: skip
    events = pd.DataFrame(
        [
            event("D1", "2026-01-05T10:00", "stage", "アポイント"),
            event("D1", "2026-01-15T10:00", "stage", "提案・見積", "アポイント"),
            event("D1", "2026-02-10T12:00", "stage", "受注", "提案・見積"),
            event("D1", "2026-01-20T10:00", "amount", "300", "200"),
            event("D1", "2026-01-25T10:00", "owner_id", "P2", "P1"),
            event("D1", "2026-01-25T10:00", "expected_close_date", "2026-02-10", "2026-01-31"),
            event("D1", "2026-02-10T12:00", "確度", "A", "C"),
            event("D2", "2026-01-10T10:00", "stage", "アポイント"),
            event("D2", "2026-01-20T10:00", "stage", "失注", "アポイント"),
            event("D2", "2026-02-05T10:00", "stage", "提案・見積", "失注"),
            event("D3", "2026-02-08T10:00", "amount", "", "90"),
        ]
    )
    activities = pd.DataFrame(
        [
            {"activity_id": "A1", "at": "2026-01-06T09:00", "kind": "visit", "deal_id": "D1"},
            {"activity_id": "A2", "at": "2026-02-06T09:00", "kind": "call", "deal_id": "D2"},
        ]
    )
    leads = pd.DataFrame(
        [
            {"lead_id": "L1", "created_at": "2026-01-02T09:00", "contacted_at": "2026-01-03T09:00",
             "appointment_at": "2026-01-04T09:00", "meeting_at": "2026-01-06T09:00", "handed_to": "P1",
             "deal_id": "D1"},
            {"lead_id": "L2", "created_at": "2026-01-02T09:00", "handed_to": "P1", "deal_id": "D3"},
        ]
    )  # fmt: skip
    people = pd.DataFrame(
        [
            {"person_id": "P1", "active_from": "2025-04-01", "active_to": "2026-02-15"},
            {"person_id": "P2", "active_from": "2026-01-15", "active_to": None},
        ]
    )
    accounts = pd.DataFrame([{"account_id": "C1", "created_at": "2026-02-01"}, {"account_id": "C2"}])
    contracts = pd.DataFrame(
        [
            {
                "contract_id": "K1",
                "account_id": "C1",
                "started_at": "2026-01-01",
                "ended_at": "2026-02-01",
                "monthly_amount": 5,
            }
        ]
    )
    targets = pd.DataFrame(
        [
            {
                "metric": "revenue",
                "scope": "company",
                "period": "2026-Q1",
                "value": 1,
                "set_at": "2026-01-15",
            },
            {"metric": "revenue", "scope": "company", "period": "2026-Q2", "value": 2},
        ]
    )
    return EventLog.of(
        {"deals": deals, "deal_events": events, "activities": activities, "leads": leads, "people": people,
         "accounts": accounts, "contracts": contracts, "targets": targets},
        TOKYO,
    )  # fmt: skip


def row(log, deal_id):
    frame = log["deals"].set_index("deal_id")
    found = frame.loc[deal_id].astype(object)
    return found.where(found.notna(), None).to_dict()


PAPER = [
    # moment, deal, column, what was known
    ("2026-01-06", "D1", "stage", "アポイント"),
    ("2026-01-06", "D1", "amount", 200.0),  # the first event's old_value
    ("2026-01-06", "D1", "owner_id", "P1"),
    ("2026-01-06", "D1", "expected_close_date", pd.Timestamp("2026-01-31")),
    ("2026-01-06", "D1", "source", "展示会"),  # no events: known from creation
    ("2026-01-06", "D1", "確度", "C"),  # overwritten at closing
    ("2026-01-06", "D1", "outcome", None),
    ("2026-01-15T10:00", "D1", "stage", "アポイント"),  # strictly before
    ("2026-01-15T10:01", "D1", "stage", "提案・見積"),
    ("2026-01-20", "D1", "amount", 300.0),
    ("2026-01-25", "D1", "owner_id", "P2"),
    ("2026-02-10T12:00", "D1", "outcome", None),
    ("2026-02-10T12:00", "D1", "stage", "提案・見積"),
    ("2026-02-10", "D1", "outcome", "won"),
    ("2026-02-10", "D1", "stage", "受注"),
    ("2026-02-10", "D1", "確度", "A"),
    ("2026-01-15", "D2", "outcome", None),
    ("2026-01-25", "D2", "outcome", "lost"),  # closed ...
    ("2026-01-25", "D2", "stage", "失注"),
    ("2026-02-06", "D2", "outcome", None),  # ... and reopened
    ("2026-02-06", "D2", "stage", "提案・見積"),
    ("2026-02-06", "D2", "closed_at", None),
    ("2026-02-07", "D3", "amount", 90.0),
    ("2026-02-08", "D3", "amount", None),  # cleared
    ("2026-02-19", "D4", "outcome", None),
    ("2026-02-19", "D4", "stage", None),  # an ending stage is not known before the end
    ("2026-02-19", "D4", "lost_reason", None),
    ("2026-02-20", "D4", "outcome", "lost"),
    ("2026-02-20", "D4", "stage", "失注"),
    ("2026-02-20", "D4", "lost_reason", "価格"),
]


@pytest.mark.parametrize(("moment", "deal_id", "column", "known"), PAPER)
def test_eventlog_as_of_gives_the_deal_worked_out_on_paper(paper, moment, deal_id, column, known):
    assert row(paper.as_of(at(moment)), deal_id)[column] == known


def test_a_deal_closed_by_its_history_alone_carries_the_time_of_that_stage(paper):
    assert row(paper.as_of(at("2026-01-25")), "D2")["closed_at"] == pd.Timestamp("2026-01-20T10:00", tz=TOKYO)


def test_deals_not_yet_created_do_not_exist(paper):
    assert list(paper.as_of(at("2026-01-09"))["deals"]["deal_id"]) == ["D1"]
    assert list(paper.as_of(at("2026-01-05T10:00"))["deals"]["deal_id"]) == []


def test_events_and_activities_at_the_moment_itself_are_not_known(paper):
    log = paper.as_of(at("2026-01-15T10:00"))
    assert len(log["deal_events"]) == 2
    assert list(log["activities"]["activity_id"]) == ["A1"]


def test_leads_show_the_steps_they_had_reached(paper):
    log = paper.as_of(at("2026-01-04T12:00"))["leads"].set_index("lead_id")
    assert log.loc["L1", "contacted_at"] == pd.Timestamp("2026-01-03T09:00", tz=TOKYO)
    assert pd.isna(log.loc["L1", "meeting_at"])
    assert pd.isna(log.loc["L1", "deal_id"])
    assert log.loc["L1", "handed_to"] == "P1"
    assert pd.isna(log.loc["L2", "handed_to"])


def test_people_come_and_go_by_the_day(paper):
    assert list(paper.as_of(at("2026-01-14"))["people"]["person_id"]) == ["P1"]
    assert list(paper.as_of(at("2026-01-15"))["people"]["person_id"]) == ["P1", "P2"]
    assert paper.as_of(at("2026-02-14"))["people"]["active_to"].isna().all()
    assert paper.as_of(at("2026-02-15"))["people"]["active_to"].notna().sum() == 1


def test_accounts_contracts_and_targets_obey_their_own_times(paper):
    early = paper.as_of(at("2026-01-10"))
    assert list(early["accounts"]["account_id"]) == ["C2"]  # undated: always there
    assert early["contracts"]["ended_at"].isna().all()
    assert list(early["targets"]["period"].astype(str)) == ["2026-Q2"]
    late = paper.as_of(at("2026-02-02"))
    assert list(late["accounts"]["account_id"]) == ["C1", "C2"]
    assert late["contracts"]["ended_at"].notna().all()
    assert len(late["targets"]) == 2


def test_the_latest_row_never_stands_in_for_an_unknown_past(paper):
    # D1's first stage event carries no old_value, and the deals row says 受注.
    before_any = EventLog.of(
        {
            "deals": pd.DataFrame(
                [deal("X", "2026-01-01", "受注", amount=9, closed_at="2026-03-01", outcome="won")]
            ),
            "deal_events": pd.DataFrame([event("X", "2026-02-01", "amount", "9")]),
        },
        TOKYO,
    ).as_of(at("2026-01-15"))
    assert row(before_any, "X")["amount"] is None


def test_eventlog_takes_the_last_recorded_of_changes_at_one_instant():
    log = EventLog.of(
        {
            "deals": pd.DataFrame([deal("X", "2026-01-01", "クロージング")]),
            "deal_events": pd.DataFrame(
                [
                    event("X", "2026-01-02T00:00", "stage", "提案・見積"),
                    event("X", "2026-01-02T00:00", "stage", "クロージング", "提案・見積"),
                ]
            ),
        },
        TOKYO,
    )
    assert row(log.as_of(at("2026-01-02")), "X")["stage"] == "クロージング"


def same(left, right):
    for name in left.tables:
        # Categories may keep levels that no row uses any more.
        one, other = (log[name].astype(object).where(log[name].notna(), None) for log in (left, right))
        assert_frame_equal(one, other)


STAGES = ["アポイント", "提案・見積", "クロージング", "受注", "失注"]
HOURS = st.integers(0, 60)


@st.composite
def logs(draw):
    """Small logs of all kinds of stories, sound or strange."""
    start = pd.Timestamp("2026-01-01", tz=TOKYO)

    def when(hour):
        return start + pd.Timedelta(hours=hour)

    deals, events = [], []
    for number in range(draw(st.integers(1, 3))):
        created = draw(HOURS)
        closed = draw(st.none() | st.integers(created, 60))
        outcome = None if closed is None else draw(st.sampled_from(["won", "lost"]))
        deals.append(
            deal(f"D{number}", when(created), draw(st.sampled_from(STAGES)),
                 amount=draw(st.none() | st.integers(0, 9)),
                 closed_at=None if closed is None else when(closed), outcome=outcome,
                 lost_reason="価格" if outcome == "lost" else None,
                 独自=draw(st.none() | st.sampled_from("ab")))
        )  # fmt: skip
        for _ in range(draw(st.integers(0, 5))):
            field = draw(st.sampled_from(["stage", "amount", "独自"]))
            values = {
                "stage": st.sampled_from(STAGES),
                "amount": st.sampled_from(["1", "2"]),
                "独自": st.sampled_from("ab"),
            }
            events.append(
                event(
                    f"D{number}",
                    when(draw(HOURS)),
                    field,
                    draw(values[field]),
                    draw(st.none() | values[field]),
                )
            )
    frame = pd.DataFrame(events, columns=["deal_id", "at", "field", "value", "old_value"])
    return EventLog.of({"deals": pd.DataFrame(deals), "deal_events": frame}, TOKYO)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(logs(), HOURS, HOURS)
def test_asking_about_the_past_of_the_past_is_asking_about_the_past(log, one, other):
    early, late = (at("2026-01-01T00:00") + hour * 3_600_000_000 for hour in sorted((one, other)))
    same(log.as_of(late).as_of(early), log.as_of(early))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(logs(), HOURS)
def test_eventlog_as_of_a_moment_shows_nothing_at_or_after_that_moment(log, hour):
    moment = at("2026-01-01T00:00") + hour * 3_600_000_000
    known = log.as_of(moment)
    assert (micros(known["deals"]["created_at"]) < moment).all()
    closed = micros(known["deals"]["closed_at"])
    assert (closed < moment).all()
    assert ((closed == NEVER) == known["deals"]["outcome"].isna()).all()
    assert known["deals"].loc[known["deals"]["outcome"].isna(), "lost_reason"].isna().all()


def test_codes_are_places_in_a_list_and_minus_one_elsewhere():
    values = pd.Series(["b", None, "z", "a"])
    index = pd.Index(["a", "b"])
    expected = [1, -1, -1, 0]
    assert codes_in(values, index).tolist() == expected
    assert codes_in(values.astype("category"), index).tolist() == expected


def test_naive_times_are_local_and_times_with_an_offset_are_not():
    frame = pd.DataFrame([deal("a", "2026-01-01T09:00", "s"), deal("b", "2026-01-01T00:00Z", "s")])
    log = EventLog.of({"deals": frame}, TOKYO)
    assert log["deals"]["created_at"][0] == log["deals"]["created_at"][1]
    assert log["deals"]["created_at"].dt.tz_convert(TOKYO).dt.date.tolist() == [date(2026, 1, 1)] * 2


def seen(deal_id, when, value):
    return {"deal_id": deal_id, "at": when, "value": value}


def test_an_attribute_of_ones_own_is_known_as_it_changed(paper):
    changes = pd.DataFrame(
        [seen("D2", "2026-02-06", 2), seen("D2", "2026-01-12", 1), seen("D1", "2026-01-20", 7)]
    )
    grown = paper.with_attribute("meetings_on_terms", changes, before=0)

    def then(day):
        return grown.as_of(at(day))["deals"].set_index("deal_id")["meetings_on_terms"].to_dict()

    assert grown["deals"]["meetings_on_terms"].tolist() == [7.0, 2.0, 0.0, 0.0]
    assert then("2026-01-11") == {"D1": 0.0, "D2": 0.0}
    assert then("2026-01-31") == {"D1": 7.0, "D2": 1.0, "D4": 0.0}
    assert then("2026-02-28") == {"D1": 7.0, "D2": 2.0, "D3": 0.0, "D4": 0.0}


def test_an_attribute_of_ones_own_leaves_the_rest_of_the_log_as_it_was(paper):
    grown = paper.with_attribute("mine", pd.DataFrame([seen("D3", "2026-02-03", "yes")]))
    theirs = grown.as_of(at("2026-02-10"))["deals"].drop(columns="mine")
    assert_frame_equal(theirs, paper.as_of(at("2026-02-10"))["deals"])
    assert grown["deals"]["mine"].isna().tolist() == [True, True, False, True]


def test_an_attribute_of_ones_own_may_not_take_a_standard_name_nor_unknown_deals(paper):
    changes = pd.DataFrame([seen("D9", "2026-02-03", 1)])
    with pytest.raises(SanchoError, match="standard column"):
        paper.with_attribute("amount", changes.assign(deal_id="D1"))
    with pytest.raises(SanchoError, match="first: D9"):
        paper.with_attribute("mine", changes)
