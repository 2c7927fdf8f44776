"""How do answers not wait for Python's garbage collector? It no longer looks through what stays for good.

A full collection looks at every object there is, and stops all threads for as long: a second or two once
organisation, model and libraries are loaded, each time that an import makes many new objects.
"""

from __future__ import annotations

import gc
import threading


class Settled:
    """Takes what is there once a state is warm out of the collector's sight, once in a process."""

    _once = threading.Lock()
    _done = False

    @classmethod
    def settle(cls) -> None:
        """What exists now is no longer looked at; what is no longer used of it still goes, but for cycles."""
        with cls._once:
            if not cls._done:
                cls._done = True
                gc.collect(1)  # the newest, which takes no time
                gc.freeze()
