"""How likely is a sales target, why, and what to do about it, with proof? The names that people write.

>>> import sancho
>>> log = sancho.sample(deals=300, seed=3, end="2026-09-30")
>>> model, report = sancho.train(log, "2026-08-31", trees=20, leaves=8, max_moments=3000)
>>> sancho.score(model, log, "2026-Q3", as_of="2026-08-31").columns[:4].tolist()
['deal_id', 'as_of', 'period', 'win_probability']
>>> forecast = sancho.forecast(model, log, "2026-Q3", as_of="2026-08-31")
>>> 0 <= forecast["probability"] <= 1
True

With your own data, after `sancho import`: `log = sancho.open_store().read()`. The rest is in the rooms:
crm, features, models, training, service. Nothing heavy is imported before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sancho._rooms import refuse_intruders

refuse_intruders()

from crm.distribution import installed_version  # noqa: E402 - not before it is known whose `crm` that is

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

_QUESTIONS = "sancho.questions"
_MODULE_OF = {
    "Bundle": "models.bundle",
    "EventLog": "crm.eventlog",
    "Registry": "training.registry",
    "actions": _QUESTIONS,
    "backtest": _QUESTIONS,
    "bottlenecks": _QUESTIONS,
    "features": _QUESTIONS,
    "forecast": _QUESTIONS,
    "open_store": _QUESTIONS,
    "sample": _QUESTIONS,
    "score": _QUESTIONS,
    "simulate": "simulator",
    "train": _QUESTIONS,
}

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

__version__ = installed_version()


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_MODULE_OF[name]), name)
    return value


def __dir__() -> list[str]:
    return __all__
