"""Are currencies, rates and recurring amounts read as people write them, or named where they cannot be?"""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from crm.errors import SanchoError
from crm.importing import import_path, push_rows
from crm.importing.result import ImportResult
from crm.organisation import Organisation
from crm.store import Store

TOKYO = ZoneInfo("Asia/Tokyo")
HEAD = "deal_id,created_at,stage,amount,currency\n"


@pytest.fixture
def store(tmp_path: Path):
    with Store.open(str(tmp_path / "s.db"), organisation=Organisation()) as opened:
        yield opened


def imported(store: Store, folder: Path, mapping: str | None = None, **files: str) -> ImportResult:
    source = folder / "in"
    source.mkdir(exist_ok=True)
    for name, text in files.items():
        (source / f"{name}.csv").write_text(text, "utf-8")
    if mapping is None:
        return import_path(store, source, TOKYO)
    (folder / "own.toml").write_text(mapping, "utf-8")
    return import_path(store, source, TOKYO, folder / "own.toml")


def rejected(result: ImportResult) -> list[tuple[int | None, str, str]]:
    return [(error.line, error.column, error.code) for error in result.errors]


def recorded(
    store: Store, table: str = "deals", value: str = "amount"
) -> dict[str, tuple[float, str | None]]:
    log = store.read()
    rows = (log.recorded or log.tables)[table]
    key = rows.columns[0]
    codes = rows["currency"].astype(object).where(rows["currency"].notna(), None)
    return dict(zip(rows[key], zip(rows[value].tolist(), codes, strict=True), strict=True))


def test_rates_come_by_day_or_month_and_are_those_of_the_market_unless_they_say_otherwise(
    store: Store, tmp_path: Path
) -> None:
    text = (
        "currency,at,rate,kind\nUSD,2026-10,150,\nドル,2026/11/01,155,market\nEUR,2026年10月,165,internal\n"
    )
    result = imported(store, tmp_path, rates=text)
    assert rejected(result) == []
    rates = store.read()["rates"]
    assert rates[["currency", "kind", "rate"]].astype(object).values.tolist() == [
        ["EUR", "internal", 165], ["USD", "market", 150], ["USD", "market", 155],
    ]  # fmt: skip
    assert rates["at"].dt.tz_convert(TOKYO).dt.strftime("%m-%d").tolist() == ["10-01", "10-01", "11-01"]


def test_rates_that_make_no_sense_are_named(store: Store, tmp_path: Path) -> None:
    result = imported(
        store, tmp_path, rates="currency,at,rate\nUSD,2026-10-01,0\nJPY,2026-10-01,1\nQQ,2026-10-01,3\n"
    )
    assert rejected(result) == [
        (2, "rate", "not_positive"), (3, "currency", "own_currency"), (4, "currency", "bad_currency"),
    ]  # fmt: skip


def test_the_own_currency_is_that_of_the_stores_organisation(store: Store) -> None:
    push_rows(store, "organisation", [{"organisation_id": "company", "currency": "ユーロ"}], TOKYO)
    pushed = [
        {"currency": "EUR", "at": "2026-10-01", "rate": 1},
        {"currency": "JPY", "at": "2026-10-01", "rate": 0.006},
    ]
    result = push_rows(store, "rates", pushed, TOKYO)
    assert rejected(result) == [(1, "currency", "own_currency")]
    assert store.read().organisation.currency == "EUR"


def test_pushed_rates_need_no_kind_and_a_correction_replaces_the_rate(store: Store) -> None:
    for rate in (150, 151):
        result = push_rows(store, "rates", [{"currency": "usd", "at": "2026-10-01", "rate": rate}], TOKYO)
        assert rejected(result) == []
    assert store.read()["rates"]["rate"].tolist() == [151]


def test_a_currency_becomes_its_code_and_what_is_none_is_named(store: Store, tmp_path: Path) -> None:
    rows = [("A", "1200", "ユーロ"), ("B", "1200", "us$"), ("C", "1200", "千円"), ("D", "1200", "")]
    lines = "".join(f"{deal},2026-10-01,提案・見積,{amount},{code}\n" for deal, amount, code in rows)
    assert rejected(imported(store, tmp_path, deals=HEAD + lines)) == [(4, "currency", "bad_currency")]
    assert recorded(store) == {"A": (1200, "EUR"), "B": (1200, "USD"), "D": (1200, None)}


def test_a_mark_beside_an_amount_is_its_currency_unless_the_row_says_another(
    store: Store, tmp_path: Path
) -> None:
    rows = [("A", '"$1,200"', ""), ("B", "500円", ""), ("C", "500円", "USD"), ("D", "$500", "CAD")]
    lines = "".join(f"{deal},2026-10-01,提案・見積,{amount},{code}\n" for deal, amount, code in rows)
    result = imported(store, tmp_path, deals=HEAD + lines)
    assert rejected(result) == [(4, "currency", "currency_contradicts_amount")]
    assert recorded(store) == {"A": (1200, "USD"), "B": (500, "JPY"), "D": (500, "CAD")}


