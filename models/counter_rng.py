"""Which random numbers does a deal get in a scenario? Counter-based hashes: reproducible at any time."""

from __future__ import annotations

from typing import Any

import numpy as np

from features.kernel_cache import compiled


@compiled(inline="always")
def permuted(i: Any, w: Any, p: Any) -> Any:
    """Position of scenario i in permutation p of w + 1 = 2^k positions.

    Kensler (2013), "Correlated Multi-Jittered Sampling".
    """
    # numba widens 32-bit arithmetic to 64 bits: every step is truncated.
    i = np.uint32(i ^ p)
    i = np.uint32(i * np.uint32(0xE170893D))
    i = np.uint32(i ^ (p >> np.uint32(16)))
    i = np.uint32(i ^ ((i & w) >> np.uint32(4)))
    i = np.uint32(i ^ (p >> np.uint32(8)))
    i = np.uint32(i * np.uint32(0x0929EB3F))
    i = np.uint32(i ^ (p >> np.uint32(23)))
    i = np.uint32(i ^ ((i & w) >> np.uint32(1)))
    i = np.uint32(i * np.uint32(np.uint32(1) | (p >> np.uint32(27))))
    i = np.uint32(i * np.uint32(0x6935FA69))
    i = np.uint32(i ^ ((i & w) >> np.uint32(11)))
    i = np.uint32(i * np.uint32(0x74DCB303))
    i = np.uint32(i ^ ((i & w) >> np.uint32(2)))
    i = np.uint32(i * np.uint32(0x9E501CC3))
    i = np.uint32(i ^ ((i & w) >> np.uint32(2)))
    i = np.uint32(i * np.uint32(0xC860A3DF))
    i = np.uint32(i & w)
    i = np.uint32(i ^ (i >> np.uint32(5)))
    return np.uint32(np.uint32(i + p) & w)


@compiled(inline="always")
def hashed(x: Any) -> Any:
    """A 32-bit hash: Wellons' lowbias32."""
    x = np.uint32(x ^ (x >> np.uint32(16)))
    x = np.uint32(x * np.uint32(0x7FEB352D))
    x = np.uint32(x ^ (x >> np.uint32(15)))
    x = np.uint32(x * np.uint32(0x846CA68B))
    return np.uint32(x ^ (x >> np.uint32(16)))


@compiled(inline="always")
def unit_interval(x: Any) -> Any:
    """A 32-bit hash as a number between 0 and 1, both excluded."""
    return (np.float64(x) + 0.5) / 4294967296.0
