"""Is what the service writes to sound and free: the database, the temporary folder, the clock?"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from typing import TYPE_CHECKING

from crm.errors import SanchoError
from crm.i18n import Text

if TYPE_CHECKING:
    from service.settings import Settings

_LEAST_ROOM = 500_000_000  # bytes of the temporary folder: a file that is pushed goes through it
_AHEAD = 120_000_000  # microseconds by which the newest import may be after now
_DAMAGED = Text(
    "ファイルが壊れています（{said}）。`sancho restore` でバックアップから戻してください。",
    "its file is damaged ({said}); restore a backup of it (sancho restore).",
)
_CLOCK = Text(
    "最後の取り込みが{minutes:,}分先の日時です。このマシンの時計が遅れていないか確認してください。",
    "the newest import is {minutes:,} minutes in the future; check this machine's clock.",
)
_NO_ROOM = Text(
    "{folder} には {n:,.2f} GB しか空きがありません。"
    "空き容量を増やすか、TMPDIR に別のフォルダーを指定してください。",
    "only {n:,.2f} GB are free in {folder}; make room, or set TMPDIR to another folder.",
)
_NOT_WRITABLE = Text(
    "{folder} に書き込めません（{why}）。TMPDIR に書き込めるフォルダーを指定してください。",
    "{folder} cannot be written to ({why}); set TMPDIR to a folder that can.",
)


def sound_store(settings: Settings) -> Text:
    """That the database is undamaged and can be written to; raises where it is not, or the clock is wrong."""
    import sqlalchemy as sa

    from crm.store.engine import WRITING, open_engine
    from crm.store.tables import IMPORTS

    engine = open_engine(settings.store_url)
    try:
        with engine.connect() as connection:
            if engine.dialect.name == "sqlite":
                said = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar())
                if said != "ok":
                    raise SanchoError(_DAMAGED.format(said=said), "store_damaged")
            newest = connection.scalar(sa.select(sa.func.max(IMPORTS.c.at))) or 0
        ahead = int(newest) - time.time_ns() // 1000
        if ahead > _AHEAD:
            raise SanchoError(_CLOCK.format(minutes=ahead // 60_000_000), "clock_set_back")
        with engine.connect().execution_options(**{WRITING: True}) as connection:
            transaction = connection.begin()
            connection.execute(sa.update(IMPORTS).where(sa.false()).values(at=IMPORTS.c.at))
            transaction.rollback()
    finally:
        engine.dispose()
    return Text("破損なし、書き込み可能", "undamaged, can be written to")


def temporary_folder() -> str:
    """The folder for files on their way; raises where there is no room in it."""
    folder = tempfile.tempdir or "TMPDIR"
    try:
        folder = tempfile.gettempdir()
        with tempfile.TemporaryFile() as probe:
            probe.write(b"x" * 4096)
            probe.flush()
            os.fsync(probe.fileno())
        free = shutil.disk_usage(folder).free
    except OSError as fault:
        raise SanchoError(
            _NOT_WRITABLE.format(folder=folder, why=fault.strerror or str(fault)), "no_room"
        ) from None
    if free < _LEAST_ROOM:
        raise SanchoError(_NO_ROOM.format(folder=folder, n=free / 1e9), "no_room")
    return folder


def what_failed(fault: Exception) -> Text:
    """What a check says that could not be made."""
    from crm.store.engine import store_failure

    known = fault if isinstance(fault, SanchoError) else store_failure(fault)
    if known is not None:
        return known.text
    said = f"{type(fault).__name__}: {str(fault).splitlines()[0][:200] if str(fault) else ''}".rstrip(": ")
    return Text(
        "確認できませんでした（{said}）。ファイルが壊れていれば `sancho restore` で戻してください。",
        "it could not be checked ({said}); where a file is damaged, restore a backup (sancho restore).",
    ).format(said=said)
