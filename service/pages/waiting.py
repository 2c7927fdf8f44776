"""What is shown while an answer is being computed? What goes on being made is there for who asks again."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
_being_made: set[asyncio.Task[Any]] = set()  # the loop alone would forget them


async def within_or_later(seconds: float | None, making: Coroutine[Any, Any, T]) -> T | None:
    """What is made, or None where it takes longer: it goes on being made. `seconds` None: however long."""
    task = asyncio.create_task(making)
    await asyncio.wait({task}, timeout=seconds)
    if task.done():
        return task.result()
    _being_made.add(task)
    task.add_done_callback(_made)
    return None


def _made(task: asyncio.Task[Any]) -> None:
    """Forgets what nobody waited for; what went wrong is said to who asks again."""
    _being_made.discard(task)
    if not task.cancelled():
        task.exception()
