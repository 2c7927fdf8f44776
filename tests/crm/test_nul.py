"""Does a character that PostgreSQL cannot hold cost its row, and not the whole import?"""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

from crm.importing import import_path, push_rows, remove_rows
from crm.store import Store

TOKYO = ZoneInfo("Asia/Tokyo")
DEAL = {"deal_id": "D1", "created_at": "2026-10-01", "stage": "初回訪問", "amount": 5}


def test_pushed_rows_with_it_are_refused_and_those_beside_them_stored(store: Store) -> None:
    result = push_rows(store, "deals", [DEAL, {**DEAL, "deal_id": "D\0002", "競合": "A\0社"}], TOKYO)
    assert (result.total.imported, result.quarantined) == (1, 1)
    assert "NUL" in result.errors[0].reason.en
    assert remove_rows(store, "deals", ["D\0002"], TOKYO) == 0
    events = [{"deal_id": "D\0002", "at": "2026-10-02", "field": "stage", "value": "x"}]
    assert push_rows(store, "deal_events", events, TOKYO).quarantined == 1
    assert len(store.quarantine()) >= 2
    assert store.counts()["deals"] == 1


def test_a_damaged_file_is_imported_but_for_its_bad_rows(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "deals.csv"
    file.write_bytes(b"deal_id,created_at,stage,amount\n\0\nD2,2026-10-01,Visit\0,5\nD3,2026-10-01,Visit,7\n")
    assert import_path(store, file, TOKYO).quarantined == 2
    assert store.read(TOKYO)["deals"]["deal_id"].tolist() == ["D3"]
    assert len(store.quarantine()) == 2
