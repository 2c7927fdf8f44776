"""How are random numbers drawn so that no draw depends on any other?

Every draw is a hash of (key of the world, unit, day, draw id). So the past does not depend on what comes
after, on how long a world runs or on which other units it has, and two replays with the same key get the same
draws except where an intervention makes them differ (common random numbers). The mixing function is the
finaliser of SplitMix64 (Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators").
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np

Function = TypeVar("Function", bound=Callable[..., Any])
Record = Any
"""One element of a structured array inside a compiled function (a reference: writing to it writes there)."""

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
SECOND = np.uint64(0xD1B54A32D192ED03)
FIRST_MIX = np.uint64(0xBF58476D1CE4E5B9)
SECOND_MIX = np.uint64(0x94D049BB133111EB)
S27, S30, S31, S11 = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(11)
TWO_PI = 2.0 * np.pi
PARTNER = 1009
"""Added to a draw id for the second uniform that a normal draw needs; draw ids stay below it."""


def compiled(function: Function, signature: str | None = None) -> Function:
    """Compile once per machine: for the types met in calls, or for the one `signature` given.

    Numba's cache checks only whether the function's own file has changed, although helpers and constants of
    other files are compiled into it. So the cache gets the state of the whole package to compare.
    """
    dispatcher = numba.njit(signature, cache=True)(function)
    cache_file = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    if cache_file is not None:
        cache_file._source_stamp = _package_state()
    return cast(Function, dispatcher)


def compiled_as(signature: str) -> Callable[[Function], Function]:
    """`compiled` for one signature; without it numba compiles again for each literal number passed."""
    return lambda function: compiled(function, signature)


@lru_cache(maxsize=1)
def _package_state() -> tuple[tuple[str, float, int], ...]:
    """Name, time of change and size of each source file of this package."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return tuple((file.name, file.stat().st_mtime, file.stat().st_size) for file in files)


@compiled_as("uint64(uint64)")
def mix(x: Any) -> Any:
    """64 bits in, 64 well-mixed bits out."""
    x = (x ^ (x >> S30)) * FIRST_MIX
    x = (x ^ (x >> S27)) * SECOND_MIX
    return x ^ (x >> S31)


@compiled_as("uint64(uint64, uint64, int64)")
def stream_at(key: Any, uid: Any, day: Any) -> Any:
    """The random stream of one unit on one day: `uniform` and `normal` draw from it by draw id."""
    return mix(mix(key + np.uint64(uid) * GOLDEN) + np.uint64(day + 100_000) * SECOND)


@compiled_as("float64(uint64, int64)")
def uniform(stream: Any, draw_id: Any) -> Any:
    """A number in (0, 1), the same for the same stream and draw id."""
    return (np.float64(mix(stream + np.uint64(draw_id) * GOLDEN) >> S11) + 0.5) * (1.0 / 9007199254740992.0)


@compiled_as("float64(uint64, int64)")
def normal(stream: Any, draw_id: Any) -> Any:
    """A standard normal number (Box-Muller), the same for the same stream and draw id."""
    radius = np.sqrt(-2.0 * np.log(uniform(stream, draw_id)))
    return radius * np.cos(TWO_PI * uniform(stream, draw_id + PARTNER))


@compiled
def poisson(mean: Any, stream: Any, draw_id: Any) -> Any:
    """A Poisson count, not decreasing in the mean: by inversion; from a mean of 60 by a rounded normal."""
    if mean <= 0.0:
        return 0
    if mean >= 60.0:
        return max(0, int(np.floor(mean + np.sqrt(mean) * normal(stream, draw_id) + 0.5)))
    u = uniform(stream, draw_id)
    term = np.exp(-mean)
    total, count = term, 0
    while u > total and count < 400:
        count += 1
        term *= mean / count
        total += term
    return count


@compiled_as("float64(float64)")
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return 1.0 / (1.0 + np.exp(-x))


def key_of(seed: int, salt: int = 0) -> int:
    """The key of a world from its seed: an unsigned 64-bit number."""
    with np.errstate(over="ignore"):
        return int(stream_at(np.uint64(seed), np.uint64(salt), 0))
