"""What is wrong with a request, and where in it?"""

from __future__ import annotations

import errno
from collections.abc import Sequence

from crm.errors import SanchoError
from crm.i18n import Text
from crm.store.engine import store_failure

_NO_ROOM = Text(
    "このマシンの{what}ため処理できません。"
    "空き容量と権限を確認するか、TMPDIR に別のフォルダーを指定してください。",
    "this machine cannot do it now: {what}. Make room, check the folder's rights, or set TMPDIR to "
    "another one.",
)
_TOO_BUSY = Text(
    "このマシンの資源（{what}）が足りないため、いまは処理できません。数秒後にもう一度送ってください。",
    "this machine has too little left ({what}); send it again in a few seconds.",
)
_FULL = Text("ディスクに空きがない", "the disk is full")
_READ_ONLY = Text("フォルダーに書き込めない", "the folder cannot be written to")
_OF_FILES = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: _FULL,
    errno.EROFS: _READ_ONLY,
    errno.EACCES: _READ_ONLY,
    errno.ENOENT: Text("一時フォルダーがない", "there is no temporary folder"),
}
_OF_MACHINE = {
    errno.EMFILE: Text("開けるファイル数", "open files"),
    errno.ENFILE: Text("開けるファイル数", "open files"),
    errno.ENOMEM: Text("メモリー", "memory"),
    errno.EAGAIN: Text("スレッド数", "threads"),
}


def outside_failure(error: BaseException) -> SanchoError | None:
    """What an exception says of something outside of us: the database, the disk, memory; None for others."""
    if (of_store := store_failure(error)) is not None:
        return of_store
    if isinstance(error, MemoryError):
        return SanchoError(_TOO_BUSY.format(what=_OF_MACHINE[errno.ENOMEM]), "busy")
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return SanchoError(_TOO_BUSY.format(what=_OF_MACHINE[errno.EAGAIN]), "busy")
    number = error.errno if isinstance(error, OSError) else None
    if number in _OF_FILES:
        return SanchoError(_NO_ROOM.format(what=_OF_FILES[number]), "no_room")
    if number in _OF_MACHINE:
        return SanchoError(_TOO_BUSY.format(what=_OF_MACHINE[number]), "busy")
    return None


class RequestError(SanchoError):
    """An invalid request, with the location and message of each error in it."""

    def __init__(self, text: Text, code: str, errors: Sequence[tuple[str, Text]] = ()) -> None:
        super().__init__(text, code)
        self.errors = errors


class TooOftenError(SanchoError):
    """Somebody asks more often than he may; in so many seconds he may again."""

    def __init__(self, text: Text, code: str, seconds: int) -> None:
        super().__init__(text, code)
        self.seconds = seconds
