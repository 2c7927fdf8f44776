"""Does an import that is killed leave nothing half-done, and does the same command then complete?"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from zoneinfo import ZoneInfo

from crm.importing import import_path
from crm.store import Store

TOKYO = ZoneInfo("Asia/Tokyo")
CODE = """
import sys
from zoneinfo import ZoneInfo
from crm.importing import import_path, load
from crm.store import Store
load._STEP = 20_000  # so that it tells often how far it is
import_path(Store.open(sys.argv[1]), sys.argv[2], ZoneInfo("Asia/Tokyo"),
            progress=lambda stage, done, total: print(stage.en, done, flush=True))
"""


def test_killed_import_leaves_nothing_visible_and_can_be_run_again(tmp_path):
    rows = 200_000
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "teams.csv").write_text("team_id\nT1\n")
    (folder / "activities.csv").write_text(
        "activity_id,at,kind\n" + "\n".join(f"A{n},2026-01-05T10:00:00,call" for n in range(rows)) + "\n"
    )
    path = str(tmp_path / "store.db")
    with Store.open(path) as store:
        before = store.revision()
        with subprocess.Popen(
            [sys.executable, "-c", CODE, path, str(folder)], stdout=subprocess.PIPE, text=True
        ) as process:
            for line in process.stdout:
                if line.startswith("importing Activities") and int(line.split()[-1]) >= 60_000:
                    os.kill(process.pid, signal.SIGKILL)
                    break
        assert process.returncode == -signal.SIGKILL
        assert store.counts()["activities"] == 0
        assert store.counts()["teams"] == 0
        assert len(store.imports()) == 0
        assert store.revision() == before
        assert import_path(store, folder, TOKYO).total.imported == rows + 1
        assert store.counts()["activities"] == rows
