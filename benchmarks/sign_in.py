"""Does the time of an answer tell who exists, and how soon is somebody out on every replica?

`python -m benchmarks.sign_in FOLDER` signs in at a service of 300 people with wrong passwords, mixed at
random: of somebody who has one, who has none, and of nobody; it takes the time of the clock, and that of the
processor, which other work on the machine does not lengthen. Then it ends sessions in each way that there is,
and asks two replicas (two services on one store) every 10 ms until both refuse; the same of a key that is
revoked by a command. The seconds of each case go into a file of FOLDER; cases that are there are not measured
again.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from fastapi import FastAPI
from fastapi.testclient import TestClient

from crm.importing import push_rows, remove_rows
from crm.store import Store
from service.api import sign_in_attempts as attempts
from service.app import create_app
from service.keys import ApiKeys
from service.logs import configure_logs
from service.settings import Settings
from service.sign_in import SignIn
from service.use_cases import UseCases

ZONE, PEOPLE, TIMED, ENDED = ZoneInfo("Asia/Tokyo"), 300, 100, 20
REVOKED = "a key revoked"
PASSWORD = "four words in a row"
KINDS = {"a wrong password": "p1@example.com", "no password set": "p2@example.com", "nobody": "x@example.com"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    configure_logs(logging.ERROR)
    attempts.MOST_OF_ADDRESS = attempts.MOST_OF_ACCOUNT = 1_000_000
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        with Store.open(settings.store_url) as store:
            rows = [
                {"person_id": f"P{n}", "email": f"p{n}@example.com", "role": "seller"} for n in range(PEOPLE)
            ]
            push_rows(store, "people", rows, ZONE)
            replicas = [_app(settings) for _ in range(2)]
            if not all((folder / f"{kind}.json").exists() for kind in KINDS):
                _time_answers(replicas[0], folder)
            for name, end in _endings(store, settings).items():
                if not (folder / f"{name}.json").exists():
                    _save(folder, name, [_seconds_to_end(replicas, n, end) for n in range(ENDED)])
            if not (folder / f"{REVOKED}.json").exists():
                _save(folder, REVOKED, [_seconds_to_revoke(replicas, settings, n) for n in range(ENDED)])
    print(f"{'case':32} {'n':>4} {'median':>9} {'p10':>9} {'p90':>9} {'most':>9}  (ms)")
    for file in sorted(folder.glob("*.json")):
        ms = 1000 * np.array(json.loads(file.read_text("utf-8")))
        figures = (np.median(ms), np.quantile(ms, 0.1), np.quantile(ms, 0.9), ms.max())
        print(f"{file.stem:32} {len(ms):4}", *(f"{figure:9.1f}" for figure in figures))


def _app(settings: Settings) -> FastAPI:
    fields = [name for name in UseCases.__dataclass_fields__ if name != "settings"]
    return create_app(settings, UseCases(settings=settings, **dict.fromkeys(fields)), warm=False)  # type: ignore[arg-type]


def _time_answers(app: FastAPI, folder: Path) -> None:
    _set_password(app.state.sign_in, "P1")
    client = TestClient(app)
    order = [kind for kind in KINDS for _ in range(TIMED)]
    random.Random(1).shuffle(order)
    seconds: dict[str, list[float]] = {kind: [] for kind in KINDS}
    of_processor: dict[str, list[float]] = {f"{kind}, of the processor": [] for kind in KINDS}
    for kind in [order[0], *order]:  # the first one opens connections
        asked = {"email": KINDS[kind], "password": "wrong wrong wrong"}
        began, worked = time.perf_counter(), time.process_time()
        answer = client.post("/auth/sign-in", json=asked)
        of_processor[f"{kind}, of the processor"].append(time.process_time() - worked)
        seconds[kind].append(time.perf_counter() - began)
        assert answer.status_code == 401, answer.text
    for kind, values in (seconds | of_processor).items():
        _save(folder, kind, values[-TIMED:])


def _endings(store: Store, settings: Settings) -> dict[str, Callable[[str], object]]:
    """Ways in which a session ends, by what is done."""

    def sign_out(person: str) -> None:  # as another process does: `sancho user sign-out`
        other = SignIn(settings)
        other.sessions.end_all(person)
        other.close()

    return {
        "ended by sancho user sign-out": sign_out,
        "ended by active_to": lambda one: push_rows(
            store, "people", [{"person_id": one, "active_to": "2020-01-31"}], ZONE
        ),
        "ended by another e-mail": lambda one: push_rows(
            store, "people", [{"person_id": one, "email": f"other-{one}@example.com"}], ZONE
        ),
        "ended by a deleted row": lambda one: remove_rows(store, "people", [one], ZONE),
    }


_next = iter(range(10, PEOPLE))


def _seconds_to_end(replicas: list[FastAPI], number: int, end: Callable[[str], object]) -> float:
    """From the moment when an ending is written until the last replica refuses the session."""
    person = f"P{next(_next)}"
    book = replicas[0].state.sign_in.book
    clients = [TestClient(app) for app in replicas]
    answer = clients[0].post("/auth/link", json={"link": book.add_link(person, 60)})
    assert answer.status_code == 200, answer.text
    clients[1].cookies.update(clients[0].cookies)
    return _seconds_until_refused(clients, number, lambda: end(person))


def _seconds_to_revoke(replicas: list[FastAPI], settings: Settings, number: int) -> float:
    """From the moment when a key is revoked, by another process, until the last replica refuses it."""
    other = ApiKeys(settings.store_url)
    text = other.create(f"key {number}", ["read"])
    clients = [TestClient(app, headers={"Authorization": f"Bearer {text}"}) for app in replicas]
    seconds = _seconds_until_refused(clients, number, lambda: other.revoke(text.split("_")[1]))
    other.close()
    return seconds


def _seconds_until_refused(clients: list[TestClient], number: int, end: Callable[[], object]) -> float:
    time.sleep((number % 10) / 10)  # so that it does not always end at the same age of what is remembered
    assert [client.get("/auth/me").status_code for client in clients] == [200, 200]
    end()
    written = time.perf_counter()
    waiting = list(clients)
    while waiting:
        waiting = [client for client in waiting if client.get("/auth/me").status_code == 200]
        time.sleep(0.01)
    return time.perf_counter() - written


def _set_password(sign_in: SignIn, person_id: str) -> None:
    person = sign_in.people.read().person(person_id)
    assert person is not None
    sign_in.local.set_password(person, PASSWORD)


def _save(folder: Path, name: str, seconds: list[float]) -> None:
    (folder / f"{name}.json").write_text(json.dumps(seconds), "utf-8")


if __name__ == "__main__":
    main()
