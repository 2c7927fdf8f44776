"""What do plain methods predict for the same rows? Each is fitted and asked as fairly as the model itself.

One set of methods, used by the backtest, the evaluation of a training, the model card and REST.
"""

from training.baselines.choose import FittedBaseline, chances_of, fit_baselines
from training.baselines.methods import ALL_LABELS, ALONE, LABELS, Effort, alone_name, baseline_methods
from training.baselines.panel import panel

__all__ = [
    "ALL_LABELS",
    "ALONE",
    "LABELS",
    "Effort",
    "FittedBaseline",
    "alone_name",
    "baseline_methods",
    "chances_of",
    "fit_baselines",
    "panel",
]
