"""Do processes that start at once, on a home where nothing is yet, all get what they need?"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OPEN = {
    "store": "from crm.store import Store; Store.open(sys.argv[1] + '/sancho.db').close()",
    "registry": "from training.registry import Registry; assert Registry(Path(sys.argv[1])).list() == []",
}


@pytest.mark.parametrize("what", OPEN)
def test_processes_that_start_at_once_make_the_tables_once(tmp_path: Path, what: str) -> None:
    script = f"import sys; from pathlib import Path; sys.stdin.read(); {OPEN[what]}"
    environment = {key: value for key, value in os.environ.items() if key != "MLFLOW_TRACKING_URI"}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path)],
            env=environment | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.close()  # all go at once
        process.stdin = None
    said = [process.communicate()[1] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], said
