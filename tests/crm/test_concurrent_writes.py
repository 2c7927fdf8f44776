"""Do many writers at once lose nothing, and is each change recorded with what was there before it?"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
import sqlalchemy as sa
from psycopg.sql import SQL, Identifier

from crm.errors import SanchoError
from crm.importing import push_rows
from crm.store import Recommended, Store
from crm.store.engine import UNAVAILABLE, begin_writing
from crm.store.turns import ATTEMPTS, Turns

TOKYO = ZoneInfo("Asia/Tokyo")
STAGES = ("リード獲得", "アポイント", "初回訪問", "提案・見積")
DEALS, PUSHERS = 5, 24


def rows(pusher: int) -> list[dict[str, Any]]:
    """What one of many says of the same deals, in an order of its own."""
    said = [
        {
            "deal_id": f"D{deal}",
            "created_at": "2026-10-01T10:00",
            "stage": STAGES[(pusher + deal) % len(STAGES)],
            "amount": 1_000 + pusher,
        }
        for deal in range(DEALS)
    ]
    return said[pusher % DEALS :] + said[: pusher % DEALS]


def push_at_once(store: Store) -> None:
    """Everybody pushes, by two stores on the same database."""
    with Store.open(store._engine.url.render_as_string(False), TOKYO) as other:
        with ThreadPoolExecutor(PUSHERS) as pool:
            pushed = [
                pool.submit(push_rows, (store, other)[number % 2], "deals", rows(number), TOKYO)
                for number in range(PUSHERS)
            ]
        assert [one.result().errors for one in pushed] == [[]] * PUSHERS


def assert_each_step_begins_where_the_last_one_ended(store: Store) -> None:
    log = store.read(TOKYO)
    deals = log["deals"].set_index("deal_id")
    events = log["deal_events"].sort_values("at", kind="stable")
    assert len(events) >= DEALS * (PUSHERS - 1)  # of amounts alone
    for (deal, field), steps in events.groupby(["deal_id", "field"], observed=True):
        assert steps["old_value"].tolist()[1:] == steps["value"].tolist()[:-1]
        end = deals.loc[deal, field]
        assert steps["value"].iloc[-1] == (end if field == "stage" else f"{end:.0f}")


def test_old_values_of_pushes_at_once_are_what_was_there(store: Store) -> None:
    push_rows(store, "deals", rows(0), TOKYO)
    push_at_once(store)
    assert_each_step_begins_where_the_last_one_ended(store)


def test_a_database_whose_transactions_see_one_moment_by_default_is_no_exception(postgres: str) -> None:
    url = database(postgres, "one_moment")
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("ALTER DATABASE one_moment SET default_transaction_isolation = 'repeatable read'")
    with Store.open(url, TOKYO) as store:
        push_rows(store, "deals", rows(0), TOKYO)
        push_at_once(store)
        assert_each_step_begins_where_the_last_one_ended(store)


def database(postgres: str, name: str) -> str:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    return postgres.replace("/postgres?", f"/{name}?")


def test_reads_find_a_connection_while_many_wait_to_write(store: Store) -> None:
    with ThreadPoolExecutor(PUSHERS) as pool:
        with store.transaction():
            waiting = [
                pool.submit(push_rows, store, "deals", rows(number), TOKYO) for number in range(PUSHERS)
            ]
            assert store.counts()["deals"] == 0
            assert store._engine.pool.checkedout() == 1  # type: ignore[attr-defined]
        for one in waiting:
            one.result(60)
    assert store.counts()["deals"] == DEALS


@pytest.mark.parametrize("state", ["40P01", "40001"])
@pytest.mark.parametrize(("times", "ends"), [(ATTEMPTS - 1, "stored"), (ATTEMPTS, "said")])
def test_what_the_database_ended_for_anothers_sake_is_done_again(
    postgres: str, state: str, times: int, ends: str
) -> None:
    url = database(postgres, f"ended_{state.lower()}_{times}")
    with Store.open(url, TOKYO) as store:
        with store._engine.begin() as connection:
            for statement in ended_by_the_database(state, times):
                connection.exec_driver_sql(statement)
        writes: tuple[Callable[[], Any], ...] = (
            lambda: push_rows(store, "deals", rows(0), TOKYO),
            lambda: store.save_recommendations([offer("R1"), offer("R0")]),
        )
        for write in writes:
            with store._engine.begin() as connection:
                connection.exec_driver_sql("ALTER SEQUENCE failures RESTART")
            if ends == "stored":
                write()
            else:
                with pytest.raises(SanchoError, match="another process is writing") as caught:
                    write()
                assert caught.value.code == UNAVAILABLE
        kept = (store.counts()["deals"], len(store.recommendations()[0]))
    assert kept == ((DEALS, 2) if ends == "stored" else (0, 0))


def ended_by_the_database(state: str, times: int) -> list[str]:
    """Statements that end the first writes; a sequence goes on counting when a transaction is undone."""
    return [
        "CREATE SEQUENCE failures",
        f"""CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF nextval('failures') <= {times} THEN RAISE EXCEPTION 'ended' USING ERRCODE = '{state}'; END IF;
            RETURN NULL;
        END $$""",
        "CREATE TRIGGER fail_deals BEFORE INSERT ON deals FOR EACH STATEMENT EXECUTE FUNCTION fail()",
        "CREATE TRIGGER fail_offers BEFORE INSERT ON recommendations FOR EACH STATEMENT "
        "EXECUTE FUNCTION fail()",
    ]


def offer(number: str) -> Recommended:
    return Recommended(
        recommendation_id=number,
        made_at=1,
        valid_until=2,
        deal_id="D1",
        action="visit",
        arm="usual",
        model_version="1",
        chance=0.5,
        uplift=0.1,
        low=0.0,
        high=0.2,
        propensity=1.0,
        alternatives="[]",
    )


def test_a_user_without_the_right_to_temporary_tables_is_told_the_statement(postgres: str) -> None:
    url = database(postgres, "no_temporary")
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE USER weak PASSWORD 'x'")
        connection.execute("ALTER DATABASE no_temporary OWNER TO weak")
        connection.execute("REVOKE TEMPORARY ON DATABASE no_temporary FROM PUBLIC, weak")
    weak = sa.make_url(url).set(username="weak", password="x").render_as_string(hide_password=False)
    with Store.open(weak, TOKYO) as store:
        with pytest.raises(SanchoError, match="GRANT TEMPORARY ON DATABASE") as caught:
            push_rows(store, "deals", rows(0), TOKYO)
        assert caught.value.code == UNAVAILABLE
        assert store.counts()["deals"] == 0
        with pytest.raises(SanchoError, match="GRANT TEMPORARY ON DATABASE"):
            store.check_rights()
    with Store.open(url, TOKYO) as store:
        store.check_rights()


class Busy:
    """An SQLite connection while another process writes; others commit so many times, then nobody."""

    def __init__(self, commits: int, ends: bool) -> None:
        self.commits, self.ends, self.version = commits, ends, 0

    def execute(self, statement: str) -> Busy:
        if statement == "BEGIN IMMEDIATE":
            if self.commits == 0 and self.ends:
                return self
            if self.commits:
                self.version, self.commits = self.version + 1, self.commits - 1
            raise sqlite3.OperationalError("database is locked")
        return self

    def fetchone(self) -> tuple[int]:
        return (self.version,)


def test_one_that_writes_to_a_file_waits_as_long_as_others_get_on() -> None:
    begin_writing(Busy(commits=5, ends=True))
    for stuck in (Busy(commits=3, ends=False), Busy(commits=0, ends=False)):
        with pytest.raises(SanchoError, match="another process is writing"):
            begin_writing(stuck)
    with pytest.raises(SanchoError, match="another process is writing"):
        begin_writing(Busy(commits=5, ends=True), seconds=0)


def test_turns_come_in_the_order_of_asking() -> None:
    turns, order = Turns(), list[int]()

    def take(number: int) -> None:
        with turns.next():
            order.append(number)

    threads = []
    with turns.next():
        for number in range(5):
            threads.append(threading.Thread(target=take, args=(number,)))
            threads[-1].start()
            while len(turns._waiting) <= number:
                pass
    for thread in threads:
        thread.join(60)
    assert order == [0, 1, 2, 3, 4]


def test_who_does_not_get_a_turn_says_so_and_lets_others_have_theirs() -> None:
    turns = Turns()
    with turns.next(), pytest.raises(SanchoError, match="another process is writing"), turns.next(seconds=0):
        raise AssertionError("two at once")
    with turns.next(seconds=0):
        pass
