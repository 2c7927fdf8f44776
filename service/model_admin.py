"""Which model answers, and should it? Registered versions, promotion, rollback, and the monitoring of one."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np

from crm.i18n import Language
from service import messages
from service.serving_state import ModelState, ServingState
from training.monitoring import MonitoringReport, monitor
from training.promote import put_in_service, roll_back

_WATCHED_SECONDS = 900.0  # how long a look at the model in service holds


class ModelAdmin:
    """The versions of the registry, and which of them answers."""

    def __init__(self, serving: ServingState) -> None:
        self._serving = serving
        self._watching = threading.Lock()
        self._watched: tuple[str, float, MonitoringReport] | None = None  # version, when, what was found

    def versions(self, lang: Language) -> dict[str, Any]:
        """Registered versions, newest first."""
        state = self._serving.current()
        listed = [messages.model_row(info) for info in self._serving.registry.list()]
        seen = self._watch(state)
        return {
            "models": listed,
            "monitoring": seen.to_json(lang),
            **self._serving.metadata(state, state.now, lang),
        }

    def promote(self, version: str, lang: Language) -> dict[str, Any]:
        """Makes a version the champion, once its kept rows have scored as in training."""
        put_in_service(self._serving.registry, version)
        self._serving.switch_to_champion()
        return self.versions(lang)

    def rollback(self, from_version: str | None, lang: Language) -> dict[str, Any]:
        """Goes back to the champion before; nothing happens where `from_version` does not answer any more."""
        roll_back(self._serving.registry, from_version)
        self._serving.switch_to_champion()
        return self.versions(lang)

    def warm_up(self, state: ModelState) -> None:
        """The look at a model just taken up."""
        self._watch(state)

    def _watch(self, state: ModelState) -> MonitoringReport:
        """How the model does; looked at again every quarter of an hour, however fast data come."""
        with self._watching:
            version, looked_at, seen = self._watched or ("", -np.inf, None)
            old = time.monotonic() - looked_at > _WATCHED_SECONDS
            if seen is None or version != state.info.version or old:
                seen = monitor(state.bundle, state.history, state.now)
                self._watched = (state.info.version, time.monotonic(), seen)
            return seen
