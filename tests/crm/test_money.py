"""Is every amount what it is worth in the organisation's currency, at the rate that was known?"""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from crm.eventlog import EventLog
from crm.importing import push_rows
from crm.instants import NEVER, as_of_instant
from crm.money import currency_in, currency_of
from crm.organisation import Organisation
from crm.store import Store

TOKYO = ZoneInfo("Asia/Tokyo")
DEALS = pd.DataFrame(
    [
        ("J", "2026-09-01", "受注", "JPY", 5_000_000.0, "2026-10-20T10:00", "won"),
        ("U", "2026-09-01", "受注", "USD", 50_000.0, "2026-10-21T10:00", "won"),
        ("E", "2026-09-01", "受注", "EUR", 30_000.0, "2026-10-22T10:00", "won"),
        ("O", "2026-09-01", "提案・見積", "USD", 1_000.0, None, None),
        ("B", "2026-09-01", "提案・見積", None, 700_000.0, None, None),
        ("L", "2026-09-01", "失注", "EUR", 9_000.0, "2026-10-22T10:00", "lost"),
    ],
    columns=["deal_id", "created_at", "stage", "currency", "amount", "closed_at", "outcome"],
)
RATES = pd.DataFrame(
    [
        ("USD", "market", "2026-10-01", 150.0),
        ("USD", "market", "2026-10-21", 152.0),
        ("USD", "market", "2026-11-01", 160.0),
        ("USD", "internal", "2026-10-01", 140.0),
    ],
    columns=["currency", "kind", "at", "rate"],
)


def at(text: str) -> int:
    return as_of_instant(text, TOKYO)


def log_of(**tables: pd.DataFrame) -> EventLog:
    return EventLog.of({"deals": DEALS, "rates": RATES, **tables}, TOKYO)


def amounts(log: EventLog) -> dict[str, float]:
    deals = log["deals"]
    return dict(zip(deals["deal_id"], deals["amount"].tolist(), strict=True))


def event(deal_id: str, when: str, field: str, value: str, old: str | None = None) -> dict[str, object]:
    return {"deal_id": deal_id, "at": when, "field": field, "value": value, "old_value": old}


def history(log: EventLog, deal_id: str) -> list[tuple[str, str]]:
    events = log["deal_events"]
    ours = events[(events["deal_id"] == deal_id) & (events["field"] == "amount")]
    return list(zip(ours["old_value"].astype(object), ours["value"].astype(object), strict=True))


def test_a_won_deal_is_worth_the_rate_of_its_closing_day_and_an_open_one_the_newest() -> None:
    now = amounts(log_of().as_of(at("2026-11-10")))
    assert now["J"] == 5_000_000
    assert now["U"] == 50_000 * 152
    assert now["O"] == 1_000 * 160
    assert now["B"] == 700_000
    before = amounts(log_of().as_of(at("2026-10-25")))
    assert (before["U"], before["O"]) == (50_000 * 152, 1_000 * 152)
    early = amounts(log_of().as_of(at("2026-10-15")))
    assert (early["U"], early["O"]) == (50_000 * 150, 1_000 * 150)


def test_an_amount_without_a_rate_is_in_no_sum_and_is_named_with_its_total() -> None:
    log = log_of().as_of(at("2026-11-10"))
    assert np.isnan(amounts(log)["E"])
    assert log.money is not None
    told = [(each.table, each.currency, each.rows, each.total, each.kinds) for each in log.money.unconverted]
    assert told == [("deals", "EUR", 1, 30_000.0, ())]
    lacking = set(log["deals"]["deal_id"][log.money.lack_rate(log["deals"]["deal_id"])])
    assert lacking == {"E", "L"}


def test_the_kind_of_rate_that_the_organisation_names_counts_and_no_other_takes_its_place() -> None:
    organisation = pd.DataFrame([{"organisation_id": "company", "rate_kind": "internal"}])
    log = log_of(organisation=organisation).as_of(at("2026-11-10"))
    assert amounts(log)["O"] == 140_000
    euros = pd.DataFrame([("EUR", "market", "2026-10-01", 165.0)], columns=RATES.columns)
    log = log_of(organisation=organisation, rates=euros).as_of(at("2026-11-10"))
    assert log.money is not None
    assert [(each.currency, each.kinds) for each in log.money.unconverted] == [
        ("EUR", ("market",)),
        ("USD", ()),
    ]


