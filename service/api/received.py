"""Where is the body of a request while it comes? In memory while it is small, then in a temporary file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from tempfile import SpooledTemporaryFile
from typing import IO

from fastapi import Request

_IN_MEMORY = 1 << 20  # bytes


@asynccontextmanager
async def received(request: Request) -> AsyncIterator[tuple[IO[bytes], int]]:
    """The body, from its beginning, and its size."""
    size = 0
    with SpooledTemporaryFile(_IN_MEMORY) as file:
        async for chunk in request.stream():
            size += len(chunk)
            file.write(chunk)
        file.seek(0)
        yield file, size
