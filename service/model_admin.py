"""Which model answers, and should it? Registered versions, promotion, rollback, monitoring."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from crm.i18n import Language
from service import cursors
from service.organisation import calendar_warnings
from service.serving_state import ModelState, ServingState
from training.registry import SHADOW, ModelVersion
from training.registry_entry import CHAMPION

if TYPE_CHECKING:
    from training.monitoring import MonitoringReport

_REPORT_SECONDS = 900.0  # for which a monitoring report is kept
_DUE_SECONDS = 6 * 3600.0  # after which a report is too old for telling somebody


class ModelAdmin:
    """The versions of the registry, and the one in service."""

    def __init__(self, serving: ServingState) -> None:
        self._serving = serving
        self._monitoring = threading.Lock()
        self._report: tuple[str, float, MonitoringReport] | None = None  # version, when made, report

    def versions(
        self, lang: Language, *, limit: int | None = None, cursor: str | None = None
    ) -> dict[str, Any]:
        """Registered versions, newest first: all, or those after a `cursor`, up to a `limit`."""
        state = self._serving.current()
        found = self._serving.registry.list()
        shown, following = cursors.page(
            found,
            lambda info: (-int(info.version),),
            "models",
            limit=limit or len(found),
            cursor=cursor,
            kinds=(int,),
        )
        rows = [version_fields(info) for info in shown]
        report = self._monitor(state)
        return {
            "models": rows,
            "next_cursor": following,
            "monitoring": report.to_json(lang),
            **self._serving.metadata(state, state.now, lang),
        }

    def version(self, version: str, lang: Language) -> dict[str, Any]:
        """One version, and how good it was on later deals beside the baseline methods on the same rows."""
        state = self._serving.current()
        info, found = self._serving.registry.evaluation(version)
        return {
            "version": version_fields(info),
            "evaluation": None if found is None else evaluation_fields(found, lang),
            **self._serving.metadata(state, state.now, lang),
        }

    def promote(self, version: str, by: str, because: str, lang: Language) -> dict[str, Any]:
        """Makes a version the champion, once its kept rows score as in training; keeps who did so and why."""
        from training.promote import put_in_service

        put_in_service(self._serving.registry, version, by, because)
        self._serving.switch_to_champion()
        return self.versions(lang)

    def rollback(self, from_version: str | None, lang: Language) -> dict[str, Any]:
        """Goes back to the previous champion; does nothing where `from_version` is no longer in service."""
        from training.promote import roll_back

        roll_back(self._serving.registry, from_version)
        self._serving.switch_to_champion()
        return self.versions(lang)

    def monitoring(self, lang: Language) -> dict[str, Any]:
        """How the model in service has done since its training; at most a quarter of an hour ago."""
        return self._monitor(self._serving.current()).to_json(lang)

    def warm_up(self, state: ModelState) -> None:
        """Monitors a model just taken up."""
        self._monitor(state)

    def known_drift(self, state: ModelState) -> bool | None:
        """Whether monitoring asks for a retraining, from its last report; None before there is one."""
        version, _, report = self._report or ("", 0.0, None)
        return None if report is None or version != state.info.version else report.needed

    def is_due(self, state: ModelState) -> bool:
        """Whether monitoring asks for a retraining, by a report that is not older than some hours."""
        version, made_at, report = self._report or ("", -np.inf, None)
        is_old = time.monotonic() - made_at > _DUE_SECONDS
        if report is None or version != state.info.version or is_old:
            report = self._monitor(state)
        return report.needed

    def _monitor(self, state: ModelState) -> MonitoringReport:
        """The monitoring report, renewed every quarter of an hour however often data change."""
        from training.monitoring import monitor

        with self._monitoring:
            version, made_at, report = self._report or ("", -np.inf, None)
            is_old = time.monotonic() - made_at > _REPORT_SECONDS
            if report is None or version != state.info.version or is_old:
                changed = calendar_warnings(state.bundle, state.organisation(state.now))
                report = monitor(
                    state.bundle,
                    state.history,
                    state.now,
                    zone=state.organisation(state.now).zone,
                    reasons=[text for _, text in changed],
                )
                self._report = (state.info.version, time.monotonic(), report)
            return report


def evaluation_fields(found: Mapping[str, Any], lang: Language) -> dict[str, Any]:
    """A recorded evaluation, each method with its name in one language; older records lack some fields."""
    from training.evaluate import LABELS, MODEL

    against = {"log_loss": found["log_loss_against"], "brier": found.get("brier_against", {})}
    methods = []
    for name, figures in found["overall"].items():
        labels = found.get("labels", {}).get(name)
        label = labels[lang] if labels else LABELS[name].to(lang) if name in LABELS else name
        gaps = {f"{kind}_difference": _finite(gap.get(name)) for kind, gap in against.items()}
        scores = {kind: _finite_or_none(figures.get(kind)) for kind in _SCORES}
        variant = found.get("variants", {}).get(name)
        methods.append({"name": name, "label": label, "variant": variant, **scores, **gaps})
    rows = found["overall"].get(MODEL, {}).get("rows")
    ends = found.get("in_the_end")
    return {
        "rows": None if rows is None else int(rows),
        "deals": found["deals"],
        "methods": methods,
        "in_the_end": None if ends is None else _finite(ends),
    }


_SCORES = ("log_loss", "brier", "auc", "calibration_error", "slope", "mean", "rate")


def _finite(values: Mapping[str, float] | None) -> dict[str, float | None] | None:
    return None if values is None else {name: _finite_or_none(value) for name, value in values.items()}


def _finite_or_none(value: float | None) -> float | None:
    return value if value is not None and np.isfinite(value) else None


def version_fields(info: ModelVersion) -> dict[str, Any]:
    """A version as REST answers it."""
    return {
        "name": info.name,
        "version": info.version,
        "trained_at": info.trained_at or None,
        "aliases": [name for name, has in ((CHAMPION, info.champion), (SHADOW, info.shadow)) if has],
        "metrics": info.figures,
        "gate_decision": info.gate or None,
        "promoted_by": info.promoted_by or None,
        "promoted_because": info.promoted_because or None,
        "promoted_at": info.promoted_at or None,
    }
