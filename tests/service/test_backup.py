"""Is a backup whole, taken while the service writes, and does it answer the same somewhere else?"""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from crm.errors import SanchoError
from crm.i18n import Text
from crm.importing import push_rows
from crm.store import Store
from crm.store.backup import STORE_TABLES, dump, load
from crm.store.engine import WRITING
from service.backup import make_backup, restore_backup
from service.jobs import JobQueue
from service.keys import ApiKeys
from service.request_rows import request_rows
from service.settings import Settings
from tests.support.fakes import fake_bundle, small_store
from training.config import TrainConfig
from training.registry import Registry
from training.report import Report


def told(_what: Text, _done: int, _total: int | None) -> None:
    """Progress that nobody reads."""


def rows(url: str) -> dict[str, list[tuple[object, ...]]]:
    """All that a store holds, by table."""
    engine = Store.open(url)._engine
    with engine.connect() as connection:
        found = {
            table.name: [tuple(row) for row in connection.execute(sa.select(table))] for table in STORE_TABLES
        }
    engine.dispose()
    return {name: sorted(held, key=repr) for name, held in found.items()}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation with data, quarantined rows, a key and a queued job."""
    made = Settings(home=tmp_path / "home")
    made.home.mkdir()
    small_store(made.home / "sancho.db").close()
    with Store.open(made.store_url, made.zone) as store:
        bad = b"deal_id,created_at,stage,colour\nD-new,2026-04-01,x,red\nD-bad,nonsense,x,blue\n"
        push_rows(store, "deals", request_rows("deals", bad, "text/csv"), made.zone)
    ApiKeys(made.store_url).create("crm")
    with JobQueue(made.store_url) as queue:
        queue.add("import", {"file": "deals.csv"}, contents=[b"deal_id\n", b"\xff\x00"])
    return made


def test_what_is_put_back_is_what_was_there(settings: Settings, tmp_path: Path):
    backup = make_backup(settings, tmp_path / "backup", told)
    elsewhere = Settings(home=tmp_path / "elsewhere")
    restored = restore_backup(elsewhere, tmp_path / "backup", told)
    assert restored == backup
    assert rows(elsewhere.store_url) == rows(settings.store_url)
    assert restored.rows["quarantine"] == 1
    with JobQueue(elsewhere.store_url) as queue:
        (job,) = queue.newest(9)
        assert b"".join(queue.contents(job)) == b"deal_id\n\xff\x00"


def test_a_store_moves_between_databases_and_new_rows_are_numbered_on(
    store: Store, settings: Settings, tmp_path: Path
):
    folder = tmp_path / "tables"
    folder.mkdir()
    source = Store.open(settings.store_url)._engine
    with source.connect() as connection:
        counts = dump(connection, STORE_TABLES, folder)
    with store._engine.connect().execution_options(**{WRITING: True}) as connection, connection.begin():
        assert load(connection, STORE_TABLES, folder) == counts
    assert store.counts()["deals"] == counts["deals"] > 0
    again = tmp_path / "again"
    again.mkdir()
    with store._engine.connect() as connection:
        dump(connection, STORE_TABLES, again)
    back = Settings(home=tmp_path / "back")
    into = Store.open(back.store_url)._engine.connect().execution_options(**{WRITING: True})
    with into as connection, connection.begin():
        load(connection, STORE_TABLES, again)
    assert rows(back.store_url) == rows(settings.store_url)
    more = b"deal_id,created_at,stage\nD-more,2026-04-01,x\nD-worse,nonsense,x\n"
    result = push_rows(store, "deals", request_rows("deals", more, "text/csv"), settings.zone)
    assert (result.total.imported, result.quarantined) == (1, 1)


def test_a_backup_taken_while_rows_are_pushed_is_of_one_moment(settings: Settings, tmp_path: Path):
    stop, before = threading.Event(), len(rows(settings.store_url)["imports"])

    def push() -> None:
        with Store.open(settings.store_url, settings.zone) as store:
            number = 0
            while not stop.is_set():
                number += 1
                deal = f"deal_id,created_at,stage\nP-{number},2026-04-01,x\n".encode()
                push_rows(store, "deals", request_rows("deals", deal, "text/csv"), settings.zone)

    pushing = threading.Thread(target=push)
    pushing.start()
    try:
        backups = [make_backup(settings, tmp_path / f"backup-{number}", told) for number in range(3)]
    finally:
        stop.set()
        pushing.join()
    assert backups[0].rows["deals"] < backups[-1].rows["deals"], "it went on meanwhile"
    for number, backup in enumerate(backups):
        place = Settings(home=tmp_path / f"place-{number}")
        assert restore_backup(place, tmp_path / f"backup-{number}", told) == backup
        held = rows(place.store_url)
        pushed = [row for row in held["deals"] if str(row[0]).startswith("P-")]
        assert len(held["imports"]) == before + len(pushed), "each push is there with its line in the log"


def test_a_copied_home_uses_its_own_models_and_leaves_the_original_alone(settings: Settings, tmp_path: Path):
    with Store.open(settings.store_url, settings.zone) as store:
        bundle = fake_bundle(store.read())
    registry, report = Registry(settings.home), Report(bundle.as_of, TrainConfig())
    first = registry.log_and_register(bundle, report)
    registry.promote(first.version)
    make_backup(settings, tmp_path / "backup", told)
    elsewhere = Settings(home=tmp_path / "elsewhere")
    restored = restore_backup(elsewhere, tmp_path / "backup", told)
    assert restored.champion == first.version
    before = {file for file in settings.home.rglob("*") if file.is_file()}
    copy = Registry(elsewhere.home)
    copy.log_and_register(bundle, report)
    assert len(copy.list()) == 2
    assert {file for file in settings.home.rglob("*") if file.is_file()} == before, (
        "nothing came to the original"
    )
    shutil.rmtree(settings.home)
    assert copy.load(first.version)[1].version == first.version
    moved = elsewhere.home.rename(tmp_path / "moved")
    assert Registry(moved).load()[1].version == first.version, "a home that was moved, too"


def test_what_is_not_a_whole_backup_or_not_an_empty_place_is_refused(settings: Settings, tmp_path: Path):
    folder = tmp_path / "backup"
    make_backup(settings, folder, told)
    with pytest.raises(SanchoError, match="exists already"):
        make_backup(settings, folder, told)
    with pytest.raises(SanchoError, match="not empty"):
        restore_backup(settings, folder, told)
    with pytest.raises(SanchoError, match="no backup"):
        restore_backup(Settings(home=tmp_path / "a"), tmp_path / "nothing", told)
    file = folder / "tables" / "deals.parquet"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(SanchoError, match="damaged"):
        restore_backup(Settings(home=tmp_path / "b"), folder, told)
    assert not (tmp_path / "b").exists(), "nothing was begun"
