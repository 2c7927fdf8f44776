"""Who pays for a computation? The caller for whom it is made; what is stored or known costs nothing.

A simulation takes seconds of a processor. It is charged where it is made, whichever call leads to it, so that
neither many moments nor many periods, nor a batch of them, take the processors from everybody else. What the
service makes for itself is charged to nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Payer = Callable[[], None]
_PAYER: ContextVar[Payer | None] = ContextVar("sancho_payer", default=None)


@contextmanager
def paid_by(payer: Payer) -> Iterator[None]:
    """Inside, and in threads that are begun there, computations are charged to somebody."""
    token = _PAYER.set(payer)
    try:
        yield
    finally:
        _PAYER.reset(token)


def charge() -> None:
    """Charges one computation; raises where whoever it is made for has had too many."""
    payer = _PAYER.get()
    if payer is not None:
        payer()