def test_changes_of_an_amount_are_those_of_its_own_currency() -> None:
    events = pd.DataFrame(
        [
            event("U", "2026-09-10", "amount", "40000", "20000"),
            event("U", "2026-10-05", "amount", "50000", "40000"),
        ]
    )
    log = log_of(deal_events=events).as_of(at("2026-11-10"))
    assert history(log, "U") == [("3040000", "6080000"), ("6080000", "7600000")]
    assert amounts(log_of(deal_events=events).as_of(at("2026-10-03")))["U"] == 40_000 * 150


def test_a_price_given_anew_in_another_currency_leaves_the_old_one_in_its_own() -> None:
    events = pd.DataFrame(
        [
            event("O", "2026-09-10", "amount", "120000", "100000"),
            event("O", "2026-10-05", "amount", "1000", "120000"),
            event("O", "2026-10-05", "currency", "USD", "JPY"),
        ]
    )
    log = log_of(deal_events=events).as_of(at("2026-11-10"))
    assert history(log, "O") == [("100000", "120000"), ("120000", "160000")]
    assert amounts(log_of(deal_events=events).as_of(at("2026-09-20")))["O"] == 120_000


def test_a_currency_put_right_alone_was_the_currency_all_along() -> None:
    events = pd.DataFrame(
        [event("O", "2026-09-10", "amount", "1000", "500"), event("O", "2026-10-05", "currency", "USD", "")]
    )
    log = log_of(deal_events=events)
    assert history(log.as_of(at("2026-11-10")), "O") == [("80000", "160000")]
    assert amounts(log.as_of(at("2026-09-20")))["O"] == 1_000
    assert log.next_revision(at("2026-09-20")) == as_of_instant("2026-10-01T00:00", TOKYO)


def test_a_target_is_worth_the_rate_known_when_it_was_set() -> None:
    targets = pd.DataFrame(
        [
            ("revenue", "company", "2026-Q4", 1_000.0, "2026-10-05", "USD"),
            ("revenue", "team:T1", "2026-Q4", 2_000.0, "2026-11-05", "USD"),
            ("revenue", "team:T2", "2026-Q4", 3_000.0, "2026-11-05", "EUR"),
            ("revenue", "team:T3", "2026-Q4", 4_000.0, "2026-11-05", None),
            ("revenue", "team:T4", "2026-Q4", 5_000.0, "2026-09-05", "USD"),
        ],
        columns=["metric", "scope", "period", "value", "set_at", "currency"],
    )
    log = log_of(targets=targets).as_of(at("2026-11-10"))
    np.testing.assert_array_equal(log.worth_of_targets(), [150_000, 320_000, np.nan, 4_000, np.nan])
    assert log["targets"]["value"].tolist() == [1_000, 2_000, 3_000, 4_000, 5_000]


def test_a_running_contract_is_worth_the_newest_rate_and_an_ended_one_that_of_its_last_day() -> None:
    contracts = pd.DataFrame(
        [
            ("C1", "A", "2026-09-01", None, 10.0, "USD"),
            ("C2", "A", "2026-09-01", "2026-10-21", 10.0, "USD"),
            ("C3", "A", "2026-09-01", None, 10.0, "EUR"),
        ],
        columns=["contract_id", "account_id", "started_at", "ended_at", "monthly_amount", "currency"],
    )
    log = log_of(contracts=contracts).as_of(at("2026-11-10"))
    np.testing.assert_array_equal(log["contracts"]["monthly_amount"], [1_600, 1_520, np.nan])
    assert log.money is not None
    assert [(each.table, each.total) for each in log.money.unconverted] == [
        ("deals", 30_000),
        ("contracts", 10),
    ]


def test_a_line_of_a_deal_is_in_the_currency_of_its_deal_unless_it_names_one() -> None:
    lines = pd.DataFrame(
        [("U", "p", 10.0, None), ("U", "q", 10.0, "JPY"), ("B", "p", 10.0, "USD"), ("E", "p", 10.0, None)],
        columns=["deal_id", "product", "amount", "currency"],
    )
    log = log_of(deal_products=lines).as_of(at("2026-11-10"))
    np.testing.assert_array_equal(log["deal_products"]["amount"], [1_520, 10, 1_600, np.nan])


def test_without_foreign_money_the_frames_are_those_that_were_given() -> None:
    own = DEALS[DEALS["currency"].isna() | (DEALS["currency"] == "JPY")]
    log = EventLog.of({"deals": own, "rates": RATES}, TOKYO)
    assert log.money is None
    assert log.recorded is None
    assert log.next_revision(at("2026-10-01")) is None


