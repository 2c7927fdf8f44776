"""How is work spread over a Dask cluster? Features by parts of the deals, trees by LightGBM's Dask estimator.

Every worker reads the log itself, from Parquet or the store, and compiles it once: features of one deal need
the past of its seller, account and product. So only deals, moments and their features travel, and `build` is
the same function on the same arrays: the features are equal bit for bit.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from sancho.crm.eventlog import EventLog
from sancho.crm.schema import TABLES
from sancho.crm.text import SanchoError, Text
from sancho.features import Calendar, History, build, compile_history, open_at
from sancho.features.arrays import Floats, Ints
from sancho.features.levels import Levels
from sancho.models.trees import Trees, TreeSettings, parameters
from sancho.training.backtest.origins import Span, choose_periods
from sancho.training.backtest.run import Backtest, backtest
from sancho.training.config import TrainConfig
from sancho.training.work import Work

if TYPE_CHECKING:
    import pandas as pd
    from distributed import Client

    from sancho.crm.period import Period
    from sancho.models.bundle import Bundle

LOCAL = "local"
LOCAL_WORKERS = 2
PARTS_PER_WORKER = 4
PATIENCE_SECONDS = 10


@dataclass(frozen=True)
class Source:
    """Where workers read the log: a folder of Parquet files (`parquet`) or a store (`url`, never shown)."""

    zone: str
    parquet: str | None = None
    url: str | None = field(default=None, repr=False)

    def read(self) -> EventLog:
        """The whole log."""
        if self.url is not None:
            from sancho.crm.store import Store

            with Store.open(self.url) as store:
                return store.read(ZoneInfo(self.zone))
        import pandas as pd

        folder = Path(self.parquet or ".")
        found = {name: folder / f"{name}.parquet" for name in TABLES}
        tables = {name: pd.read_parquet(file) for name, file in found.items() if file.exists()}
        return EventLog.of(tables, ZoneInfo(self.zone))


def to_parquet(log: EventLog, folder: Path) -> Source:
    """Writes a log's tables where workers can read them: one Parquet file each."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in log.tables.items():
        table.to_parquet(folder / f"{name}.parquet", index=False)
    return Source(str(log.zone), parquet=str(folder.resolve()))


@contextmanager
def cluster(address: str, source: Source) -> Iterator[Cluster]:
    """A cluster at work: "local" (two processes on this machine) or the address of a Dask scheduler."""
    distributed = _distributed()
    if address == LOCAL:
        with (
            distributed.LocalCluster(
                n_workers=LOCAL_WORKERS, threads_per_worker=1, dashboard_address=None, silence_logs=50
            ) as workers,
            distributed.Client(workers) as client,
        ):
            client.run(_speak_aside)
            yield Cluster(client, source)
        return
    try:
        client = distributed.Client(address, timeout=f"{PATIENCE_SECONDS}s")
    except (OSError, ValueError) as fault:
        raise SanchoError(
            Text(
                "Daskのスケジューラー {address} につながりません。"
                "アドレス（例 tcp://host:8786）と、起動しているかを確認してください。",
                "no Dask scheduler answers at {address}; check that it runs, and its address "
                "(like tcp://host:8786).",
            ).format(address=address),
            "no_cluster",
        ) from fault
    with client:
        if not client.nthreads():
            raise SanchoError(
                Text(
                    "Daskのスケジューラー {address} にワーカーがいません。dask worker を起動してください。",
                    "the Dask scheduler at {address} has no workers; start some by `dask worker`.",
                ).format(address=address),
                "no_workers",
            )
        yield Cluster(client, source)


