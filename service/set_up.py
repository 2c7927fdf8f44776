"""How far is an installation, from nothing to its first forecast? Data, model, targets, jobs."""

from __future__ import annotations

from typing import Any

import pandas as pd

from crm.i18n import Language
from crm.instants import as_of_instant, last_known_day
from crm.periods import period_seen_from
from crm.schema import TABLES
from crm.store.jobs import DONE
from models.forecast.organisation import COMPANY
from models.win.fitting import FEW_DEALS
from service.job_requests import JobRequests
from service.jobs.kinds import IMPORT, SAMPLE, TRAINING
from service.language import period_text, scope_text
from service.quarantine import Quarantine
from service.serving_state import ServingState

NO_DATA, IMPORTING, TRAINING_NOW, NOT_TRAINED, LOADING, READY = (
    "no_data",
    "importing",
    "training",
    "not_trained",
    "loading",
    "ready",
)
_MOST_JOBS = 100
_PERIODS = ("this-quarter", "next-quarter", "this-month", "this-year")
_REVENUE = "revenue"
_TABLES = ("organisation", "people", "teams", "targets")


class SetUp:
    """The state of an installation, for its pages."""

    def __init__(self, serving: ServingState, jobs: JobRequests, quarantine: Quarantine) -> None:
        self._serving, self._jobs, self._quarantine = serving, jobs, quarantine

    def stage(self, lang: Language) -> dict[str, Any]:
        """What there is, and the job that changes it; `few_deals`: closed ones, where they are too few."""
        job = next((one for one in self._jobs.open_jobs(_MOST_JOBS) if _changes(one.kind, one.payload)), None)
        deals = self._serving.store.counts()["deals"]
        has_model = self._serving.model_info() is not None
        if job is not None:
            stage = IMPORTING if job.kind == IMPORT else TRAINING_NOW
        elif has_model:
            stage = READY
        else:
            stage = NO_DATA if not deals else LOADING if self._is_trained() else NOT_TRAINED
        return {
            "stage": stage,
            "job": None if job is None else self._jobs.one(job.job_id, lang),
            "deals": deals,
            "has_model": has_model,
            "few_deals": self.few_deals(),
        }

    def _is_trained(self) -> bool:
        """Whether a training has just put a model in service, which is being loaded."""
        last = self._jobs.last_one((TRAINING, SAMPLE), "en")
        if last is None or last["state"] != DONE:
            return False
        return bool(last["kind"] == SAMPLE or last["result"]["promoted"])

    def few_deals(self) -> tuple[int, int] | None:
        """How many deals the model has learned from, and how many are enough; None where they are."""
        if self._serving.model_info() is None:
            return None
        closed = self._serving.current().bundle.win.closed_deals
        return (closed, FEW_DEALS) if closed < FEW_DEALS else None

    def overview(self, lang: Language) -> dict[str, Any]:
        """Rows by table, whose targets can be set for which periods, which are, and the last training."""
        log = self._serving.store.read(
            self._serving.zone(), tables=("organisation", "people", "teams", "targets")
        )
        known = log.as_of(as_of_instant(None, log.zone))
        organisation = known.organisation
        today = last_known_day(as_of_instant(None, organisation.zone), organisation.zone)
        periods = [period_seen_from(word, today, organisation.fiscal_start_month) for word in _PERIODS]
        scopes = _scopes(known["teams"], known["people"], lang)
        names = {row["scope"]: row["name"] for row in scopes}
        targets = known["targets"]
        revenue = targets[targets["metric"] == _REVENUE] if len(targets) else targets
        return {
            "tables": [
                {"table": name, "label": TABLES[name].label.to(lang), "rows": count}
                for name, count in self._serving.store.counts().items()
                if count and name in TABLES
            ],
            "scopes": scopes,
            "periods": [{"period": one.name, "words": period_text(one, lang)} for one in periods],
            "targets": [
                {
                    "scope": str(row["scope"]),
                    "name": names.get(str(row["scope"]), str(row["scope"])),
                    "period": str(row["period"]),
                    "value": float(row["value"]),
                }
                for row in revenue.to_dict("records")
            ],
            "currency": organisation.currency,
            "quarantined": self._quarantine.count(),
            "training": self._jobs.last_one((TRAINING,), lang),
        }


def _changes(kind: str, payload: dict[str, Any]) -> bool:
    """Whether a job changes what answers; a rehearsal does not."""
    return kind in (TRAINING, SAMPLE) or (kind == IMPORT and not payload.get("dry_run"))


def _scopes(teams: pd.DataFrame, people: pd.DataFrame, lang: Language) -> list[dict[str, str]]:
    """The company, teams and people, by name."""
    rows = [{"scope": COMPANY, "name": scope_text(COMPANY, lang)}]
    for kind, key, frame in (("team", "team_id", teams), ("person", "person_id", people)):
        found = [(str(row[key]), row["name"]) for _, row in frame.iterrows()]
        named = [(text if pd.isna(name) else str(name), f"{kind}:{text}") for text, name in found]
        rows += [{"scope": scope, "name": name} for name, scope in sorted(named)]
    return rows
