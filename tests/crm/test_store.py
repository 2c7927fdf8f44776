"""Does the store keep what it is given, once, whole or not at all, on SQLite and on PostgreSQL?"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from zoneinfo import ZoneInfo

import alembic.autogenerate
import alembic.command
import alembic.config
import alembic.migration
import alembic.script
import pandas as pd
import pyarrow as pa
import pytest
import sqlalchemy as sa

from crm.errors import SanchoError
from crm.importing import push_rows
from crm.schema import TABLES
from crm.store import Store
from crm.store.engine import HEAD
from crm.store.tables import METADATA, stored_columns

TOKYO = ZoneInfo("Asia/Tokyo")


def columns(**values):
    kinds = {"created_at": pa.int64(), "closed_at": pa.int64(), "at": pa.int64(), "amount": pa.float64()}
    return {name: pa.array(given, kinds.get(name, pa.string())) for name, given in values.items()}


def test_the_same_row_twice_changes_nothing_and_a_newer_version_replaces(store):
    row = columns(deal_id=["D1", "D2"], created_at=[1, 2], stage=["a", "b"], amount=[5.0, None])
    with store.transaction() as writer:
        assert writer.upsert("deals", row) == 2
        assert writer.upsert("deals", row) == 0
        assert writer.upsert("deals", row | columns(amount=[5.0, 7.0])) == 1
    assert store.read(TOKYO)["deals"]["amount"].tolist() == [5.0, 7.0]


def test_columns_not_given_keep_their_values_and_blank_ones_are_cleared(store):
    with store.transaction() as writer:
        writer.upsert("deals", columns(deal_id=["D1"], created_at=[1], stage=["a"], name=["x"], amount=[5.0]))
        assert writer.upsert("deals", columns(deal_id=["D1", "D9"], stage=["b", "b"])) == 1
        assert writer.upsert("deals", columns(deal_id=["D1"], amount=[None])) == 1
        assert writer.upsert("deals", columns(deal_id=["D1"], amount=[None])) == 0
    deals = store.read(TOKYO)["deals"]
    assert deals["deal_id"].tolist() == ["D1"]
    assert (deals["stage"][0], deals["name"][0], pd.isna(deals["amount"][0])) == ("b", "x", True)


def test_an_event_is_known_by_all_its_columns_blank_ones_included(store):
    event = columns(deal_id=["D1"], at=[1], field=["stage"], value=["a"], old_value=[None], actor_id=[None])
    with store.transaction() as writer:
        assert writer.upsert("deal_events", event) == 1
        assert writer.upsert("deal_events", event) == 0
        assert writer.upsert("deal_events", {k: v for k, v in event.items() if k != "actor_id"}) == 0
        assert writer.upsert("deal_events", event | columns(actor_id=["P1"])) == 1
    events = store.read(TOKYO)["deal_events"]
    assert events["actor_id"].astype(object).where(events["actor_id"].notna(), None).tolist() == [None, "P1"]


def test_custom_attributes_come_back_as_columns_and_merge(store):
    first = ['{"規模":12.5,"競合":"A","メモ \\"x\\"":"あ"}', '{"規模":null,"競合":"B"}']
    with store.transaction() as writer:
        row = columns(deal_id=["D1", "D2"], created_at=[1, 2], stage=["a", "b"])
        assert writer.upsert("deals", row | columns(custom=first)) == 2
        assert writer.upsert("deals", row | columns(custom=first)) == 0
        assert writer.upsert("deals", columns(deal_id=["D1"], custom=['{"競合":null,"新":"1"}'])) == 1
        assert writer.upsert("deals", columns(deal_id=["D1"], custom=['{"競合":null,"新":"1"}'])) == 0
    deals = store.read(TOKYO)["deals"]
    assert deals["規模"].tolist()[0] == 12.5
    assert deals["規模"].dtype == "float64"
    assert pd.isna(deals["競合"][0])
    assert deals["競合"][1] == "B"
    assert deals["新"][0] == "1"
    assert deals['メモ "x"'][0] == "あ"


def test_an_error_inside_a_transaction_leaves_no_trace(store):
    def fail():
        with store.transaction() as writer:
            writer.upsert("teams", columns(team_id=["T1"], name=["x"]))
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    with store.transaction(keep=False) as writer:
        writer.upsert("teams", columns(team_id=["T1"], name=["x"]))
    assert store.counts()["teams"] == 0


def test_the_revision_changes_exactly_when_rows_do(store):
    rows = [{"team_id": "T1", "name": "営業1課"}]
    before = store.revision(), store.fingerprint()
    push_rows(store, "teams", rows, TOKYO)
    after = store.revision(), store.fingerprint()
    assert before[0] != after[0]
    assert before[1] != after[1]
    assert push_rows(store, "teams", rows, TOKYO).total.unchanged == 1
    assert (store.revision(), store.fingerprint()) == after
    assert store.imports()["unchanged"].tolist() == [0, 1]


def test_a_row_sent_twice_at_once_is_one_row(store):
    result = push_rows(
        store, "teams", [{"team_id": "T1", "name": "a"}, {"team_id": "T1", "name": "a"}], TOKYO
    )
    assert (result.total.imported, result.total.unchanged) == (1, 1)


def test_rows_come_in_the_order_of_their_keys_however_they_arrived(store):
    with store.transaction() as writer:
        writer.upsert("teams", columns(team_id=["b", "A", "あ", "a"]))
    assert store.read(TOKYO)["teams"]["team_id"].tolist() == ["A", "a", "b", "あ"]


def test_an_empty_store_reads_as_an_empty_log_with_the_default_stages(store):
    log = store.read(TOKYO)
    assert set(log.tables) == set(TABLES)
    assert len(log["deals"]) == 0
    assert len(log["stages"]) == 7
    assert list(store.read(TOKYO, ["teams"])["teams"].columns) == list(TABLES["teams"].names)


def test_migrations_lead_to_exactly_the_tables_of_the_schema(store):
    config = alembic.config.Config()
    config.set_main_option("script_location", "crm:migrations")
    assert alembic.script.ScriptDirectory.from_config(config).get_heads() == [HEAD]
    with store._engine.connect() as connection:
        context = alembic.migration.MigrationContext.configure(connection)
        assert alembic.autogenerate.compare_metadata(context, METADATA) == []
        inspector = sa.inspect(connection)
        for name, table in TABLES.items():
            found = [column["name"] for column in inspector.get_columns(name)]
            assert [column for column in found if column != "seq"] == list(stored_columns(table))
            required = {column["name"] for column in inspector.get_columns(name) if not column["nullable"]}
            assert required >= {column.name for column in table.columns if column.required}


def test_a_store_of_a_newer_sancho_is_refused_with_what_to_do(tmp_path):
    path = tmp_path / "new.db"
    Store.open(str(path)).close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SanchoError, match="update Sancho"):
        Store.open(f"sqlite:///{path}")


@pytest.mark.parametrize(
    "url", ["mysql://x/y", "postgresql://nobody:secret@127.0.0.1:1/none", "/proc/nope/x.db"]
)
def test_a_database_that_cannot_be_opened_is_reported_without_its_password(url):
    with pytest.raises(SanchoError) as raised:
        Store.open(url)
    assert "secret" not in raised.value.text.both()


def test_opening_an_up_to_date_store_does_not_load_alembic(tmp_path):
    path = tmp_path / "store.db"
    Store.open(str(path)).close()
    code = f"from crm.store import Store; Store.open({str(path)!r}); import sys; "
    code += "print('alembic' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "False\n"
    )


def test_new_store_can_be_opened_by_two_processes_at_once(tmp_path):
    path = str(tmp_path / "store.db")
    code = f"from crm.store import Store; print(Store.open({path!r}).counts()['deals'])"
    running = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    assert [process.communicate(timeout=60)[0] for process in running] == ["0\n"] * 3


def test_readers_see_the_state_before_a_write_until_it_commits(tmp_path):
    path = str(tmp_path / "store.db")
    with Store.open(path) as store, Store.open(path) as other, store.transaction() as writer:
        writer.upsert("teams", columns(team_id=["T1"]))
        assert other.counts()["teams"] == 0


def test_a_second_writer_waits_for_the_first(tmp_path):
    path = str(tmp_path / "store.db")
    with Store.open(path) as store:
        done = []

        def push():
            with Store.open(path) as other:
                done.append(push_rows(other, "teams", [{"team_id": "T2"}], TOKYO).total.imported)

        waiting = threading.Thread(target=push)
        with store.transaction() as writer:
            waiting.start()
            writer.upsert("teams", columns(team_id=["T1"]))
            waiting.join(0.3)
            assert done == []
        waiting.join(30)
        assert done == [1]
        assert store.counts()["teams"] == 2


def test_a_store_of_the_version_before_is_kept_and_what_it_holds_was_so_all_along(tmp_path):
    path = tmp_path / "old.db"
    config = alembic.config.Config()
    config.set_main_option("script_location", "crm:migrations")
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, "0003")
        connection.execute(sa.text("INSERT INTO teams VALUES ('T1', '東', NULL)"))
        connection.execute(sa.text("INSERT INTO people (person_id, team_id) VALUES ('P1', 'T1')"))
    engine.dispose()
    with Store.open(str(path)) as store:
        push_rows(store, "people", [{"person_id": "P1", "team_id": "T2"}], TOKYO, now=10**15)
        log = store.read(TOKYO)
        assert log.as_of(1)["people"]["team_id"].tolist() == ["T1"]
        assert log.as_of(1)["teams"]["name"].tolist() == ["東"]
        assert log.as_of(10**15 + 1)["people"]["team_id"].tolist() == ["T2"]
