"""How much accuracy does missing data cost? Measured on simulated organisations, shown by the data check."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from crm.i18n import Text


@dataclass(frozen=True)
class Cost:
    """Relative increase of the log loss on later deals: mean, 10% and 90% quantile over samples."""

    mean: float
    lo: float
    hi: float
    samples: int

    def describe(self) -> Text:
        """The cost in words, to follow a sentence on what is missing."""
        return Text(
            "架空の営業組織{n}社での実測では、予測誤差（学習後の商談での対数損失）の変化は{mean:+.1%}"
            "（{lo:+.1%}〜{hi:+.1%}）でした。",
            "in {n} simulated organisations the error of predictions (log loss on later deals) changed "
            "by {mean:+.1%} ({lo:+.1%} to {hi:+.1%}).",
        ).format(n=self.samples, mean=self.mean, lo=self.lo, hi=self.hi)


def cost_of(code: str) -> Cost | None:
    """The measured cost of a finding; None where none was measured."""
    cost = _measured().get(code)
    return None if cost is None else Cost(cost["mean"], cost["lo"], cost["hi"], int(cost["samples"]))


def cost_of_few(closed_deals: int) -> Cost | None:
    """The cost of so few closed deals compared with 1,000: that of the next smaller number measured."""
    sizes = sorted(int(code.removeprefix("closed_")) for code in _measured() if code.startswith("closed_"))
    below = [size for size in sizes if size <= closed_deals]
    return cost_of(f"closed_{below[-1]}") if below else None


@cache
def _measured() -> dict[str, dict[str, float]]:
    content = files("training").joinpath("data_quality_costs.json").read_text("utf-8")
    costs: dict[str, dict[str, float]] = json.loads(content)
    return costs
