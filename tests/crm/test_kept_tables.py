"""Are tables that were kept those of the store, and is the store read wherever they are not?"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from crm import kept_folder
from crm.eventlog import EventLog
from crm.importing import push_rows, remove_rows
from crm.store import Store, kept_tables
from crm.store.read import arrow_table
from tests.support.fakes import TOKYO, small_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with small_store(tmp_path / "store.db") as opened:
        deal = {"deal_id": "D5", "stage": "最終交渉", "amount": 7e6, "確度": "A", "席数": 12}
        push_rows(opened, "deals", [deal], TOKYO)  # a row with versions and attributes of its own
        remove_rows(opened, "deals", ["D6"], TOKYO)
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "compiled"


def assert_same(found: EventLog, expected: EventLog) -> None:
    """Values, types and categories are equal, also of empty columns."""
    assert found.tables.keys() == expected.tables.keys()
    for name, frame in expected.tables.items():
        pd.testing.assert_frame_equal(found[name], frame, check_exact=True, check_column_type=True)
    assert {name: one.as_rows() for name, one in found.versions.items()} == {
        name: one.as_rows() for name, one in expected.versions.items()
    }


def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tables that are read from the store from now on."""
    seen: list[str] = []

    def counted(connection: object, name: str) -> pa.Table:
        seen.append(name)
        return arrow_table(connection, name)

    monkeypatch.setattr("crm.store.arrow_table", counted)
    return seen


def test_what_was_kept_is_what_the_store_holds(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch):
    whole = store.read(TOKYO)
    assert whole.versions, "of the changed and the removed row"
    first, state = store.read_once(folder, TOKYO)
    seen = reads(monkeypatch)
    again, same_state = store.read_once(folder, TOKYO)
    assert not seen
    assert state == same_state
    for found in (first, again):
        assert_same(found, whole)


def test_an_import_in_between_is_read(store: Store, folder: Path):
    _, before = store.read_once(folder, TOKYO)
    push_rows(store, "deals", [{"deal_id": "D7", "amount": 3.0}], TOKYO)
    found, after = store.read_once(folder, TOKYO)
    assert before != after
    assert_same(found, store.read(TOKYO))
    assert found["deals"].set_index("deal_id").loc["D7", "amount"] == 3.0


def test_an_import_while_the_tables_are_read_is_not_in_the_copy(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    def pushed_meanwhile(connection: object, name: str) -> pa.Table:
        if name == "deals":
            with Store.open(store._engine.url.render_as_string(False)) as other:
                push_rows(other, "deals", [{"deal_id": "D7", "amount": 3.0}], TOKYO)
        return arrow_table(connection, name)

    whole = store.read(TOKYO)
    with monkeypatch.context() as patch:
        patch.setattr("crm.store.arrow_table", pushed_meanwhile)
        assert_same(store.read_once(folder, TOKYO)[0], whole)
    assert store.read_once(folder, TOKYO)[0]["deals"].set_index("deal_id").loc["D7", "amount"] == 3.0


@pytest.mark.parametrize("harm", ["cut short", "other bytes", "one missing", "empty seal", "no folder"])
def test_a_damaged_copy_is_read_anew(store: Store, folder: Path, harm: str):
    store.read_once(folder, TOKYO)
    (kept,) = folder.iterdir()
    file = kept / "deals.arrow"
    match harm:
        case "cut short":
            file.write_bytes(file.read_bytes()[:-100])
        case "other bytes":
            file.write_bytes(b"x" * file.stat().st_size)
        case "one missing":
            file.unlink()
        case "empty seal":
            (kept / "seal.json").write_bytes(b"")
        case _:
            shutil.rmtree(kept)
            kept.write_bytes(b"a file in the folder's place")
    for _ in range(2):
        assert_same(store.read_once(folder, TOKYO)[0], store.read(TOKYO))


def test_a_copy_of_another_version_is_not_read(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch):
    store.read_once(folder, TOKYO)
    monkeypatch.setattr(kept_tables, "sources", lambda: "other code")
    seen = reads(monkeypatch)
    store.read_once(folder, TOKYO)
    assert "deals" in seen


def test_old_copies_go(store: Store, folder: Path):
    for amount in range(5):
        push_rows(store, "deals", [{"deal_id": "D7", "amount": float(amount)}], TOKYO)
        store.read_once(folder, TOKYO)
    (folder / ".new-left").mkdir()
    os.utime(folder / ".new-left", (0, 0))
    push_rows(store, "deals", [{"deal_id": "D7", "amount": 9.0}], TOKYO)
    store.read_once(folder, TOKYO)
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("fault", [PermissionError, OSError])
def test_a_folder_that_cannot_be_written_to_changes_no_answer(
    store: Store, folder: Path, fault: type[OSError], monkeypatch: pytest.MonkeyPatch
):
    def denied(*_: object, **__: object) -> None:
        raise fault(28, "no")

    monkeypatch.setattr(kept_folder, "write_sealed", denied)
    assert_same(store.read_once(folder, TOKYO)[0], store.read(TOKYO))
    assert not list(folder.iterdir())


def test_a_disk_without_room_is_left_alone(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(kept_folder, "_MOST_SHARE", 0.0)
    assert_same(store.read_once(folder, TOKYO)[0], store.read(TOKYO))
    assert not list(folder.iterdir())


def test_several_at_once_all_get_the_same(store: Store, folder: Path):
    whole = store.read(TOKYO)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: store.read_once(folder, TOKYO)[0], range(12)))
    for one in found:
        assert_same(one, whole)
    assert len(list(folder.iterdir())) == 1


def test_no_kept_table_is_held_in_memory_to_be_checked(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    store.read_once(folder, TOKYO)
    whole: list[str] = []
    real = Path.read_bytes

    def noted(file: Path) -> bytes:
        whole.append(file.suffix)
        return real(file)

    monkeypatch.setattr(Path, "read_bytes", noted)
    seen = reads(monkeypatch)
    store.read_once(folder, TOKYO)
    assert not seen
    assert ".arrow" not in whole
