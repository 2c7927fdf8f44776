"""Where is the body of a request while it comes? In memory while it is small, then in a temporary file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from tempfile import SpooledTemporaryFile
from typing import IO

from fastapi import Request

from crm.errors import SanchoError
from crm.i18n import Text

_IN_MEMORY = 1 << 20  # bytes
_NO_ROOM = Text(
    "一時フォルダーに書き込めないため、リクエスト本文を受け取れません。"
    "空き容量と権限を確認するか、TMPDIR に別のフォルダーを指定してください。",
    "the body cannot be taken: the temporary folder cannot be written to; make room in it, or set TMPDIR to "
    "another one.",
)


@asynccontextmanager
async def received(request: Request) -> AsyncIterator[tuple[IO[bytes], int]]:
    """The body, from its beginning, and its size; `no_room` where the temporary folder takes it not."""
    size = 0
    with SpooledTemporaryFile(_IN_MEMORY) as file:
        try:
            async for chunk in request.stream():
                size += len(chunk)
                file.write(chunk)
            file.seek(0)
        except OSError as fault:
            raise no_room() from fault
        yield file, size


def no_room() -> SanchoError:
    """The error of a temporary folder that cannot be written to."""
    return SanchoError(_NO_ROOM, "no_room")
