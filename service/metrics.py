"""What can be seen of the service from outside? Counts and times for Prometheus, nobody's figures.

With several processes on one port the counts are those of all of them: each writes its own into the folder
named by PROMETHEUS_MULTIPROC_DIR, and whichever is asked adds them up.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from crm.errors import SanchoError
from crm.store.jobs import OPEN

if TYPE_CHECKING:
    from service.use_cases import UseCases

MEDIA_TYPE = CONTENT_TYPE_PLAIN_0_0_4
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
UNMATCHED = "unmatched"  # the route of a call to an address that is none
_MOST_JOBS = 10_000
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

_HERE = CollectorRegistry()
_TIMES = Histogram(
    "sancho_request_seconds",
    "Time to answer a call, by route",
    ["method", "route"],
    buckets=_SECONDS,
    registry=_HERE,
)
_CALLS = Counter(
    "sancho_requests", "Calls by route and status", ["method", "route", "status"], registry=_HERE
)
_CUT = Counter(
    "sancho_connections_cut", "Connections that the service has ended, by reason", ["reason"], registry=_HERE
)


def count_cut(reason: str) -> None:
    """Counts a connection that was ended because it was silent, slow, or one too many."""
    _CUT.labels(reason).inc()


def count_call(method: str, route: str, status: int, seconds: float) -> None:
    """Counts an answered call; `route` is the template of its address, so that no id is in it."""
    _TIMES.labels(method, route).observe(seconds)
    _CALLS.labels(method, route, str(status)).inc()


def exposition(use_cases: UseCases) -> bytes:
    """All that Prometheus is told, in its text format."""
    counted = _HERE
    if os.environ.get(FOLDER):
        counted = CollectorRegistry()
        multiprocess.MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    now = CollectorRegistry()
    now.register(_State(use_cases))
    return generate_latest(counted) + generate_latest(now)


class _State(Collector):
    """What is true of the service now, looked up when it is asked for."""

    def __init__(self, use_cases: UseCases) -> None:
        self._use_cases = use_cases

    def collect(self) -> Iterable[Metric]:
        """Readiness, freshness of data and model, the queue."""
        yield from self._answers()
        with suppress(SanchoError):  # the queue's database is away: what is known is told all the same
            yield from self._queue()

    def _answers(self) -> Iterator[Metric]:
        serving = self._use_cases.serving
        ready = serving.readiness().error is None
        yield GaugeMetricFamily("sancho_ready", "Whether the service can answer", float(ready))
        with suppress(SanchoError):
            state, now = serving.current(), time.time()
            yield GaugeMetricFamily(
                "sancho_data_age_seconds",
                "Time since the newest record of a deal",
                now - state.newest_deal_record / 1e6,
            )
            yield GaugeMetricFamily(
                "sancho_model_data_age_seconds",
                "Time since the data end that the model in service was trained on",
                now - state.bundle.as_of / 1e6,
            )
            yield GaugeMetricFamily(
                "sancho_deals_known",
                "Deals in the data that answers are made from",
                len(state.history.created),
            )
            version = GaugeMetricFamily("sancho_model", "The model in service", labels=["version"])
            version.add_metric([state.info.version], 1.0)
            yield version
            drift = self._use_cases.models.known_drift(state)
            if drift is not None:
                yield GaugeMetricFamily(
                    "sancho_retraining_needed", "Whether monitoring asks for a retraining", float(drift)
                )

    def _queue(self) -> Iterator[Metric]:
        jobs = GaugeMetricFamily("sancho_jobs", "Jobs queued and running, by kind", labels=["kind", "state"])
        counts: dict[tuple[str, str], int] = {}
        for job in self._use_cases.jobs.open_jobs(_MOST_JOBS):
            counts[job.kind, job.state] = counts.get((job.kind, job.state), 0) + 1
        for (kind, state), count in sorted(counts.items()):
            jobs.add_metric([kind, state], count)
        for state in OPEN:
            if not any(of == state for _, of in counts):
                jobs.add_metric(["", state], 0)
        yield jobs
