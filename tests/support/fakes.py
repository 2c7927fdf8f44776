"""What answers without a training? A small organisation by hand, and a model that states the prior."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from crm.errors import SanchoError
from crm.eventlog import EventLog
from crm.i18n import Text
from crm.importing import push_rows
from crm.instants import as_of_instant
from crm.store import Store
from features import Calendar, compile_history
from models.bundle import Bundle, check_rows
from models.forecast.revenue import fit_revenue
from models.win.base_models import FeatureLayout
from models.win.horizons import HorizonWindows
from models.win.model import Side, WinModel
from models.win.reference import Peers
from models.win.stacking import Stack, default_weights
from models.win.stage_rates import fit_stage_rates, horizon_grid
from training.registry import ModelVersion

TOKYO = ZoneInfo("Asia/Tokyo")
AS_OF, PERIOD = "2026-11-20", "2026-Q4"
STAGES = ("アポイント", "提案", "最終交渉")


def small_store(path: Path) -> Store:
    """Two sellers, eight deals (two of them won, two lost) and the targets of a quarter."""
    store = Store.open(str(path), TOKYO)
    ends: dict[int, tuple[str, str]] = {
        0: ("受注", "won"),
        1: ("失注", "lost"),
        2: ("受注", "won"),
        3: ("失注", "lost"),
    }
    deals, activities = [], []
    for n in range(8):
        created = date(2026, 9, 1) + timedelta(days=7 * n)
        stage, outcome = ends.get(n, (STAGES[n % 3], ""))
        closed = str(created + timedelta(days=40)) if outcome else ""
        deals.append(
            {"deal_id": f"D{n}", "created_at": str(created), "stage": stage, "owner_id": f"P{n % 2}",
             "amount": 1e6 * (n + 1), "closed_at": closed, "outcome": outcome}
        )  # fmt: skip
        activities.append({"activity_id": f"A{n}", "at": str(created), "kind": "visit", "deal_id": f"D{n}"})
    ladder = [(name, n + 1, "") for n, name in enumerate(STAGES)] + [("受注", 4, "won"), ("失注", 5, "lost")]
    rows: dict[str, list[dict[str, Any]]] = {
        "teams": [{"team_id": "T1", "name": "営業"}],
        "people": [{"person_id": f"P{n}", "team_id": "T1", "active_from": "2026-04-01"} for n in range(2)],
        "stages": [{"stage": name, "position": at, "outcome": end} for name, at, end in ladder],
        "deals": deals,
        "activities": activities,
        "targets": [{"metric": "revenue", "scope": "company", "period": PERIOD, "value": 2e7}],
    }
    for table, body in rows.items():
        result = push_rows(store, table, body, TOKYO, now=as_of_instant("2026-11-19", TOKYO))
        assert not result.quarantined, (table, result.errors)
    return store


def fake_bundle(log: EventLog) -> Bundle:
    """A bundle without a training: deals are won as the stated prior says of their stage."""
    calendar, at = Calendar(TOKYO), as_of_instant(AS_OF, TOKYO)
    history = compile_history(log, calendar)
    names = tuple(feature.name for feature in history.features)
    layout = FeatureLayout.of(names, ())
    none, no_ints, no_rows = np.zeros(0), np.zeros(0, np.int64), np.zeros((0, len(names)))
    place = {float(n): n / 2 for n in range(3)}
    rates = fit_stage_rates(none, none, none, no_ints, no_ints, horizon_grid(365.0, 730.0), place)
    side = Side(None, None, Stack.weighted_mean(default_weights(0, False, False), 730.0))
    win = WinModel(
        used=np.arange(len(names)), layout=layout, rates=rates, won=side, lost=side, ever_days=730.0,
        closed_deals=0, windows=HorizonWindows(calendar, 365.0),
    )  # fmt: skip
    return Bundle(
        win=win, revenue=fit_revenue(no_rows, none, none, no_ints, (layout.stage, -1, -1)), new_business=None,
        features=names, levels=history.levels, calendar=calendar, as_of=at, trained_at=AS_OF,
        self_check=check_rows(win, np.zeros((2, len(names))), np.full(2, at), np.array([30.0, 90.0])),
        peers=Peers(no_rows, no_ints),
    )  # fmt: skip


class FakeRegistry:
    """A registry that holds one model, version 1, which is the champion; and version 2, if it is given.

    Version 2 answers beside the champion as long as `has_shadow` is set.
    """

    def __init__(self, bundle: Bundle, beside: Bundle | None = None) -> None:
        self._bundle, self._beside = bundle, beside
        self.has_shadow = False
        self.evaluated: dict[str, Any] | None = None  # what its training has recorded
        self.info = ModelVersion(
            name="sancho", version="1", trained_at=AS_OF, run_id="run", champion=True,
            as_of=str(bundle.as_of), figures={}, gate="",
        )  # fmt: skip

    def champion(self) -> ModelVersion:
        return self.info

    def list(self) -> list[ModelVersion]:
        return [self.info]

    def evaluation(self, which: str) -> tuple[ModelVersion, dict[str, Any] | None]:
        if which not in ("1", "champion"):
            raise SanchoError(Text("ありません", "none"), "unknown_version")
        return self.info, self.evaluated

    def evaluation_of(self, info: ModelVersion) -> dict[str, Any] | None:
        return self.evaluation(info.version)[1]

    def load(self, which: str = "champion") -> tuple[Bundle, ModelVersion]:
        if which in ("2", "shadow") and self._beside is not None:
            return self._beside, self._second
        return self._bundle, self.info

    def shadow(self) -> ModelVersion | None:
        return self._second if self.has_shadow else None

    def set_shadow(self, version: str | None) -> ModelVersion | None:
        self.has_shadow = version is not None
        return self.shadow()

    @property
    def _second(self) -> ModelVersion:
        return replace(self.info, version="2", champion=False, shadow=self.has_shadow)
