"""What do tests share? The real data where it is at hand, and one small simulated world."""

from __future__ import annotations

import os
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

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
