"""May who sees a part of the organisation write the rows of that part, and no others?"""

from __future__ import annotations

import csv
import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

from crm.importing import push_parts
from crm.importing.source import Source
from crm.schema import TABLES
from crm.store import Store
from service.request_rows import request_rows
from service.seen_rows import WRITABLE, permit_of
from tests.support.fakes import PERIOD, TOKYO
from tests.support.served_teams import CALLERS, NEW, Served, opened, scopes_of

_FILE = Path(__file__).parent / "sight_matrix.csv"
MATRIX = list(csv.DictReader(_FILE.read_text(encoding="utf-8").splitlines()))
_WRITES = ("put_table_rows", "delete_table_row")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with pytest.MonkeyPatch.context() as patch:
        made = opened(tmp_path_factory.mktemp("sight"), patch)
        yield made
        made.close()


AT = "2026-11-19"
CALL = {"activity_id": "x", "at": AT, "kind": "call"}


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    made = opened(tmp_path, monkeypatch)
    yield made
    made.close()


def put(served: Served, caller: str, table: str, *rows: Any) -> Any:
    answer = served.client.put(
        f"/v1/tables/{table}",
        content=b"\n".join(orjson.dumps(row) for row in rows),
        headers={"x-caller": caller, "Content-Type": "application/x-ndjson", "Accept-Language": "en"},
    )
    assert answer.status_code < 500, answer.text
    return answer


def row_of(scope: str) -> tuple[str, dict[str, Any]]:
    """A row about a scope: a deal of a person, else a target."""
    kind, _, name = scope.partition(":")
    if kind == "person":
        return "deals", {**NEW, "deal_id": f"new-{name}", "owner_id": name}
    return "targets", {"metric": "appointments", "scope": scope, "period": PERIOD, "value": 3}


@pytest.mark.parametrize("caller", ["program", "key of team", "seller", "manager", "admin"])
def test_rows_of_others_are_not_written(caller: str, fresh: Served):
    rows = {
        row["operation"]: row for row in MATRIX if row["caller"] == caller and row["operation"] in _WRITES
    }
    for column, scope in scopes_of(caller).items():
        table, row = row_of(scope)
        expected = rows["put_table_rows"][column]
        if expected == "-":
            continue
        answer = put(fresh, caller, table, row).json()
        assert (answer["imported"], answer["quarantined"]) == ((1, 0) if expected == "yes" else (0, 1)), (
            answer
        )
        if expected == "no":
            assert "outside of what you may see" in answer["errors"][0]["reason"]
            put(fresh, "program", table, row)
        key = row["deal_id"] if table == "deals" else f"appointments,{scope},{PERIOD}"
        status = fresh.ask(caller, "DELETE", f"/tables/{table}/{key}").status_code
        assert (status == 200) == (rows["delete_table_row"][column] == "yes")
        assert status in (200, 404)


