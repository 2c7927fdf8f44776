"""Does a process that runs for weeks give back the memory that it no longer needs? On Linux, where told so.

The allocator of glibc keeps what large arrays took once they are freed, for each of many threads apart: a
service that has simulated a few times holds twice what it uses. What it is told here holds for the process
and for those forked from it; its own settings in the environment win.
"""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress

# Parameters of mallopt; arrays of `_LARGE_BYTES` are given back as soon as they are freed.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_LARGE_BYTES = 1 << 20
_SPARE_BYTES = 4 << 20
_ARENAS = 2


def give_memory_back() -> bool:
    """Tells the allocator to; whether it was told."""
    told_already = "GLIBC_TUNABLES" in os.environ or any(name.startswith("MALLOC_") for name in os.environ)
    if sys.platform != "linux" or told_already:
        return False
    with suppress(OSError, AttributeError):  # another library than glibc
        tell = ctypes.CDLL(None).mallopt
        given = {_MMAP_THRESHOLD: _LARGE_BYTES, _TRIM_THRESHOLD: _SPARE_BYTES, _ARENA_MAX: _ARENAS}
        return all(tell(name, value) == 1 for name, value in given.items())
    return False
