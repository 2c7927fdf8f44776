"""Where do workers read the log, and is it the log of this process?"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from threading import RLock
from zoneinfo import ZoneInfo

import pandas as pd

from crm.errors import SanchoError
from crm.eventlog import EventLog
from crm.frames import micros
from crm.i18n import Text
from crm.organisation import Organisation
from crm.schema import TABLES
from crm.versions import LATEST, Versions
from features import Calendar, History, compile_history

_VERSIONS, _MOMENT = "versions.parquet", "moment.txt"
_VERSION = ["table", "key", "known_from", "gone", "merged_into", "contents"]
_INSTANTS = (("deals", "created_at"), ("deals", "closed_at"), ("deal_events", "at"), ("activities", "at"))


@dataclass(frozen=True)
class LogSource:
    """Where workers read a log: a folder of Parquet files (`parquet`) or a store (`url`, never shown).

    `stamp` is the digest of the log, so that a worker never uses another one.
    """

    stamp: str
    given: Organisation = Organisation()  # where the log does not say it  # noqa: RUF009
    parquet: str | None = None
    url: str | None = field(default=None, repr=False)

    @classmethod
    def in_store(cls, url: str, log: EventLog) -> LogSource:
        """The store at `url`; `log` is all its data."""
        return cls(digest(log), log.default_organisation, url=url)

    @classmethod
    def in_folder(cls, folder: Path, log: EventLog) -> LogSource:
        """The folder into which `to_parquet` wrote `log`; its path must be the same on all workers."""
        return cls(digest(log), log.default_organisation, parquet=str(folder.resolve()))

    def read(self) -> EventLog:
        """The whole log. Raises SanchoError if its digest differs from `stamp`."""
        log = self._read()
        if digest(log) == self.stamp:
            return log
        raise SanchoError(
            Text(
                "ワーカーが読んだデータ（商談{n}件）が、このプロセスのものと一致しません。途中で取り込みがあった場合は、"
                "もう一度実行してください。そうでなければ、ワーカーから同じデータベースまたはフォルダーが読めるか"
                "確認してください。",
                "a worker read data ({n} deals) that differs from this process's; run again if data was "
                "imported meanwhile, otherwise check that workers read the same database or folder.",
            ).format(n=len(log["deals"])),
            "other_data",
        )

    def _read(self) -> EventLog:
        if self.url is not None:
            from crm.store import Store

            with Store.open(self.url, organisation=self.given) as store:
                return store.read()
        return read_parquet(Path(self.parquet or "."), self.given.zone, self.given)


def digest(log: EventLog) -> str:
    """Identifies a log by the instants of its deals, events, activities and versions, and its amounts."""
    hashed = sha256()
    for table, column in _INSTANTS:
        hashed.update(micros(log[table][column]).tobytes())
    for name in sorted(log.versions):
        hashed.update(log.versions[name].known_from.tobytes())
    hashed.update(log["deals"]["amount"].to_numpy("float64").tobytes())
    return hashed.hexdigest()


def to_parquet(log: EventLog, folder: Path) -> LogSource:
    """Writes a log's tables as Parquet files, one each, and their versions, for workers to read."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in (log.recorded or log.tables).items():
        table.to_parquet(folder / f"{name}.parquet", index=False)
    rows = [(name, *row) for name, versions in log.versions.items() for row in versions.as_rows()]
    pd.DataFrame(rows, columns=_VERSION).to_parquet(folder / _VERSIONS, index=False)
    (folder / _MOMENT).write_text(str(log.moment))
    return LogSource.in_folder(folder, log)


def read_parquet(folder: Path, zone: ZoneInfo, given: Organisation | None = None) -> EventLog:
    """The log that `to_parquet` wrote."""
    paths = {name: folder / f"{name}.parquet" for name in TABLES}
    tables = {name: pd.read_parquet(file) for name, file in paths.items() if file.exists()}
    rows: dict[str, list[tuple[str, int, bool, str | None, str]]] = {}
    for name, *row in pd.read_parquet(folder / _VERSIONS).astype(object).itertuples(index=False, name=None):
        rows.setdefault(name, []).append(tuple(row))
    versions = {name: Versions.of(of_table) for name, of_table in rows.items()}
    log = EventLog.of(tables, zone, versions, given)
    moment = int((folder / _MOMENT).read_text())
    return log if moment == LATEST else log.as_of(moment)


class _WorkerCache:
    """What a worker process keeps between tasks: one log or one history, read by one thread at a time."""

    def __init__(self) -> None:
        self.lock = RLock()
        self.log: tuple[LogSource, EventLog] | None = None
        self.history: tuple[tuple[object, ...], History] | None = None


_CACHE = _WorkerCache()


def log_of(source: LogSource) -> EventLog:
    """The source's log, read once per worker."""
    with _CACHE.lock:
        if _CACHE.log is None or _CACHE.log[0] != source:
            _CACHE.log = _CACHE.history = None
            _CACHE.log = (source, source.read())
        return _CACHE.log[1]


def history_of(source: LogSource, as_of: int, calendar: str, levels: str) -> History:
    """The source's history as of an instant, compiled once per worker; `calendar` and `levels` are JSON."""
    key = (source, as_of, calendar, levels)
    with _CACHE.lock:
        if _CACHE.history is None or _CACHE.history[0] != key:
            _CACHE.log = _CACHE.history = None
            past = source.read().as_of(as_of)
            _CACHE.history = (
                key,
                compile_history(past, Calendar.of(json.loads(calendar)), json.loads(levels)),
            )
        return _CACHE.history[1]
