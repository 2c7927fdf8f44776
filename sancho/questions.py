"""Which questions are asked of a log and a model? Each function is a short way into the rooms.

`as_of` is the moment of prediction: a date (its end), a time with or without zone, or microseconds UTC; by
default now. Only what was known before it is used. A period is written 2026-Q4, FY2026-H2 or 2026-11; by
default it is the quarter that holds the moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from crm.eventlog import EventLog
    from crm.periods import Period
    from crm.store import Store
    from features import History
    from features.arrays import Ints
    from models.bottlenecks import Bottleneck
    from models.bundle import Bundle
    from training.backtest import Backtest
    from training.report import Report

TOKYO = ZoneInfo("Asia/Tokyo")
AsOf = str | date | datetime | int | np.integer[Any] | None


def sample(deals: int = 1_200, seed: int = 42, end: str | date = "2026-11-24", **settings: Any) -> EventLog:
    """The log of a simulated sales organisation: the same arguments give the same log.

    About `deals` deals in the three years that end with the day `end`; `settings` are further fields of
    `simulator.WorldSettings`. `simulate` returns the world itself, with its ground truth.

    >>> log = sample(deals=200, seed=1)
    >>> sorted(log.tables)[:3]
    ['absences', 'accounts', 'activities']
    """
    from crm.eventlog import EventLog
    from simulator import WorldSettings, crm_tables, simulate

    last = date.fromisoformat(end) if isinstance(end, str) else end
    world = simulate(WorldSettings(deals=deals, seed=seed, end=last, **settings))
    return EventLog.of(crm_tables(world), TOKYO)


def open_store(url: str | None = None) -> Store:
    """The store that `sancho import` fills; its `read()` returns the log.

    url: sqlite:///FILE, a path, or postgresql://...; by default the one in the settings (sancho.toml and the
    environment of the working folder).

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, open_store(f"{folder}/sancho.db") as store:
    ...     store.counts()["deals"]
    0
    """
    from crm.store import Store
    from service.settings import read_settings

    settings = read_settings()
    return Store.open(url or settings.store_url, organisation=settings.organisation)


def train(log: EventLog, as_of: AsOf = None, **choices: Any) -> tuple[Bundle, Report]:
    """A model of what was known at a moment, and the report of its validation on later deals.

    `choices` are fields of `training.TrainConfig` (seed, trees, owner_blind, ...). The model is not
    registered: `Registry.log_and_register` does that, and `training.train_and_promote` also decides whether
    it becomes the champion.

    >>> model, report = train(sample(deals=300, seed=3), "2026-08-31", trees=10, leaves=4, max_moments=2_000)
    >>> model.win.closed_deals > 100, report.evaluation.overall["model"]["log_loss"] < 0.7
    (True, True)
    """
    from training.config import TrainConfig
    from training.fit import train as train_bundle

    return train_bundle(log, _instant(as_of, log), TrainConfig.of(choices))


def score(model: Bundle, log: EventLog, period: str | None = None, as_of: AsOf = None) -> pd.DataFrame:
    """One row per open deal, the most likely to be won by the period's end first.

    Columns: `models.scoring.COLUMNS`. Probabilities are 0 to 1, money is in the organisation's currency.
    """
    from models.scoring import score_open

    moment = _instant(as_of, log)
    return score_open(model, log, moment, _period(period, moment, log))


def forecast(
    model: Bundle,
    log: EventLog,
    period: str | None = None,
    as_of: AsOf = None,
    *,
    scope: str = "company",
    target: float | None = None,
) -> dict[str, Any]:
    """The forecast of a period: probability of reaching the target, revenue with intervals, components.

    scope: company, team:ID or person:ID. target: replaces the recorded one; without either, `probability` is
    None.
    """
    from features import compile_history
    from service.period_forecast import simulate_period

    moment = _instant(as_of, log)
    history = compile_history(log.as_of(moment), model.calendar, model.levels)
    opened = simulate_period(model, log, history, moment, _period(period, moment, log))
    return opened.of_scope(scope, target)


def backtest(
    log: EventLog, periods: int | None = None, weeks: Sequence[int] | None = None, **choices: Any
) -> Backtest:
    """The last whole periods, each forecast again as of some of its weeks, with outcomes and baselines.

    `choices` are fields of `training.TrainConfig`. `training.backtest.to_json` gives the metrics and
    `training.backtest.report.page` the page that shows them.
    """
    from training.backtest import backtest as run_backtest
    from training.config import TrainConfig

    return run_backtest(log, TrainConfig.of(choices), periods, weeks)


def features(
    log: EventLog,
    as_of: AsOf = None,
    deal_ids: Sequence[str] | None = None,
    model: Bundle | None = None,
) -> pd.DataFrame:
    """The features of deals at a moment (by default all that were open), one row per deal; NaN is unknown.

    Without a model: all features, categories by name. With one: the features that it reads, in its order,
    categories as its codes, as `model.win` and the registered MLflow model expect them.

    >>> frame = features(sample(deals=200, seed=1), "2026-06-30")
    >>> frame.index.name, bool(frame["days_in_stage"].min() >= 0), "初回訪問" in set(frame["stage"])
    ('deal_id', True, True)
    """
    import pandas as pd

    from features import Calendar, build_features, compile_history, open_at
    from features.levels import names_of
    from models.scoring import feature_columns

    moment = _instant(as_of, log)
    past = log.as_of(moment)
    own = Calendar.of_organisation(past.organisation)
    calendar, levels = (own, None) if model is None else (model.calendar, model.levels)
    history = compile_history(past, calendar, levels)
    deals = open_at(history, moment) if deal_ids is None else _numbers_of(deal_ids, history)
    x = build_features(history, deals, np.full(len(deals), moment, np.int64))
    index = pd.Index(history.deal_ids[deals], name="deal_id")
    if model is not None:
        return pd.DataFrame(x[:, feature_columns(model, history)], index, list(model.features))
    columns: dict[str, Any] = {}
    for feature, values in zip(history.features, x.T, strict=True):
        columns[feature.name] = values
        if feature.kind == "category":
            codes = np.where(np.isnan(values), -1, values).astype(np.int64)
            names = pd.Index(names_of(history.levels, feature.name), dtype=object)
            columns[feature.name] = pd.Categorical.from_codes(codes, names)
    return pd.DataFrame(columns, index)


def bottlenecks(log: EventLog, as_of: AsOf = None) -> tuple[Bottleneck, ...]:
    """Where stalled deals are lost more often: found on one half of the history, tested on the other."""
    from training.bottlenecks import find_bottlenecks
    from training.observational_data import ObservationalData

    return find_bottlenecks(ObservationalData.of(log, _instant(as_of, log)))


def actions(model: Bundle, log: EventLog, as_of: AsOf = None) -> pd.DataFrame:
    """What each action would add to the win probability of each open deal, the largest effect first.

    Columns: deal_id, action, effect with its 80 % interval low and high (as shares: 0.05 is 5 points) and
    recommended (not done yet, comparable deals exist, and the whole interval is above 0).
    """
    import pandas as pd

    from features import action_events_of, build_features, compile_history, open_at
    from models.actions import candidate_actions
    from models.scoring import feature_columns

    moment = _instant(as_of, log)
    history = compile_history(log.as_of(moment), model.calendar, model.levels)
    deals = open_at(history, moment)
    at, columns = np.full(len(deals), moment, np.int64), feature_columns(model, history)
    x = build_features(history, deals, at)[:, columns]
    catalogue = [history.features[column] for column in columns]
    chance = model.win.curve(x, at, np.array([np.inf])).won[:, 0]
    events = action_events_of(history)
    rows = [
        pd.DataFrame(
            {
                "deal_id": history.deal_ids[deals],
                "action": candidate.action,
                "effect": candidate.effect,
                "low": candidate.low,
                "high": candidate.high,
                "recommended": candidate.recommended,
            }
        )
        for candidate in candidate_actions(
            model.actions, x, catalogue, model.levels, chance, events, deals, moment
        )
    ]
    names = ["deal_id", "action", "effect", "low", "high", "recommended"]
    frame = pd.concat(rows) if rows else pd.DataFrame(columns=names)
    return frame.sort_values(["effect", "deal_id"], ascending=[False, True], ignore_index=True)


def _instant(as_of: AsOf, log: EventLog) -> int:
    return log.instant(int(as_of) if isinstance(as_of, np.integer) else as_of)


def _period(name: str | None, moment: int, log: EventLog) -> Period:
    from crm.instants import last_known_day
    from crm.periods import period_holding, period_seen_from

    organisation = log.organisations.at(moment)
    today, month = last_known_day(moment, organisation.zone), organisation.fiscal_start_month
    if name is not None:
        return period_seen_from(name, today, month)
    return period_holding(today, "quarter", month)


def _numbers_of(deal_ids: Sequence[str], history: History) -> Ints:
    """The deals' numbers in a history."""
    import pandas as pd

    numbers = history.deal_ids.get_indexer(pd.Index(deal_ids)).astype(np.int64)
    unknown = [deal_id for deal_id, number in zip(deal_ids, numbers, strict=True) if number < 0]
    if unknown:
        raise KeyError(
            f"deal_ids: expected deals created before the moment, got {unknown[:5]}; ask as of a later one"
        )
    return numbers