@pytest.mark.parametrize(
    ("table", "row", "column"),
    [
        ("deals", {"deal_id": "d-baba-2", "owner_id": "p-sato"}, "owner_id"),  # taken over
        ("deals", {"deal_id": "d-baba-2", "amount": 1}, "owner_id"),
        ("deals", {"deal_id": "d-nobody-2", "owner_id": "p-sato"}, "owner_id"),
        ("deals", {"deal_id": "d-sato-2", "owner_id": "p-baba"}, "owner_id"),  # given away
        ("deals", {"deal_id": "d-sato-2", "担当者ID": "p-baba"}, "owner_id"),
        ("deals", {**NEW}, "owner_id"),  # nobody's
        ("deals", {"deal_id": "d-sato-2", "merged_into": "d-baba-2", "known_from": AT}, "merged_into"),
        ("deal_events", {"deal_id": "d-baba-2", "at": AT, "field": "amount", "value": "1"}, "deal_id"),
        ("deal_events", {"deal_id": "d-sato-2", "at": AT, "field": "owner_id", "value": "p-baba"}, "value"),
        ("activities", {**CALL, "deal_id": "d-baba-2"}, "deal_id"),
        ("activities", {**CALL, "deal_id": "d-sato-2", "actor_id": "p-baba"}, "actor_id"),
        ("activities", {**CALL}, "deal_id"),
        ("activities", {**CALL, "lead_id": "l-p-baba"}, "lead_id"),
        ("activities", {**CALL, "activity_id": "v-d-baba-2", "deal_id": "d-sato-2"},
         "deal_id"),
        ("leads", {"lead_id": "l-p-baba", "owner_id": "p-sato"}, "owner_id"),
        ("leads", {"lead_id": "n", "created_at": "2026-11-19", "owner_id": "p-sato", "handed_to": "p-baba"},
         "handed_to"),
        ("absences", {"person_id": "p-baba", "from": "2026-11-19", "to": "2026-11-20"}, "person_id"),
        ("targets", {"metric": "revenue", "scope": "company", "period": PERIOD, "value": 1}, "scope"),
        ("deal_products", {"deal_id": "d-baba-2", "product": "A"}, "deal_id"),
        ("deal_contacts", {"deal_id": "d-baba-2", "contact_id": "c"}, "deal_id"),
    ],
)  # fmt: skip
def test_a_row_that_touches_others_is_refused(
    table: str, row: Any, column: str, served: Served, tmp_path: Path
):
    whole = sqlite3.connect(served.cases.settings.home / "store.db")
    with closing(whole), closing(sqlite3.connect(tmp_path / "store.db")) as copy:
        whole.backup(copy)
    with Store.open(str(tmp_path / "store.db")) as store:
        before = store.revision()
        for caller in ("seller", "manager", "key of team"):
            permit = permit_of(served.cases.serving.sight(CALLERS[caller]))
            result = push_parts(store, table, [source_of(row)], TOKYO, permit=permit)
            assert [error.column for error in result.errors] == [column], (caller, result.errors)
        assert store.revision() == before, "nothing is written"
        assert not push_parts(store, table, [source_of(row)], TOKYO).errors


def source_of(row: dict[str, Any]) -> Source:
    """A row as it is read from a request."""
    return request_rows("deals", orjson.dumps(row), "application/x-ndjson")


def test_own_rows_are_written_also_where_answers_do_not_know_them_yet(fresh: Served):
    new = {**NEW, "deal_id": "d-sato-9", "owner_id": "p-sato"}
    event = {"deal_id": "d-sato-9", "at": AT, "field": "amount", "value": "5000000"}
    call = {
        "activity_id": "x",
        "at": "2026-11-19",
        "kind": "call",
        "deal_id": "d-sato-9",
        "actor_id": "p-sato",
    }
    for table, row in (("deals", new), ("deal_events", event), ("activities", call)):
        assert put(fresh, "seller", table, row).json()["imported"] == 1
    assert put(fresh, "seller", "deals", {"deal_id": "d-sato-9", "amount": 6e6}).json()["imported"] == 1
    assert fresh.ask("seller", "DELETE", "/tables/activities/x").status_code == 200
    assert fresh.ask("seller", "DELETE", "/tables/activities/v-d-baba-2").status_code == 404


def test_good_rows_go_in_beside_refused_ones(fresh: Served):
    rows = ({**NEW, "deal_id": f"n{at}", "owner_id": owner} for at, owner in enumerate(("p-sato", "p-baba")))
    answer = put(fresh, "seller", "deals", *rows).json()
    assert (answer["imported"], answer["quarantined"], answer["errors"][0]["line"]) == (1, 1, 2)


def test_tables_of_the_whole_organisation_are_written_by_who_sees_all_of_it(served: Served):
    for table, caller in itertools.product(set(TABLES) - set(WRITABLE), ("seller", "manager", "key of team")):
        assert put(served, caller, table, {"person_id": "p-sato", "role": "admin"}).status_code == 403
        assert served.ask(caller, "DELETE", f"/tables/{table}/p-sato").status_code == 403
    assert {"people", "teams", "accounts", "stages", "organisation", "rates"} <= set(TABLES) - set(WRITABLE)


def test_a_quarantined_row_of_others_stays_where_a_refused_row_has_its_key(fresh: Served):
    bad = {"deal_id": "d-baba-7", "created_at": "いつか", "stage": "提案", "owner_id": "p-baba"}
    assert put(fresh, "program", "deals", bad).json()["quarantined"] == 1
    before = set(fresh.cases.serving.store.quarantine()["import_id"])
    put(fresh, "seller", "deals", {**bad, "created_at": "2026-11-02"})
    put(fresh, "seller", "deals", {**bad, "amount": "いくら"})
    assert before <= set(fresh.cases.serving.store.quarantine()["import_id"])
