"""What is asked of a log and a model in one line? Each function is a short way into the rooms.

A moment `as_of` is a date (its end), a time with or without zone, or microseconds UTC; without one it is now.
A period is named as everywhere (2026-Q4, FY2026-H2, 2026-11); without one it is the quarter of the moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from crm.instants import as_of_instant

if TYPE_CHECKING:
    import pandas as pd

    from crm.eventlog import EventLog
    from crm.periods import Period
    from crm.store import Store
    from models.bottlenecks import Bottleneck
    from models.bundle import Bundle
    from training.backtest import Backtest
    from training.report import Report

TOKYO = ZoneInfo("Asia/Tokyo")
AsOf = str | date | datetime | int | None


def sample(deals: int = 1_200, seed: int = 42, end: str | date = "2026-11-28", **settings: Any) -> EventLog:
    """The log of a simulated sales organisation, the same for the same arguments.

    deals: about how many in the three years that end with the day `end`; `settings`: more of
    `simulator.WorldSettings`. Its ground truth is in `simulate(...)`, which makes the world itself.

    >>> log = sample(deals=200, seed=1)
    >>> sorted(log.tables)[:3]
    ['accounts', 'activities', 'contracts']
    """
    from crm.eventlog import EventLog
    from simulator import WorldSettings, crm_tables, simulate

    last = date.fromisoformat(end) if isinstance(end, str) else end
    world = simulate(WorldSettings(deals=deals, seed=seed, end=last, **settings))
    return EventLog.of(crm_tables(world), TOKYO)


def open_store(url: str | None = None) -> Store:
    """The store that `sancho import` fills: of the settings here, or at `url`; `.read()` gives its log.

    url: sqlite:///FILE, a path, or postgresql://...
    """
    from crm.store import Store
    from service.settings import read_settings

    settings = read_settings()
    return Store.open(url or settings.store_url, settings.zone)


def train(log: EventLog, as_of: AsOf = None, **choices: Any) -> tuple[Bundle, Report]:
    """A model of what was known at a moment, and the report of its validation on later deals.

    `choices` are those of `training.TrainConfig` (seed, trees, owner_blind, ...). Nothing is registered: see
    `Registry.log_and_register`, or `training.train_and_promote` for the whole way into service.

    >>> model, report = train(sample(deals=300, seed=3), "2026-08-31", trees=10, leaves=4, max_moments=2000)
    >>> model.win.closed_deals > 100
    True
    """
    from training.config import TrainConfig
    from training.fit import train as train_bundle

    return train_bundle(log, _instant(as_of, log), TrainConfig.of(choices))


def score(model: Bundle, log: EventLog, period: str | None = None, as_of: AsOf = None) -> pd.DataFrame:
    """One row per deal open at a moment, most likely to be won by the period's end first.

    Columns: those of the contract's Score row (`models.scoring.COLUMNS`); probabilities 0 to 1, money in the
    organisation's currency.
    """
    from models.scoring import score_open

    moment = _instant(as_of, log)
    return score_open(model, log, moment, _period(period, moment, model))


def forecast(
    model: Bundle,
    log: EventLog,
    period: str | None = None,
    scope: str = "company",
    as_of: AsOf = None,
    target: float | None = None,
) -> dict[str, Any]:
    """The forecast of a scope (company, team:ID, person:ID): chance of its target, revenue, components.

    target: instead of the one on record; without either, `probability` is None.
    """
    from features import compile_history
    from service.period_forecast import simulate_period

    moment = _instant(as_of, log)
    history = compile_history(log.as_of(moment), model.calendar, model.levels)
    opened = simulate_period(model, log, history, moment, _period(period, moment, model))
    return opened.of_scope(scope, target)


def backtest(
    log: EventLog, periods: int | None = None, weeks: Sequence[int] | None = None, **choices: Any
) -> Backtest:
    """The last whole periods forecast again at some weeks of each, beside what happened and plain methods.

    `choices` as for `train`. `training.backtest.to_json` gives the result that the report page shows.
    """
    from training.backtest import backtest as run_backtest
    from training.config import TrainConfig

    return run_backtest(log, TrainConfig.of(choices), periods, weeks)


def features(log: EventLog, as_of: AsOf = None, deal_ids: Sequence[str] | None = None) -> pd.DataFrame:
    """The features of deals at a moment, by name; by default of all that were open then.

    Categories are codes of `compile_history(log, ...).levels`; NaN is unknown.

    >>> log = sample(deals=200, seed=1)
    >>> frame = features(log, "2026-06-30")
    >>> frame.index.name, "days_in_stage" in frame
    ('deal_id', True)
    """
    import numpy as np
    import pandas as pd

    from features import Calendar, build_features, compile_history, open_at

    moment = _instant(as_of, log)
    history = compile_history(log.as_of(moment), Calendar(log.zone))
    if deal_ids is None:
        deals = open_at(history, moment)
    else:
        deals = history.deal_ids.get_indexer(pd.Index(deal_ids)).astype(np.int64)
        unknown = [name for name, number in zip(deal_ids, deals, strict=True) if number < 0]
        if unknown:
            raise KeyError(f"deal_ids: {unknown[:5]} did not exist as of the moment")
    x = build_features(history, deals, np.full(len(deals), moment, np.int64))
    index = pd.Index(history.deal_ids[deals], name="deal_id")
    return pd.DataFrame(x, index, [feature.name for feature in history.features])


def bottlenecks(log: EventLog, as_of: AsOf = None) -> tuple[Bottleneck, ...]:
    """Where deals stall in a way that costs wins: found on one half of the history, tested on the other."""
    from training.bottlenecks import find_bottlenecks
    from training.observational_data import ObservationalData

    return find_bottlenecks(ObservationalData.of(log, _instant(as_of, log)))


def actions(model: Bundle, log: EventLog, as_of: AsOf = None) -> pd.DataFrame:
    """What each action would add to the win probability of each open deal, the largest first.

    Columns: deal_id, action, effect and its 80 % interval low and high (in win rate), recommended.
    """
    import numpy as np
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
    return as_of if isinstance(as_of, int) else as_of_instant(as_of, log.zone)


def _period(name: str | None, moment: int, model: Bundle) -> Period:
    from crm.instants import last_known_day
    from crm.periods import parse_period, period_holding

    calendar = model.calendar
    if name is not None:
        return parse_period(name, calendar.fiscal_start_month)
    return period_holding(last_known_day(moment, calendar.zone), "quarter", calendar.fiscal_start_month)
