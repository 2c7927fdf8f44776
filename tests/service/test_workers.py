"""Do several processes answer on one port, come back when killed, take up new rows, and end together?"""

from __future__ import annotations

import json
import os
import platform
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crm.importing import push_rows
from crm.store import Store
from service.cli.workers import can_fork
from service.keys import ApiKeys
from tests.service.test_job_processes import wait_until
from tests.service.test_start import home, prepared
from tests.support.fakes import TOKYO

__all__ = ["home", "prepared"]  # fixtures

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not can_fork(), reason="processes are not forked on this system"),
]
ROOT = Path(__file__).parents[2]


class Served:
    """A service of two processes."""

    def __init__(self, home: Path) -> None:
        keys = ApiKeys(f"sqlite:///{home / 'sancho.db'}")
        self.key = keys.create("test")
        keys.close()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        words = ["serve", "--port", str(self.port), "--workers", "2"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "SANCHO_JOB_WORKERS": "false"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", f"from service.cli import run; import sys; sys.exit(run({words}))"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def ask(self, path: str) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", headers={"Authorization": f"Bearer {self.key}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read())
        except OSError:
            return None

    def status(self, path: str) -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def supervisor(self) -> int:
        return children(self.process.pid)[0]


@pytest.fixture
def served(home: Path) -> Iterator[Served]:
    service = Served(home)
    try:
        wait_until(lambda: service.status("/readyz") == 200, 240)
        yield service
    finally:
        everyone = family(service.process.pid)
        service.process.terminate()
        service.process.wait(60)
        wait_until(lambda: not any(map(is_there, everyone)))


def children(process: int) -> list[int]:
    try:
        return [int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except OSError:  # it has ended
        return []


def family(process: int) -> list[int]:
    return [process, *(one for child in children(process) for one in family(child))]


def is_there(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def revenue(served: Served) -> Any:
    """What a forecast says that no stored history is in."""
    return served.ask("/v1/forecasts/2026-Q4?as_of=2026-11-20")["revenue"]


def deals_amount(answer: Any, deal: str) -> float | None:
    return next((one["amount"] for one in answer["deals"] if one["deal_id"] == deal), None)


def test_two_processes_answer_and_the_killed_one_comes_back(served: Served, home: Path):
    first = revenue(served)
    wait_until(lambda: len(children(served.supervisor())) == 2)
    assert all(revenue(served) == first for _ in range(8))
    killed, other = children(served.supervisor())
    os.kill(killed, signal.SIGKILL)
    wait_until(
        lambda: len(children(served.supervisor())) == 2 and killed not in children(served.supervisor())
    )
    assert other in children(served.supervisor())
    wait_until(lambda: all(served.status("/readyz") == 200 for _ in range(4)))
    assert all(revenue(served) == first for _ in range(8))

    with Store.open(str(home / "sancho.db")) as store:
        push_rows(store, "deals", [{"deal_id": "D4", "amount": 3e8}], TOKYO)
    path = "/v1/forecasts/this-quarter"
    wait_until(lambda: all((deals_amount(served.ask(path), "D4") or 0) > 2e8 for _ in range(6)))

    everyone = family(served.process.pid)
    assert len(everyone) == 4
    served.process.terminate()
    assert served.process.wait(60) == 0
    wait_until(lambda: not any(map(is_there, everyone)))


def test_it_says_that_it_starts_before_it_is_ready_and_all_end_with_it(home: Path):
    service = Served(home)
    try:
        wait_until(lambda: service.status("/healthz") == 200, 240)
        seen = {service.status("/readyz")}
        wait_until(lambda: seen.add(service.status("/readyz")) or 200 in seen, 240)
        assert 503 in seen
        assert 0 not in seen
    finally:
        everyone = family(service.process.pid)
        service.process.send_signal(signal.SIGKILL)
        service.process.wait(60)
    wait_until(lambda: not any(map(is_there, everyone)))


def test_without_a_model_each_says_why_and_tries_again(home: Path):
    (home / "mlflow.db").unlink()
    service = Served(home)
    try:
        wait_until(lambda: service.status("/healthz") == 200, 240)
        wait_until(lambda: len(children(service.supervisor())) == 2, 240)
        assert service.status("/readyz") == 503
    finally:
        service.process.send_signal(signal.SIGINT)
        assert service.process.wait(60) == 0


def test_the_allocator_is_told_to_give_memory_back_unless_it_was_told_otherwise(
    monkeypatch: pytest.MonkeyPatch,
):
    code = "from service.cli.given_back import give_memory_back; print(give_memory_back())"

    def said() -> str:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", code]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True
        ).stdout.strip()

    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    for name in [name for name in os.environ if name.startswith("MALLOC_")]:
        monkeypatch.delenv(name)
    assert said() == str(platform.libc_ver()[0] == "glibc")
    monkeypatch.setenv("MALLOC_ARENA_MAX", "4")
    assert said() == "False"


def test_a_port_that_is_taken_ends_the_command_with_a_failure(home: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        words = ["serve", "--port", str(taken.getsockname()[1]), "--workers", "2"]
        done = subprocess.run(
            [sys.executable, "-c", f"from service.cli import run; import sys; sys.exit(run({words}))"],
            env={**os.environ, "PYTHONPATH": str(ROOT), "SANCHO_JOB_WORKERS": "false"},
            capture_output=True,
            text=True,
            timeout=240,
        )
    assert done.returncode == 1
    assert "Address already in use" in done.stderr


def test_who_is_told_to_stop_while_it_gets_ready_ends_at_once(home: Path):
    service = Served(home)
    try:
        wait_until(lambda: service.status("/healthz") == 200, 240)
        everyone = family(service.process.pid)
        service.process.terminate()
        assert service.process.wait(60) == 0
        wait_until(lambda: not any(map(is_there, everyone)))
    finally:
        service.process.kill()