def test_twice_as_of_is_once_and_recorded_rows_stay_in_their_currency() -> None:
    log = log_of()
    twice, once = log.as_of(at("2026-11-10")).as_of(at("2026-10-25")), log.as_of(at("2026-10-25"))
    pd.testing.assert_frame_equal(twice["deals"], once["deals"])
    assert log.recorded is not None
    assert log.recorded["deals"].set_index("deal_id")["amount"]["U"] == 50_000
    empty = log.without("activities").as_of(at("2026-10-25"))
    pd.testing.assert_frame_equal(empty["deals"], once["deals"])


def test_an_added_attribute_converts_nothing_twice() -> None:
    changes = pd.DataFrame([("U", "2026-10-01", "A")], columns=["deal_id", "at", "value"])
    log = log_of().with_attribute("rank", changes)
    assert amounts(log)["U"] == amounts(log.as_of(at("2026-11-10")))["U"] == 50_000 * 152


def test_a_rate_that_came_later_changes_answers_said_before() -> None:
    log = log_of()
    assert log.next_revision(at("2026-10-25")) == as_of_instant("2026-11-01T00:00", TOKYO)
    assert log.next_revision(at("2026-11-01")) is None
    assert log.as_of(at("2026-10-25")).next_revision(at("2026-10-22")) is None


def test_the_original_amount_and_the_rate_taken_are_kept() -> None:
    money = log_of().as_of(at("2026-11-10")).money
    assert money is not None
    kept = money.deals.loc["U"]
    assert (kept["amount"], kept["currency"], kept["rate"]) == (50_000, "USD", 152)
    assert kept["rate_at"] == as_of_instant("2026-10-21T00:00", TOKYO)


@pytest.mark.parametrize(
    ("text", "code"),
    [("円", "JPY"), ("￥", "JPY"), ("＄", "USD"), ("ＵＳＤ", "USD"), (" eur ", "EUR"), ("£", "GBP"),
     ("千円", None), ("kr", None), ("", None), ("ルピー", None)],
)  # fmt: skip
def test_a_currency_is_read_as_people_write_it_where_it_is_one(text: str, code: str | None) -> None:
    assert currency_of(text) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [("$1,200.50", "USD"), ("1,200円", "JPY"), ("1.200,50 €", "EUR"), ("-£5", "GBP"), ("3件", None),
     ("１２０万円", "JPY"), ("1e6", None)],
)  # fmt: skip
def test_a_mark_beside_an_amount_is_its_currency(text: str, code: str | None) -> None:
    assert currency_in(text) == code


def test_the_organisations_own_currency_is_that_of_the_moment() -> None:
    with Store.open("sqlite://", TOKYO) as store:
        for day, code in (("2026-10-01", "JPY"), ("2026-11-01", "USD")):
            row = {"organisation_id": "company", "currency": code}
            push_rows(store, "organisation", [row], TOKYO, now=at(day))
        log = store.read()
    assert log.organisation.currency == "USD"
    assert log.currency_since == at("2026-11-01")
    assert log.as_of(at("2026-10-15")).organisation.currency == "JPY"
    assert log.as_of(at("2026-10-15")).currency_since == NEVER


def test_a_log_with_another_organisation_counts_in_its_currency_all_along() -> None:
    rates = pd.DataFrame([{"currency": "JPY", "at": "2026-09-01", "rate": 0.0078125, "kind": "market"}])
    deal = {"deal_id": "Y", "created_at": "2026-10-01", "stage": "提案・見積"}
    own = pd.DataFrame([{**deal, "amount": 128.0, "currency": "JPY"}])
    log = EventLog.of({"deals": own, "rates": rates}, TOKYO).with_organisation(currency="USD")
    early = log.as_of(at("2026-10-15"))
    assert log["deals"]["amount"].tolist() == early["deals"]["amount"].tolist() == [1.0]
    assert (early.organisation.currency, log.currency_since) == ("USD", NEVER)
    back = early.with_organisation(currency="JPY")
    assert (back["deals"]["amount"].tolist(), back.money) == ([128.0], None)


def test_the_organisation_that_is_given_counts_where_the_row_is_blank() -> None:
    euros = Organisation(fiscal_start_month=1, currency="EUR")
    log = EventLog.of({"deals": DEALS, "rates": RATES}, TOKYO, given=euros)
    assert log.organisation == log.as_of(at("2026-11-10")).organisation == euros
    row = pd.DataFrame([{"organisation_id": "company", "currency": "USD"}])
    said = EventLog.of({"deals": DEALS, "organisation": row}, TOKYO, given=euros).organisation
    assert (said.currency, said.fiscal_start_month) == ("USD", 1)
