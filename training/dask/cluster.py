"""What do the workers compute: features and scores of parts of the deals, trees, periods of a backtest?"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from crm.errors import SanchoError
from crm.eventlog import EventLog
from crm.organisation import Organisation
from features import Calendar, History, build_features, open_at
from features.arrays import Floats, Ints
from features.levels import Levels
from models.win.trees import Trees, TreeSettings, parameters
from training.backtest.origins import Span, choose_periods
from training.backtest.run import Backtest, backtest, warnings_of
from training.config import TrainConfig
from training.dask.gather import WorkerLostError, gathered, present, repeated, together
from training.dask.source import LogSource, history_of, log_of
from training.executor import Executor

if TYPE_CHECKING:
    import pandas as pd
    from distributed import Client

    from crm.periods import Period
    from models.bundle import Bundle

PARTS_PER_WORKER = 4


@dataclass(frozen=True)
class Cluster:
    """Workers that all read one log."""

    client: Client
    source: LogSource

    def executor(self, as_of: int, calendar: Calendar) -> Executor:
        """The executor of a training of the log as of an instant (microseconds UTC)."""

        def features(history: History, deals: Ints, moments: Ints) -> Floats:
            return self.features(as_of, calendar, history.levels, deals, moments)

        return Executor(features, self.trees)

    def features(self, as_of: int, calendar: Calendar, levels: Levels, deals: Ints, moments: Ints) -> Floats:
        """What `build_features` returns for deals (n,) at moments (n,), computed by parts of the deals."""
        order = np.argsort(deals, kind="stable")
        shared = (self.source, as_of, json.dumps(calendar.settings()), json.dumps(dict(levels)))
        parts = np.array_split(order, self._parts(len(order)))
        results = self._all(_features, [(*shared, deals[part], moments[part]) for part in parts])
        x: Floats = np.empty((len(order), results[0].shape[1]))
        for part, rows in zip(parts, results, strict=True):
            x[part] = rows
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

        lightgbm.register_logger(
            logging.getLogger("sancho.lightgbm")
        )  # its default logger prints to standard output
        fitted, shared = [], list[Any]()  # what all trees have in common is sent once
        for outcome, size in zip(outcomes, settings, strict=True):
            tree_parameters = parameters(size, rising, columns.shape[1])
            local_only = ("num_threads", "force_row_wise")
            given = {name: value for name, value in tree_parameters.items() if name not in local_only}
            # A regressor: a classifier would need all labels in the part of each worker.
            model = lightgbm.DaskLGBMRegressor(
                **given, n_estimators=size.count, tree_learner="data", client=self.client
            )

            def fit(model: Any = model, outcome: Floats = outcome) -> None:
                if not shared:
                    shared.extend(self._distributed(values) for values in (columns, weight))
                options = {"sample_weight": shared[1], "categorical_feature": list(categorical)}
                try:
                    together(self.client, lambda: model.fit(shared[0], self._distributed(outcome), **options))
                except WorkerLostError:
                    shared.clear()  # parts of it were lost, too
                    raise

            repeated(self.client, fit)
            fitted.append(Trees(model.booster_.model_to_string(), size.threads))
        return fitted

    def backtest(
        self,
        log: EventLog,
        config: TrainConfig,
        periods: int | None = None,
        weeks: Sequence[int] | None = None,
        *,
        until: int | None = None,
    ) -> Backtest:
        """The same as `backtest`, with each period on any free worker; `log` is the source's."""
        span = Span.of(log, until)
        month = log.organisation.fiscal_start_month
        length, chosen = choose_periods(span, log.zone, periods, None, month)
        own = log.organisation
        tasks = [(self.source, config, length, period.last, weeks, until, span.end, own) for period in chosen]
        return _joined(log, [period.name for period in chosen], self._all(_backtest, tasks))

    def score_open(
        self,
        bundle: Bundle,
        as_of: int,
        period: Period,
        model_version: str = "",
        zone: ZoneInfo | None = None,
    ) -> pd.DataFrame:
        """The same as `score_open`, by parts of the deals open at `as_of`; `zone`: the organisation's."""
        import pandas as pd

        from models.scoring import in_order

        def work() -> list[Any]:
            shared = (self.source, self.client.scatter(bundle, broadcast=True, hash=False), as_of)
            (deals,) = self._gathered(_open, [shared])
            parts = np.array_split(deals, self._parts(len(deals)))
            calls = [(*shared, period, model_version, part, zone) for part in parts]
            return self._gathered(_score, calls)

        results = repeated(self.client, work)
        return in_order(pd.concat(results, ignore_index=True))

    def _distributed(self, values: Floats) -> Any:
        import dask.array as da

        parts = np.array_split(values, len(present(self.client)))
        # Unique keys: equal values that are sent again while the first are being released would be lost.
        futures = self.client.scatter(parts, hash=False)
        return da.concatenate(
            [
                da.from_delayed(future, part.shape, part.dtype)
                for future, part in zip(futures, parts, strict=True)
            ]
        )

    def _parts(self, rows: int) -> int:
        return max(min(PARTS_PER_WORKER * len(present(self.client)), rows), 1)

    def _all(self, task: Callable[..., Any], calls: Sequence[tuple[Any, ...]]) -> list[Any]:
        return repeated(self.client, lambda: self._gathered(task, calls))

    def _gathered(self, task: Callable[..., Any], calls: Sequence[tuple[Any, ...]]) -> list[Any]:
        return gathered(
            self.client, [self.client.submit(task, *arguments, pure=False) for arguments in calls]
        )