@dataclass(frozen=True)
class Cluster:
    """Workers that all read one log."""

    client: Client
    source: Source

    def work(self, as_of: int, calendar: Calendar) -> Work:
        """Features and trees of a training of the log as of an instant (microseconds UTC)."""

        def features(history: History, deals: Ints, moments: Ints) -> Floats:
            return self.features(as_of, calendar, history.levels, deals, moments)

        return Work(features, self.trees)

    def features(self, as_of: int, calendar: Calendar, levels: Levels, deals: Ints, moments: Ints) -> Floats:
        """What `build` gives for deals (n,) at moments (n,), computed by partitions of deals."""
        order = np.argsort(deals, kind="stable")
        asked = (self.source, as_of, json.dumps(calendar.settings()), json.dumps(dict(levels)))
        parts = np.array_split(order, self._parts(len(order)))
        found = self._gather(_features, [(*asked, deals[part], moments[part]) for part in parts])
        together = np.concatenate(found)
        x: Floats = np.empty_like(together)
        x[order] = together
        return x

    def trees(
        self,
        columns: Floats,
        outcomes: Sequence[Floats],
        weight: Floats,
        rising: Sequence[int],
        categorical: Sequence[int],
        settings: Sequence[TreeSettings],
    ) -> list[Trees]:
        """Boosted trees by LightGBM's Dask estimator, each worker holding part of the rows."""
        import lightgbm

        lightgbm.register_logger(logging.getLogger("sancho.lightgbm"))  # it would print to standard output
        held, votes, grown = self._spread(columns), self._spread(weight), []
        for outcome, size in zip(outcomes, settings, strict=True):
            told = parameters(size, rising, columns.shape[1])
            here = ("num_threads", "force_row_wise")
            # A regressor: labels are numbers on every worker, whichever of them its part happens to hold.
            model = lightgbm.DaskLGBMRegressor(
                **{name: value for name, value in told.items() if name not in here},
                n_estimators=size.count,
                tree_learner="data",
                client=self.client,
            )
            model.fit(
                held,
                self._spread(outcome),
                sample_weight=votes,
                categorical_feature=list(categorical),
            )
            grown.append(Trees(model.booster_.model_to_string(), size.threads))
        return grown

    def backtest(
        self,
        log: EventLog,
        config: TrainConfig,
        periods: int | None = None,
        weeks: Sequence[int] | None = None,
        *,
        until: int | None = None,
    ) -> Backtest:
        """The same as `backtest`, each period by whichever worker is free; `log` is the source's."""
        span = Span.of(log, until)
        length, chosen = choose_periods(span, log.zone, periods, None, config.fiscal_start_month)
        asked = [(self.source, config, length, period.last, weeks, until, span.end) for period in chosen]
        return _joined(log, self._gather(_backtest, asked))

    def score_open(self, bundle: Bundle, as_of: int, period: Period, model_version: str = "") -> pd.DataFrame:
        """The same as `score_open`, by parts of the deals open at `as_of`."""
        import pandas as pd

        from sancho.training.score import in_order

        made = self.client.scatter(bundle, broadcast=True, hash=False)
        (deals,) = self._gather(_open, [(self.source, made, as_of)])
        parts = np.array_split(deals, self._parts(len(deals)))
        found = self._gather(
            _score, [(self.source, made, as_of, period, model_version, part) for part in parts]
        )
        return in_order(pd.concat(found, ignore_index=True))

    def _spread(self, values: Floats) -> Any:
        import dask.array as da

        parts = np.array_split(values, len(self.client.nthreads()))
        # Keys of their own: the same values sent again while the first are being let go would be lost.
        held = self.client.scatter(parts, hash=False)
        return da.concatenate(
            [
                da.from_delayed(future, part.shape, part.dtype)
                for future, part in zip(held, parts, strict=True)
            ]
        )

    def _parts(self, rows: int) -> int:
        return max(min(PARTS_PER_WORKER * len(self.client.nthreads()), rows), 1)

    def _gather(self, task: Callable[..., Any], asked: Sequence[tuple[Any, ...]]) -> list[Any]:
        from distributed import KilledWorker

        try:
            return list(self.client.gather([self.client.submit(task, *one, pure=False) for one in asked]))
        except KilledWorker:
            raise SanchoError(
                Text(
                    "ワーカーが途中で停止しました。メモリが足りない可能性があります。"
                    "ワーカーのメモリを増やすか、most_moments を減らしてください。",
                    "a worker died, probably for want of memory; give workers more, or lower most_moments.",
                ),
                "worker_died",
            ) from None


def _speak_aside() -> None:
    """What a worker prints, LightGBM's greetings, goes to standard error: the output is the command's."""
    os.dup2(2, 1)


@lru_cache(maxsize=1)
def _log(source: Source) -> EventLog:
    return source.read()


@lru_cache(maxsize=1)
def _history(source: Source, as_of: int, calendar: str, levels: str) -> History:
    return compile_history(_log(source).as_of(as_of), Calendar.of(json.loads(calendar)), json.loads(levels))


def _features(source: Source, as_of: int, calendar: str, levels: str, deals: Ints, moments: Ints) -> Floats:
    return build(_history(source, as_of, calendar, levels), deals, moments)


def _backtest(
    source: Source,
    config: TrainConfig,
    length: str,
    last: date,
    weeks: Sequence[int] | None,
    until: int | None,
    end: int,
) -> Backtest:
    log = _log(source) if until is None else _log(source).as_of(until)
    found = backtest(log, config, 1, weeks, length=length, last_day=last, until=end)
    return replace(found, log=EventLog({}, log.zone))  # the log stays where it is


def _joined(log: EventLog, parts: Sequence[Backtest]) -> Backtest:
    from sancho.training.backtest.run import warnings_of

    first = parts[0]
    names = [name for part in parts for name in part.settings["periods"]]
    whole = replace(
        first,
        log=log,
        settings={**first.settings, "periods": names},
        folds=[fold for part in parts for fold in part.folds],
        deals={name: [rows for part in parts for rows in part.deals[name]] for name in first.deals},
        lines=[line for part in parts for line in part.lines],
        warnings=[],
    )
    whole.warnings += warnings_of(whole)
    return whole


def _of_bundle(source: Source, bundle: Bundle, as_of: int) -> History:
    return _history(source, as_of, json.dumps(bundle.calendar.settings()), json.dumps(dict(bundle.levels)))


def _open(source: Source, bundle: Bundle, as_of: int) -> Ints:
    return open_at(_of_bundle(source, bundle, as_of), as_of)


def _score(
    source: Source, bundle: Bundle, as_of: int, period: Period, model_version: str, deals: Ints
) -> pd.DataFrame:
    from sancho.training.score import score_deals

    history = _of_bundle(source, bundle, as_of)
    return score_deals(bundle, history, deals, as_of, period, model_version)


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise SanchoError(
            Text(
                "Dask が入っていません。pip install 'sancho[scale]' で入れてください。",
                "Dask is not installed; pip install 'sancho[scale]'.",
            ),
            "no_dask",
        ) from None
    return distributed
