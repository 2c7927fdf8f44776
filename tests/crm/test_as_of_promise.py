"""Is an answer about a moment the same, whether or not the store holds what became known after it?

Random histories of all tables are imported: whole, and without what became known at the moment or later.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from crm.eventlog import EventLog
from crm.importing import push_rows
from crm.instants import DAY, as_of_instant, iso
from crm.schema import LOAD_ORDER, TABLES
from crm.store import Store
from crm.versions import Versions

TOKYO = ZoneInfo("Asia/Tokyo")
START = as_of_instant("2026-09-30", TOKYO)
IDS = ("1", "2", "3", "4")


@dataclass(frozen=True)
class Statement:
    """One row that a source sent at a moment (`now`), and since when it makes something known."""

    now: int
    known: int
    table: str
    row: dict[str, object]


def statements(rng: random.Random, said_since_when: bool = False) -> list[Statement]:
    """A random history of three months: of every table first a row, then changes, departures, returns."""
    found, now = list(_beginning(rng)), START
    for _ in range(45):
        now += rng.randrange(1, 3 * DAY)
        found += _next(rng, now, said_since_when)
    return found


def _beginning(rng: random.Random) -> Iterator[Statement]:
    for table in LOAD_ORDER:
        if table != "deal_events":
            for number in IDS[:2]:
                yield Statement(START, START, table, _row(rng, table, number))


def _row(rng: random.Random, table: str, number: str, now: int = START) -> dict[str, object]:
    def one(*values: object) -> object:
        return rng.choice(values)

    deal, account, person, team = f"D{number}", f"A{number}", f"P{number}", f"T{number}"
    stage = {"1": "初回訪問", "2": "提案", "3": "見積", "4": "内示"}[number]
    code = {"1": "USD", "2": "EUR", "3": "GBP", "4": "CAD"}[number]
    money = random.Random(f"{table} {number} {now}").choice(("USD", "EUR", "GBP", ""))
    # What is new says that it began at the moment of its import.
    born = "2026-09-02" if number in IDS[:2] else iso(now, TOKYO)
    rows: dict[str, dict[str, object]] = {
        "stages": {"stage": stage, "position": one(1, 2, 3)},
        "teams": {"team_id": team, "name": one("東", "西"), "parent_team_id": one("T1", "")},
        "people": {
            "person_id": person, "team_id": one("T1", "T2", ""), "style": one("field", "inside", "manager"),
            "name": one("佐藤", "鈴木"), "email": one("a@example.com", ""), "leads_team_id": one("T1", ""),
        },
        "accounts": {"account_id": account, "industry": one("製造", "小売", ""), "規模": one(1, 2.5, "")},
        "products": {"product": number, "unit_price": one(1, 2)},
        "contacts": {"contact_id": f"C{number}", "account_id": one("A1", "A2"), "role": one("部長", "課長")},
        "rates": {"currency": code, "kind": "market", "at": born, "rate": one(1.5, 2)},
        "organisation": {"organisation_id": "company", "fiscal_start_month": one(4, 10)},
        "deals": {
            "deal_id": deal, "created_at": born, "stage": one("初回訪問", "提案"),
            "amount": one(10, 20, ""), "owner_id": one("P1", "P2", ""), "account_id": one("A1", "A2"),
            "deal_type": one("new", "renewal"), "競合": one("甲", "乙", ""), "currency": money,
        },
        "leads": {"lead_id": f"L{number}", "created_at": born, "source": one("展示会", "紹介")},
        "contracts": {
            "contract_id": f"K{number}", "account_id": one("A1", "A2"), "started_at": born,
            "monthly_amount": one(5, 6), "currency": money,
        },
        "targets": {"metric": "revenue", "scope": one("company", "team:T1"), "period": "2026-Q4",
                    "value": one(100, 80)},
        "absences": {"person_id": person, "from": "2026-12-01", "to": one("2026-12-02", "2026-12-05")},
        "deal_contacts": {"deal_id": "D1", "contact_id": f"C{number}", "role": one("窓口", "決裁")},
        "deal_products": {"deal_id": one("D1", "D2"), "product": number, "quantity": one(1, 2)},
        "activities": {
            "activity_id": f"X{number}", "at": born, "kind": one("call", "visit"),
            "deal_id": one("D1", "D2"), "actor_id": one("P1", "P2", ""), "effective": one(True, False),
        },
    }  # fmt: skip
    return rows[table]


def _next(rng: random.Random, now: int, said_since_when: bool) -> list[Statement]:
    table = rng.choice(LOAD_ORDER)
    if table == "deal_events":
        at = now - rng.randrange(1, 20 * DAY)
        event = {
            "deal_id": rng.choice(("D1", "D2")),
            "at": iso(at, TOKYO),
            "field": "次の一手",
            "value": "電話",
        }
        found = [Statement(now, at, table, event)]
        if rng.random() < 0.5:
            later = now + rng.randrange(1, 9 * DAY)
            found.append(Statement(later, later, table, event | {"deleted_at": iso(later, TOKYO)}))
        return found
    row = _row(rng, table, rng.choice(IDS), now)
    if table == "deals":
        return [_deal_statement(rng, now, row)]
    if table == "rates":
        return [Statement(now, now, table, row)]
    if said_since_when:
        known = now - rng.randrange(1, 30 * DAY)
        return [Statement(now, known, table, row | {"known_from": iso(known, TOKYO)})]
    how = rng.random()
    if how < 0.15:
        return [Statement(now, now, table, row | {"deleted_at": iso(now, TOKYO)})]
    keys = TABLES[table].key
    if how < 0.25 and len(keys) == 1 and table != "organisation":
        other = _row(rng, table, rng.choice(IDS))[keys[0]]
        if other != row[keys[0]]:
            return [Statement(now, now, table, row | {"merged_into": other})]
    if table == "targets" and how < 0.7:
        return [Statement(now, now, table, row | {"set_at": iso(now, TOKYO)})]
    return [Statement(now, now, table, row)]


def _deal_statement(rng: random.Random, now: int, row: dict[str, object]) -> Statement:
    """A deal changes, closes, is open again, is flipped, or gets another day of closing."""
    closed = iso(now, TOKYO)
    ending = rng.choice(
        ({}, {"outcome": "", "closed_at": ""}, {"outcome": "won", "closed_at": closed}, {"deleted_at": ""})
    )
    if ending == {"deleted_at": ""}:
        ending = {"deleted_at": iso(now, TOKYO)}
    return Statement(now, now, "deals", row | ending)


def stored(found: list[Statement]) -> EventLog:
    """A log of statements, imported in the order of their moments."""
    with Store.open("sqlite://") as store:
        for each in sorted(found, key=lambda each: each.now):
            result = push_rows(store, each.table, [each.row], TOKYO, now=each.now)
            assert not result.errors, (each, result.errors)
        return store.read(TOKYO)


def pictures(log: EventLog, moment: int, skip: tuple[str, ...] = ()) -> dict[str, list[str]]:
    """All that a log says as of a moment, as sorted texts."""
    if skip:
        kept = {name: versions for name, versions in log.versions.items() if name not in skip}
        log = EventLog.of(log.recorded or log.tables, log.zone, kept)
    known = log.as_of(moment)
    return {name: _texts(known[name]) for name in TABLES}


def _texts(frame: pd.DataFrame) -> list[str]:
    plain = frame.astype(object).where(frame.notna(), None)
    rows = plain.to_dict("records")
    return sorted(
        repr(sorted((str(name), str(value)) for name, value in row.items() if value is not None))
        for row in rows
    )


@pytest.mark.parametrize("seed", range(6))
def test_what_became_known_later_changes_no_answer_about_an_earlier_moment(seed):
    rng = random.Random(seed)
    found = statements(rng)
    whole = stored(found)
    for _ in range(2):
        moment = max(rng.choice(found).now, START + 2) + rng.choice((-1, 0, 1))
        before = stored([each for each in found if each.known < moment])
        assert pictures(whole, moment) == pictures(before, moment)
        assert pictures(whole.as_of(moment + DAY), moment) == pictures(whole, moment)


@pytest.mark.parametrize("seed", range(4))
def test_where_rows_say_since_when_they_are_known_order_and_grouping_do_not_matter(seed):
    rng = random.Random(100 + seed)
    found = [each for each in statements(rng, said_since_when=True) if each.table not in ("deals", "rates")]
    deals = [each for each in statements(rng)[:40] if each.table == "deals" and each.now == START]
    end = max(each.now for each in found)
    shuffled = [replace(each, now=end + number) for number, each in enumerate(rng.sample(found, len(found)))]
    first = [each for each in found if each.now == START]
    in_order, mixed = stored(deals + found), stored(deals + first + shuffled)
    for _ in range(4):
        moment = rng.choice(found).known + rng.choice((0, 1))
        assert pictures(in_order, moment) == pictures(mixed, moment)


@pytest.mark.parametrize("table", [name for name in TABLES if name != "rates"])
def test_the_promise_breaks_on_each_table_whose_versions_are_ignored(table):
    broken = 0
    for seed in range(30):
        rng = random.Random(seed)
        log = stored([each for each in statements(rng) if each.table in (table, "deals", "deal_events")])
        moment = rng.randrange(START + DAY, START + 60 * DAY)
        broken += pictures(log, moment)[table] != pictures(log, moment, skip=(table,))[table]
        if broken:
            return
    raise AssertionError(f"30 random histories of {table} are the same without its versions")


def test_versions_of_a_log_survive_being_written_as_rows():
    log = stored(statements(random.Random(3)))
    for versions in log.versions.values():
        again = Versions.of(versions.as_rows())
        assert again.as_rows() == versions.as_rows()
