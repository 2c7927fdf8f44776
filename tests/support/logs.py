"""Which logs do the tests of the features look at? Small random ones with every odd case, and real ones."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from crm.eventlog import EventLog
from crm.instants import DAY, start_of_day
from crm.organisation import Organisation

TOKYO = ZoneInfo("Asia/Tokyo")
START = start_of_day(pd.Timestamp("2026-03-20").date(), TOKYO)

DEALS = [f"D{n}" for n in range(4)]
PEOPLE = ["P0", "P1", "P2", "P9"]  # P9 has no row
ACCOUNTS = ["C0", "C1", "C9"]  # C9 has no row
PRODUCTS = ["A", "B", ""]
STAGES = ["リード獲得", "アポイント", "提案・見積", "受注", "失注", "見慣れない"]
VALUES = {
    "stage": STAGES,
    "owner_id": PEOPLE,
    "account_id": ACCOUNTS,
    "product": PRODUCTS,
    "amount": ["0", "100", "250.5", "1e3", "多い"],
    "expected_close_date": ["2026-03-25", "2026-03-31", "2026-04-30", "2027-01-01"],
    "deal_type": ["new", "renewal"],
    "競合": ["X社", "Y社"],
    "予算": ["10", "20"],
    "導入日": ["2026-05-01", "2026-06-01"],
    "知らない項目": ["?"],
}
KINDS = ["call", "visit", "web_meeting", "proposal", "quote", "material", "電話会議"]


def at(tick: int) -> int:
    """Instants a third of a day apart."""
    return START + tick * DAY // 3


def when(tick: int | None) -> pd.Timestamp | None:
    return None if tick is None else pd.Timestamp(at(tick), unit="us", tz="UTC")


TICKS = st.integers(0, 40)
LATE = st.none() | TICKS


def maybe(values: list[str]) -> st.SearchStrategy[str | None]:
    return st.none() | st.sampled_from(values)


@st.composite
def deal_rows(draw: st.DrawFn, name: str) -> dict[str, object]:
    closed = draw(LATE)
    return {
        "deal_id": name,
        "created_at": when(draw(TICKS)),
        "stage": draw(st.sampled_from(STAGES)),
        "owner_id": draw(maybe(PEOPLE)),
        "account_id": draw(maybe(ACCOUNTS)),
        "product": draw(maybe(PRODUCTS)),
        "deal_type": draw(maybe(["new", "renewal"])),
        "amount": draw(st.none() | st.sampled_from([0.0, 100.0, 333.3])),
        "expected_close_date": draw(maybe(VALUES["expected_close_date"])),
        "closed_at": when(closed),
        "outcome": None if closed is None else draw(st.sampled_from(["won", "lost"])),
        "競合": draw(maybe(["X社", "Z社"])),
        "予算": draw(st.none() | st.sampled_from([10.0, 30.0])),
        "導入日": draw(maybe(["2026-05-01", "2026-07-01T10:00"])),
    }


@st.composite
def event_rows(draw: st.DrawFn) -> dict[str, object]:
    field = draw(st.sampled_from(["stage", "stage", "stage", *VALUES]))
    return {
        "deal_id": draw(st.sampled_from([DEALS[0], *DEALS, "D?"])),
        "at": when(draw(TICKS)),
        "field": field,
        "value": draw(maybe(VALUES[field])),
        "old_value": draw(maybe(VALUES[field])),
    }


@st.composite
def activity_rows(draw: st.DrawFn) -> dict[str, object]:
    return {
        "at": when(draw(TICKS)),
        "kind": draw(st.sampled_from(KINDS)),
        "deal_id": draw(maybe([*DEALS, "D?"])),
        "actor_id": draw(maybe(PEOPLE)),
        "direction": draw(maybe(["in", "out"])),
        "outcome": draw(maybe(["前向き", "不在"])),
        "effective": draw(st.none() | st.booleans()),
        "minutes": draw(st.none() | st.sampled_from([5.0, 12.5])),
        "material": draw(maybe(["会社案内", "事例集"])),
    }


@st.composite
def lead_rows(draw: st.DrawFn) -> dict[str, object]:
    steps = ("contacted_at", "appointment_at", "meeting_at", "qualified_at")
    return {
        "created_at": when(draw(TICKS)),
        "source": draw(maybe(["Web", "紹介"])),
        "deal_id": draw(maybe([*DEALS, "D?"])),
        **{step: when(draw(LATE)) for step in steps},
    }


@st.composite
def contract_rows(draw: st.DrawFn) -> dict[str, object]:
    return {
        "account_id": draw(st.sampled_from(ACCOUNTS)),
        "started_at": when(draw(TICKS)),
        "ended_at": when(draw(LATE)),
        "monthly_amount": draw(st.sampled_from([10.0, 99.99])),
    }


@st.composite
def random_logs(draw: st.DrawFn) -> EventLog:
    """Ties, events before creation, unknown ids, reopened deals, missing and unreadable values."""
    deals = [draw(deal_rows(name)) for name in DEALS[: draw(st.integers(1, len(DEALS)))]]
    leads = draw(st.lists(lead_rows(), max_size=4))
    contracts = draw(st.lists(contract_rows(), max_size=4))
    people = [
        {
            "person_id": name,
            "team_id": draw(maybe(["T1", "T2"])),
            "style": draw(maybe(["field", "manager"])),
            "active_from": draw(maybe(["2026-03-01", "2026-03-25"])),
        }
        for name in PEOPLE[:3]
    ]
    accounts = [
        {
            "account_id": name,
            "industry": draw(maybe(["製造", "医療"])),
            "employees": draw(st.none() | st.sampled_from([0.0, 50.0])),
            "created_at": when(draw(LATE)),
            "上場区分": draw(maybe(["上場", "非上場"])),
        }
        for name in ACCOUNTS[:2]
    ]
    return EventLog.of(
        {
            "deals": pd.DataFrame(deals),
            "deal_events": pd.DataFrame(draw(st.lists(event_rows(), min_size=15, max_size=45))),
            "activities": numbered(
                pd.DataFrame(draw(st.lists(activity_rows(), min_size=8, max_size=20))), "activity_id"
            ),
            "leads": numbered(pd.DataFrame(leads), "lead_id"),
            "contracts": numbered(pd.DataFrame(contracts), "contract_id"),
            "people": pd.DataFrame(people),
            "accounts": pd.DataFrame(accounts),
        },
        TOKYO,
    )


def numbered(frame: pd.DataFrame, key: str) -> pd.DataFrame:
    return frame.assign(**{key: [f"{key}{n}" for n in range(len(frame))]})


def loan_log(folder: Path, cases: int | None = None) -> EventLog:
    """The real loan applications as a log, in a few lines: states are stages, work is activities."""
    files = folder / "loan_applications_2011"
    deals = pd.read_csv(files / "cases.csv", dtype=str).head(cases or 10**9)
    events = pd.read_csv(files / "events.csv.gz", dtype=str)
    events = events[events["case_id"].isin(deals["case_id"])]
    ends = {"A_ACTIVATED": "won", "A_APPROVED": "won", "A_REGISTERED": "won"}
    ends |= {"A_DECLINED": "lost", "A_CANCELLED": "lost"}
    moves = events[events["activity"].str.startswith(("A_", "O_"))]
    work = events[events["activity"].str.startswith("W_")]
    last = moves[moves["activity"].isin(ends)].groupby("case_id").last()
    owned = work[work["resource"].notna()]
    names = sorted(moves["activity"].unique())
    id_of = deals["case_id"]
    return EventLog.of(
        {
            "deals": pd.DataFrame(
                {
                    "deal_id": id_of,
                    "created_at": deals["reg_date"],
                    "stage": id_of.map(moves.groupby("case_id")["activity"].last()),
                    "owner_id": id_of.map(owned.groupby("case_id")["resource"].last()),
                    "amount": deals["amount_req"],
                    "currency": "EUR",
                    "closed_at": id_of.map(last["timestamp"]),
                    "outcome": id_of.map(last["activity"].map(ends)),
                }
            ),
            "deal_events": pd.concat(
                [_events(moves, "stage", "activity"), _events(owned, "owner_id", "resource")]
            ),
            "activities": pd.DataFrame(
                {
                    "activity_id": work["case_id"] + "-" + work["seq"],
                    "at": work["timestamp"],
                    "kind": work["activity"].replace({"W_Nabellen offertes": "call"}),
                    "deal_id": work["case_id"],
                    "actor_id": work["resource"],
                    "outcome": work["lifecycle"],
                }
            ),
            "stages": pd.DataFrame(
                {
                    "stage": names,
                    "position": np.arange(1, len(names) + 1),
                    "outcome": [ends.get(name) for name in names],
                }
            ),
        },
        ZoneInfo("Europe/Amsterdam"),
        given=Organisation(currency="EUR"),
    )


def _events(rows: pd.DataFrame, field: str, column: str) -> pd.DataFrame:
    return pd.DataFrame(
        {"deal_id": rows["case_id"], "at": rows["timestamp"], "field": field, "value": rows[column]}
    )
