"""Which targets add up to a whole, when all who are free stand at the same level?

A whole is shared out among parts, and theirs among the parts below. All free parts are at the same level of
their curves; a part at its bound leaves the search and keeps the bound. Money is counted in hundredths, so
sums are exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.sharing.curves import Curve

CENTS = 100  # of a unit of money: sums are exact to them
_STEPS = 80  # of the bisection: more than a float can resolve
_FURTHEST = 60  # doublings of the level


class Infeasible(Exception):  # noqa: N818 - it is no fault: what was asked for cannot be
    """Fixed parts and bounds leave no way to share the whole: `least` and `most` are what they allow."""

    def __init__(self, scope: str, amount: float, least: float, most: float) -> None:
        super().__init__(f"{scope}: {amount} cannot be shared within {least} and {most}")
        self.scope, self.amount, self.least, self.most = scope, amount, least, most


@dataclass(frozen=True, kw_only=True)
class Part:
    """A scope that gets a target: at the end of the tree by its curve, else the sum of the parts below.

    `lo` and `hi` bound its target; a fixed part has both the same.
    """

    scope: str
    curve: Curve | None = None
    parts: tuple[Part, ...] = ()
    lo: float = 0.0
    hi: float = np.inf

    @property
    def is_last(self) -> bool:
        """Whether nothing is shared out below it."""
        return self.curve is not None

    def at(self, level: float, over: float) -> float:
        """Its target at a common level, within its bounds; `over`: see `share_out`."""
        if self.curve is not None:
            found = self.curve.at(level)
        else:
            found = sum(part.carries(level, over) for part in self.parts)
        return min(max(found, self.lo), self.hi)

    def limits(self, over: float) -> tuple[float, float]:
        """The least and the most that it can get: its bounds, and what the parts below it can carry."""
        if self.is_last:
            return self.lo, self.hi
        below = [part.limits(over) for part in self.parts]
        weight = [over if part.is_last else 1.0 for part in self.parts]
        least, most = (
            sum(bounds[end] / part for bounds, part in zip(below, weight, strict=True)) for end in (0, 1)
        )
        return max(self.lo, least), min(self.hi, most)

    def carries(self, level: float, over: float) -> float:
        """What it adds to the target of the part above."""
        return self.at(level, over) / over if self.is_last else self.at(level, over)


def share_out(
    whole: Part, amount: float, *, over: float = 1.0, round_to: float = 1 / CENTS
) -> dict[str, float]:
    """The target of each scope below a whole that gets `amount`, by scope.

    Targets of one level add up to that of the level above; those at the end of the tree add up to `over`
    times it (over-assignment). They are multiples of `round_to`, but for fixed ones, bounds, and one part
    that takes what is left. The order of parts changes nothing. Raises `Infeasible`.
    """
    if over <= 0 or round_to <= 0:
        raise ValueError(f"over and round_to: expected positive numbers, got {over}, {round_to}")
    found: dict[str, int] = {}
    _share(whole, round(amount * CENTS), over, max(round(round_to * CENTS), 1), found)
    return {scope: cents / CENTS for scope, cents in found.items()}


def _share(whole: Part, amount: int, over: float, step: int, found: dict[str, int]) -> None:
    """Shares cents out below a part, and goes on below its parts."""
    parts = sorted(whole.parts, key=lambda part: part.scope)
    last = [part for part in parts if part.is_last]
    inner = [part for part in parts if not part.is_last]
    level = _level(whole.scope, parts, amount, over)
    items = [_Item.of(part, part.at(level, over), over) for part in inner]
    if not last:
        totals = _rounded(whole.scope, items, amount, step)
    else:
        carried = sum(part.carries(level, over) for part in last)
        least, most = (sum(bound(part) for part in last) / over for bound in (_lo, _hi))
        group = _Item(whole.scope, carried * CENTS, least * CENTS, most * CENTS, None)
        *totals, of_last = _rounded(whole.scope, [*items, group], amount, step) if items else [amount]
        assigned = round(of_last * over)
        level = _level(whole.scope, last, assigned, 1.0)
        ends = [_Item.of(part, part.at(level, 1.0)) for part in last]
        found |= {
            part.scope: cents
            for part, cents in zip(last, _rounded(whole.scope, ends, assigned, step), strict=True)
        }
    for part, cents in zip(inner, totals, strict=True):
        found[part.scope] = cents
        _share(part, cents, over, step, found)


def _lo(part: Part) -> float:
    return part.lo


def _hi(part: Part) -> float:
    return part.hi


def _level(scope: str, parts: Sequence[Part], amount: int, over: float) -> float:
    """The common level at which parts carry an amount of cents together."""
    wanted = amount / CENTS

    def carried(level: float) -> float:
        return sum(part.carries(level, over) for part in parts)

    low, high = -1.0, 1.0
    for _ in range(_FURTHEST):
        if carried(high) >= wanted:
            break
        high *= 2.0
    least, most = carried(low), carried(high)
    tolerance = max(1.0, abs(wanted)) * 1e-9 + 0.5 / CENTS
    if wanted < least - tolerance or wanted > most + tolerance:
        raise Infeasible(scope, wanted, least, most)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if carried(middle) < wanted:
            low = middle
        else:
            high = middle
    return high


@dataclass
class _Item:
    """A part while its target is rounded, in cents."""

    scope: str
    wanted: float
    lo: float
    hi: float
    curve: Curve | None

    @classmethod
    def of(cls, part: Part, target: float, over: float = 1.0) -> _Item:
        lo, hi = part.limits(over)
        return cls(part.scope, target * CENTS, lo * CENTS, hi * CENTS, part.curve)

    @property
    def is_bound(self) -> bool:
        """Whether its target is stated: a fixed part, or one at its bound."""
        near = max(1.0, abs(self.wanted)) * 1e-9
        stated = abs(self.wanted - self.hi) <= near or (self.lo > 0 and abs(self.wanted - self.lo) <= near)
        return bool(stated)

    def ease(self, cents: int) -> float:
        """How easily a target is reached beside the others'."""
        return self.wanted - cents if self.curve is None else self.curve.ease(cents / CENTS)


