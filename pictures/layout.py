"""Where do ticks and labels stand? Round numbers on an axis, and widths of words without a browser."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

_WIDE, _NARROW = 1.0, 0.6  # of the type's size, for East Asian and other letters


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear scale from values to places: `low` stands at `start`, `high` at `end`."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """The place of a value; one outside of the axis stands at its end."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self, most: int) -> list[float]:
        """At most so many round values within the axis, evenly spaced."""
        step = round_step((self.high - self.low) / most)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        while last - first + 1 > most:
            step = round_step(step * 1.01)
            first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]


def spanning(values: Sequence[float], start: float, end: float, *, room: float = 0.04) -> Axis:
    """The axis that shows all of these values, with some room at both ends.

    >>> spanning([0, 10], 0, 100, room=0).at(5)
    50.0
    """
    low, high = min(values), max(values)
    spread = (high - low) or abs(high) or 1.0
    return Axis(low - room * spread, high + room * spread, start, end)


def from_zero(values: Sequence[float], start: float, end: float, *, room: float = 0.08) -> Axis:
    """The axis from zero to beyond the largest of these values."""
    return Axis(0.0, (max((*values, 0.0)) or 1.0) * (1 + room), start, end)


def round_step(least: float) -> float:
    """The smallest of 1, 2, 2.5 and 5 times a power of ten that is no less.

    >>> round_step(0.3), round_step(21), round_step(2.5)
    (0.5, 25.0, 2.5)
    """
    power = 10.0 ** math.floor(math.log10(least))
    for factor in (1, 2, 2.5, 5, 10):
        if factor * power >= least * (1 - 1e-9):
            return factor * power
    raise AssertionError(least)


def text_width(words: str, size: float) -> float:
    """How wide a line of text is about, in the unit of its size.

    >>> text_width("見込み", 10), round(text_width("abc", 10), 1)
    (30.0, 18.0)
    """
    return size * sum(_WIDE if unicodedata.east_asian_width(one) in "WFA" else _NARROW for one in words)


def wrapped(words: str, size: float, width: float, most: int = 2) -> list[str]:
    """Words in at most so many lines of a width: Latin words are kept whole, too many are cut.

    >>> wrapped("business to come", 10, 60), wrapped("今後の新規", 10, 30)
    (['business', 'to come'], ['今後の', '新規'])
    """
    lines, line = [], ""
    for part in _parts(words):
        if line and text_width(line + part.rstrip(), size) > width:
            lines.append(line.strip())
            line = part.lstrip()
        else:
            line += part
    lines.append(line.strip())
    if len(lines) <= most:
        return lines
    return [*lines[: most - 1], shortened("".join(lines[most - 1 :]), size, width)]


def shortened(words: str, size: float, width: float) -> str:
    """Words cut to a width, with an ellipsis where something was cut.

    >>> shortened("三栄工業 生産管理の更新", 10, 60)
    '三栄工業…'
    """
    if text_width(words, size) <= width:
        return words
    kept = words
    while kept and text_width(kept + "…", size) > width:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def spread_apart(places: Sequence[float], least: float, low: float, high: float) -> list[float]:
    """The places moved as little as needed to be `least` apart within the bounds, in the same order.

    >>> spread_apart([10, 11, 40], 12, 0, 100)
    [4.5, 16.5, 40.0]
    """
    order = sorted(range(len(places)), key=lambda one: places[one])
    groups: list[tuple[float, int]] = []  # (centre, count) of labels that stand close together

    def within(centre: float, count: int) -> float:
        half = least * (count - 1) / 2
        return max(min(centre, high - half), low + half)

    for one in order:
        groups.append((within(places[one], 1), 1))
        while len(groups) > 1 and groups[-1][0] - groups[-2][0] < least * (groups[-1][1] + groups[-2][1]) / 2:
            (centre, count), (before, others) = groups.pop(), groups.pop()
            total = count + others
            groups.append((within((before * others + centre * count) / total, total), total))
    moved = (
        centre + least * (number - (count - 1) / 2) for centre, count in groups for number in range(count)
    )
    result = [0.0] * len(places)
    for one, place in zip(order, moved, strict=True):
        result[one] = place
    return result


def _parts(words: str) -> list[str]:
    """Where a line may break: after any East Asian letter, and after a space."""
    parts, part = [], ""
    for one in words:
        part += one
        if one == " " or unicodedata.east_asian_width(one) in "WF":
            parts.append(part)
            part = ""
    return [*parts, part] if part else parts
