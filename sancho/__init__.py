"""How likely is a sales target, why, and what to do about it, with proof? The names that people write.

>>> import sancho, pathlib, tempfile
>>> home = pathlib.Path(tempfile.mkdtemp())  # your own is .sancho, or `home` in sancho.toml
>>> store = sancho.open_store(f"{home}/sancho.db")  # `sancho import` fills it; store.read() returns its log
>>> log = sancho.sample(deals=300, seed=3, end="2026-09-30")
>>> quick = {"trees": 20, "leaves": 8, "max_moments": 3_000}  # leave it out for a model to use
>>> model, report = sancho.train(log, "2026-06-30", **quick)
>>> scores = sancho.score(model, log, "2026-Q3", as_of="2026-06-30")
>>> forecast = sancho.forecast(model, log, "2026-Q3", as_of="2026-06-30")
>>> past = sancho.backtest(log, periods=1, weeks=[4], **quick)
>>> version = sancho.Registry(home).log_and_register(model, report)

>>> scores.columns[:4].tolist(), 0 <= forecast["probability"] <= 1
(['deal_id', 'as_of', 'period', 'win_probability'], True)
>>> [fold.period for fold in past.folds], version.version
(['2026-Q2'], '1')

The functions are in `sancho.questions`; everything else is in the rooms crm, simulator, features, models,
training and service. Nothing but this file is imported before a name is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sancho._rooms import refuse_intruders

if TYPE_CHECKING:
    from crm.eventlog import EventLog
    from models.bundle import Bundle
    from sancho.questions import (
        actions,
        backtest,
        bottlenecks,
        features,
        forecast,
        open_store,
        sample,
        score,
        train,
    )
    from simulator import simulate
    from training.registry import Registry

    __version__: str

__all__ = [
    "Bundle",
    "EventLog",
    "Registry",
    "__version__",
    "actions",
    "backtest",
    "bottlenecks",
    "features",
    "forecast",
    "open_store",
    "sample",
    "score",
    "simulate",
    "train",
]

_ELSEWHERE = {
    "Bundle": "models.bundle",
    "EventLog": "crm.eventlog",
    "Registry": "training.registry",
    "simulate": "simulator",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "__version__":
        value = import_module("crm.distribution").installed_version()
    else:
        value = getattr(import_module(_ELSEWHERE.get(name, "sancho.questions")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


refuse_intruders()
