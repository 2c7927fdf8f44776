"""Customers are accounts under contract; deals made with them are told from those that win a customer."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from crm.eventlog import EventLog
from crm.frames import micros
from models.customers import customers_at, with_customers

TOKYO = ZoneInfo("Asia/Tokyo")


@pytest.fixture
def log() -> EventLog:
    """A has two overlapping contracts, then one from the same instant on; B came and went; C never."""
    contracts = pd.DataFrame(
        {
            "contract_id": ["1", "2", "3", "4"],
            "account_id": ["A", "A", "A", "B"],
            "started_at": ["2025-01-10", "2025-02-10", "2025-06-10", "2025-03-01"],
            "ended_at": ["2025-04-10", "2025-06-10", None, "2025-09-01"],
        }
    )
    deals = pd.DataFrame(
        {
            "deal_id": ["before", "during", "between", "B late", "C", "B early"],
            "account_id": ["A", "A", "A", "B", "C", "B"],
            "created_at": [
                "2025-01-01",
                "2025-03-01",
                "2025-06-10",
                "2025-10-01",
                "2025-05-01",
                "2025-03-02",
            ],
            "stage": ["提案・見積"] * 6,
        }
    )
    return EventLog.of({"contracts": contracts, "deals": deals}, TOKYO)


def test_an_account_counts_once_and_only_while_under_contract(log: EventLog) -> None:
    days = ["2025-01-09", "2025-01-10", "2025-02-20", "2025-03-01", "2025-05-01", "2025-06-10", "2025-09-01"]
    at = micros(pd.Series(pd.DatetimeIndex(days).tz_localize(TOKYO)))
    assert customers_at(log, at).tolist() == [0, 1, 1, 2, 2, 2, 1]


def test_deals_are_a_customers_when_its_contract_runs_at_their_creation(log: EventLog) -> None:
    known = dict(zip(log["deals"]["deal_id"], with_customers(log).tolist(), strict=True))
    assert known == {
        "before": False,
        "during": True,
        "between": True,
        "B late": False,
        "C": False,
        "B early": True,
    }


def test_customers_are_none_without_contracts() -> None:
    deals = pd.DataFrame({"deal_id": ["1"], "created_at": ["2025-01-01"], "stage": ["提案・見積"]})
    log = EventLog.of({"deals": deals}, TOKYO)
    assert customers_at(log, np.array([0, 10**15])).tolist() == [0, 0]
    assert with_customers(log).tolist() == [False]