def _rounded(scope: str, items: Sequence[_Item], amount: int, step: int) -> list[int]:
    """Targets of items that add up to an amount exactly.

    Rounded down to the step, then one step more for whom the higher target is easiest; what is less than a
    step goes to the largest free part.
    """
    cents = [
        round(item.wanted) if item.is_bound else _within(int(item.wanted // step) * step, item, step)
        for item in items
    ]
    free = [at for at, item in enumerate(items) if not item.is_bound]
    left = amount - sum(cents)
    while abs(left) >= step:
        sign = 1 if left > 0 else -1
        able = [at for at in free if items[at].lo <= cents[at] + sign * step <= items[at].hi]
        if not able:
            break
        best = max(
            able, key=lambda at: (sign * items[at].ease(cents[at] + max(sign, 0) * step), items[at].scope)
        )
        cents[best] += sign * step
        left -= sign * step
    for at in sorted(free, key=lambda at: (-cents[at], items[at].scope)) or range(len(items)):
        room = items[at].hi - cents[at] if left > 0 else items[at].lo - cents[at]
        # A bound that is no whole number of cents may be passed by less than one.
        taken = left if abs(left) <= abs(room) + (0 if free else 1) else int(room)
        cents[at] += taken
        left -= taken
        if not left:
            return cents
    if left:
        raise Infeasible(
            scope, amount / CENTS, sum(i.lo for i in items) / CENTS, sum(i.hi for i in items) / CENTS
        )
    return cents


def _within(cents: int, item: _Item, step: int) -> int:
    """Cents within an item's bounds, in whole steps where that is possible."""
    if cents < item.lo:
        up = -int(-item.lo // step) * step
        return up if up <= item.hi else round(item.lo)
    return cents