def test_a_pushed_amount_with_a_mark_changes_the_currency_of_that_deal_alone(store: Store) -> None:
    deals = [
        {"deal_id": name, "created_at": "2026-10-01", "stage": "提案・見積", "amount": 5, "currency": "EUR"}
        for name in ("A", "B")
    ]
    push_rows(store, "deals", deals, TOKYO)
    push_rows(store, "deals", [{"deal_id": "A", "amount": "$7"}, {"deal_id": "B", "amount": "8"}], TOKYO)
    assert recorded(store) == {"A": (7, "USD"), "B": (8, "EUR")}


def test_contracts_targets_and_events_have_currencies_too(store: Store, tmp_path: Path) -> None:
    result = imported(
        store,
        tmp_path,
        deals=HEAD + "A,2026-10-01,提案・見積,5,USD\n",
        contracts="contract_id,account_id,started_at,monthly_amount\nC1,x,2026-10-01,€50\n",
        targets="metric,scope,period,value,currency\nrevenue,company,2026-Q4,9,ドル\nrevenue,company,2027-Q1,9,??\n",
        deal_events="deal_id,at,field,value,old_value\nA,2026-10-05,通貨,ドル,円\nA,2026-10-06,currency,zz,USD\n",
    )
    assert sorted(rejected(result)) == [(3, "currency", "bad_currency"), (3, "value", "bad_currency")]
    assert recorded(store, "contracts", "monthly_amount") == {"C1": (50, "EUR")}
    log = store.read()
    assert log["targets"]["currency"].tolist() == ["USD"]
    events = log["deal_events"]
    assert events[["field", "value", "old_value"]].astype(object).values.tolist() == [
        ["currency", "USD", "JPY"]
    ]


MAPPING = """
[sources.deals]
files = "list.csv"
[[tables]]
table = "deals"
source = "deals"
[tables.columns]
deal_id = "番号"
created_at = {{ const = "2026-10-01" }}
stage = {{ const = "提案・見積" }}
amount = {{ {amount} }}
"""
LIST = "番号,月額,契約期間\nA,1000,12\nB,,12\nC,1000,\nD,1000,6ヶ月\nE,千,12\nF,1000,未定\nG,$10,24\n"


@pytest.mark.parametrize(
    ("amount", "blank_term"),
    [('monthly = "月額", months = "契約期間"', None),
     ('monthly = "月額", months = "契約期間", default_months = 36', 36_000)],
)  # fmt: skip
def test_a_recurring_deal_is_worth_its_monthly_amount_over_its_term(
    store: Store, tmp_path: Path, amount: str, blank_term: float | None
) -> None:
    result = imported(store, tmp_path, MAPPING.format(amount=amount), list=LIST)
    assert rejected(result) == [(6, "amount", "bad_number"), (7, "amount", "bad_number")]
    assert [error.value for error in result.errors] == ["千 × 12", "1000 × 未定"]
    found = recorded(store)
    assert (found["A"], found["D"], found["G"]) == ((12_000, None), (6_000, None), (240, "USD"))
    assert found["B"][0] != found["B"][0]
    assert found["C"][0] == blank_term or (blank_term is None and found["C"][0] != found["C"][0])


def test_a_term_can_be_given_in_years_and_the_monthly_amount_in_thousands(
    store: Store, tmp_path: Path
) -> None:
    amount = 'monthly = "月額", years = "契約期間", unit = "千円"'
    imported(store, tmp_path, MAPPING.format(amount=amount), list="番号,月額,契約期間\nA,10,2年\nB,10,0.5\n")
    assert recorded(store) == {"A": (240_000, None), "B": (60_000, None)}


@pytest.mark.parametrize(
    "amount",
    ['monthly = "月額"', 'months = "契約期間"', 'monthly = "月額", months = "a", years = "b"',
     'monthly = "月額", default_months = 0'],
)  # fmt: skip
def test_a_recurring_amount_without_its_term_is_refused(store: Store, tmp_path: Path, amount: str) -> None:
    with pytest.raises(SanchoError, match=r"columns\.amount"):
        imported(store, tmp_path, MAPPING.format(amount=amount), list=LIST)


def test_a_mappings_currency_is_that_of_all_amounts_but_those_with_a_mark(
    store: Store, tmp_path: Path
) -> None:
    mapping = 'currency = "ドル"\n' + MAPPING.format(amount='from = "月額"')
    imported(store, tmp_path, mapping, list="番号,月額,契約期間\nA,10,\nB,€10,\n")
    assert recorded(store) == {"A": (10, "USD"), "B": (10, "EUR")}


def test_currencies_without_a_rate_are_told_at_the_import(store: Store, tmp_path: Path) -> None:
    deals = (
        HEAD + "A,2026-10-01,提案・見積,5,USD\nB,2026-10-01,提案・見積,5,JPY\nC,2026-10-01,提案・見積,5,\n"
    )
    assert ["USD" in text.ja for text in imported(store, tmp_path, deals=deals).notices] == [True]
    imported(store, tmp_path, rates="currency,at,rate\nUSD,2026-10-01,150\n")
    assert not imported(store, tmp_path, deals=deals).notices
