"""Do open deals show something else than deals of the same age did, that have ended since?

A column known from creation says the same about a deal whenever it is asked. So deals open now, and deals
that were open at a past moment at the same age, may differ by a trend only, and by that trend the deals of
the same cohorts that had ended by then differ as well. What is left over was written at or after the ending,
or goes on changing while a deal is open.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crm.instants import DAY
from features.arrays import Flags, Floats, Ints, floats
from training.leakage.cohorts import Cohorts, cohorts_by_age, cohorts_by_month
from training.leakage.facts import DealFacts
from training.leakage.views import View


@dataclass(frozen=True)
class Contrast:
    """The mean of a view among open deals, what it was to be expected to be, and how sure the difference is.

    `doubts` is the difference in standard errors. `same_age`: compared with deals open at the same age;
    otherwise only with ended deals created in the same months.
    """

    here: float
    expected: float
    doubts: float
    same_age: bool

    @property
    def gap(self) -> float:
        """Open minus expected."""
        return self.here - self.expected


@dataclass(frozen=True, kw_only=True)
class OpenComparison:
    """Which deals are compared with which, made once for all columns.

    `months` compares within months of creation, for histories too short to have past moments.
    """

    ages: Cohorts | None
    months: Cohorts | None
    by_creation: Ints
    created: Floats  # days since the first deal
    done: Flags

    @classmethod
    def of(cls, facts: DealFacts) -> OpenComparison:
        """From what is known about the endings."""
        return cls(
            ages=cohorts_by_age(facts),
            months=cohorts_by_month(facts),
            by_creation=np.argsort(facts.created, kind="stable"),
            created=(facts.created - facts.created.min(initial=facts.as_of)) / DAY,
            done=facts.done,
        )

    @property
    def possible(self) -> bool:
        """Whether there are enough open and ended deals for any comparison."""
        return self.ages is not None or self.months is not None

    def contrast(self, score: Floats, groups: Ints) -> Contrast | None:
        """The difference in a view, by the best comparison that there are enough deals for."""
        rest, known = score - self._usual(score), ~np.isnan(score)
        for cohorts, same_age in ((self.ages, True), (self.months, False)):
            if cohorts is None:
                continue
            row = cohorts.row
            found = cohorts.difference(rest[row], known[row], score[row], known, groups)
            if found is not None:
                return Contrast(found.here, found.here - found.gap, found.gap / found.error, same_age)
        return None

    def _usual(self, score: Floats) -> Floats:
        """A view's local linear trend over the time of creation, (n,): what drifts does not count."""
        order = self.by_creation
        known = ~np.isnan(score[order])
        time, value = self.created[order], np.where(known, score[order], 0.0)
        place, width = np.arange(len(order)), max(len(order) // 80, 15)
        low, high = np.maximum(place - width, 0), np.minimum(place + width + 1, len(order))

        def windowed(values: Floats) -> Floats:
            sums = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0))])
            return floats(sums[high] - sums[low])

        count = np.maximum(windowed(np.ones(len(order))), 1.0)
        mean, at = windowed(value) / count, windowed(time) / count
        spread = windowed(time**2) / count - at**2
        slope = np.where(
            spread > 1e-6, (windowed(time * value) / count - at * mean) / np.maximum(spread, 1e-6), 0.0
        )
        out = np.empty(len(order))
        out[order] = mean + slope * (time - at)
        return out

    def typical(self, view: View) -> tuple[float, float]:
        """What open deals show, and the ended ones that they are compared with: a share, or a median."""
        cohorts = self.ages or self.months
        if cohorts is None:
            return np.nan, np.nan
        row, past = cohorts.row, cohorts.cell // cohorts.sides % cohorts.shape[1] > 0
        still = ~self.done[row]
        of_past = np.unique(row[past & (cohorts.cell % cohorts.sides == 0) & ~still])
        there = of_past if cohorts.past else np.unique(row[~still])
        values = [view.shown[np.unique(row[~past & still])], view.shown[there]]
        values = [part[~np.isnan(part)] for part in values]
        of = np.mean if view.kind in ("filled", "value") else np.median
        first, second = (float(of(part)) if len(part) else np.nan for part in values)
        return first, second
