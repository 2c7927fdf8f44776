"""What is served without a training? The small organisation by hand, over HTTP, and keys for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI

from crm.importing import push_rows
from crm.instants import as_of_instant
from models.actions import ActionEffect, Effects, Evidence
from service.app import create_app
from service.serving_state import Caches
from service.settings import Settings
from service.use_cases import UseCases
from tests.support.fakes import TOKYO, FakeRegistry, fake_bundle, small_store

_PATIENCE = 60.0  # seconds until a server that does not come up fails its tests
NAMES = {
    "people": [{"person_id": "P0", "team_id": "T1", "name": "佐藤"}],
    "deals": [{"deal_id": "D6", "name": "基幹システム更新"}],
}


@dataclass(frozen=True)
class Served:
    """An application of the small organisation, and its use cases."""

    app: FastAPI
    cases: UseCases

    def key(self, *rights: str) -> str:
        """A new key with some rights."""
        return str(self.app.state.keys.create("+".join(rights), list(rights)))

    def know_an_action(self) -> None:
        """Lets the model know of an action that helps, a demo; eight deals show none."""
        state = self.cases.serving.current()
        stages = (500,) * len(state.bundle.levels["stage"])
        effects = Effects((), (), np.array([0.3]), np.array([[1e-4]]))
        helps = ActionEffect("demo", effects, 0.0, stages, 60.0, Evidence(200, 900, 0.4, 0.3, 0.5, 0.2))
        bundle = replace(state.bundle, actions=(helps,))
        self.cases.serving._state = replace(state, bundle=bundle, caches=Caches())


@contextmanager
def small_service(
    home: Path, warm: bool = False, also: Mapping[str, Sequence[dict[str, Any]]] | None = None
) -> Iterator[Served]:
    """The application; no thread is begun, it is ready where it is `warm`; `also`: more rows, by table."""
    store = small_store(home / "sancho.db")
    for named in (NAMES, also or {}):
        for table, rows in named.items():
            pushed = push_rows(store, table, rows, TOKYO, now=as_of_instant("2026-11-19", TOKYO))
            assert not pushed.quarantined, (table, pushed.errors)
    registry = FakeRegistry(fake_bundle(store.read(TOKYO)))
    cases = UseCases.open(Settings(home=home, private_webhooks=True), store, registry)  # type: ignore[arg-type]
    cases.serving.refresh(warm=warm)
    app = create_app(cases.settings, cases, warm=False)
    yield Served(app, cases)
    cases.close()
    app.state.keys.close()


@contextmanager
def over_http(app: FastAPI) -> Iterator[str]:
    """The address at which an application answers, on a free port."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    until = time.monotonic() + _PATIENCE
    while not server.started:
        assert time.monotonic() < until, "the server does not start"
        thread.join(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(_PATIENCE)