def _features(
    source: LogSource, as_of: int, calendar: str, levels: str, deals: Ints, moments: Ints
) -> Floats:
    return build_features(history_of(source, as_of, calendar, levels), deals, moments)


def _backtest(
    source: LogSource,
    config: TrainConfig,
    length: str,
    last: date,
    weeks: Sequence[int] | None,
    until: int | None,
    end: int,
    organisation: Organisation,
) -> Backtest | SanchoError:
    """The backtest of one period, or the reason why it is not possible; other periods may be."""
    log = log_of(source) if until is None else log_of(source).as_of(until)
    log = log.with_organisation(**vars(organisation))
    try:
        result = backtest(log, config, 1, weeks, length=length, last_day=last, until=end)
    except SanchoError as fault:
        if fault.code in ("too_short", "bad_weeks"):
            return fault
        raise
    return replace(result, log=EventLog({}, log.zone))  # the log is not sent back


def _joined(log: EventLog, names: list[str], results: Sequence[Backtest | SanchoError]) -> Backtest:
    parts = [part for part in results if isinstance(part, Backtest)]
    if not parts:
        raise next(fault for fault in results if isinstance(fault, SanchoError))
    first = parts[0]
    whole = replace(
        first,
        log=log,
        settings={**first.settings, "periods": names},
        folds=[fold for part in parts for fold in part.folds],
        deals={name: [rows for part in parts for rows in part.deals[name]] for name in first.deals},
        forecasts=[forecast for part in parts for forecast in part.forecasts],
        warnings=[],
    )
    whole.warnings += warnings_of(whole)
    return whole


def _of_bundle(source: LogSource, bundle: Bundle, as_of: int) -> History:
    return history_of(source, as_of, json.dumps(bundle.calendar.settings()), json.dumps(dict(bundle.levels)))


def _open(source: LogSource, bundle: Bundle, as_of: int) -> Ints:
    return open_at(_of_bundle(source, bundle, as_of), as_of)


def _score(
    source: LogSource,
    bundle: Bundle,
    as_of: int,
    period: Period,
    model_version: str,
    deals: Ints,
    zone: ZoneInfo | None,
) -> pd.DataFrame:
    from models.scoring import score_deals

    history = _of_bundle(source, bundle, as_of)
    return score_deals(bundle, history, deals, as_of, period, model_version, zone)
