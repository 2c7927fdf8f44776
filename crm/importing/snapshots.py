"""How do dated lists become history? One after the other, each as if imported at the end of its day."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from crm.errors import SanchoError
from crm.i18n import Text
from crm.importing import dates
from crm.importing.load import Loader
from crm.importing.row_errors import RowError, reason
from crm.importing.source import Ints, Source
from crm.importing.values import folded, whole
from crm.instants import end_of_day, iso
from crm.store.tables import IMPORTS

_DATE_COLUMNS = frozenset(
    folded(name)
    for name in (
        "snapshot_date", "snapshot date", "list_date", "as_of_date", "as of date", "extract_date",
        "export date",
        "基準日", "出力日", "抽出日", "集計日", "データ日付", "スナップショット日",
    )
)  # fmt: skip
_MARK = "list"
_MONTH = 31  # days that the end of a list's month may lie ahead


@dataclass(frozen=True)
class DatedList:
    """One list: what it is of (a table, a mapping), its day, a name for its contents, how it is loaded."""

    kind: str
    file: str
    day: date
    digest: str
    load: Callable[[Loader], None]


def load_lists(loader: Loader, lists: Iterable[DatedList]) -> None:
    """Loads lists in the order of their days, whatever the order given; those known are left out.

    A list is known at the end of its day, in the organisation's zone. One that is new and older than the
    newest of its kind in the store cannot be put between what is known: it is refused.
    """
    known = _known(loader)
    newest: dict[str, int] = {}
    for kind, moment, _ in known:
        newest[kind] = max(moment, newest.get(kind, moment))
    done, before = [], loader.log.result.detected_changes
    for each in sorted(lists, key=lambda one: (one.day, one.file)):
        moment = min(end_of_day(each.day, loader.zone) - 1, loader.now)
        if any((each.kind, each.digest) == (kind, digest) for kind, _, digest in known):
            loader.log.result.note(
                Text(
                    f"{each.file} は取り込み済みの一覧なので、読みませんでした。",
                    f"{each.file} is a list that is already known; it was left out.",
                )
            )
            continue
        if end_of_day(each.day - timedelta(days=_MONTH), loader.zone) > loader.now:
            why = reason("future", now=iso(loader.now, loader.zone)[:16])
            loader.log.reject_file(
                each.file, RowError("", each.file, None, "", str(each.day), "future", why), 0
            )
            continue
        if moment < newest.get(each.kind, moment):
            last = _day_of(newest[each.kind], loader.zone)
            error = RowError("", each.file, None, "", "", "old_list", reason("old_list", newest=last))
            loader.log.reject_file(each.file, error, 0)
            continue
        at_its_day = Loader(loader.writer, loader.zone, moment, loader.log)
        each.load(at_its_day)
        at_its_day.finish(tell=False)
        newest[each.kind] = moment
        _remember(loader, each, moment)
        done.append(each.day)
    if done:
        changes = loader.log.result.detected_changes - before
        first, last = min(done).isoformat(), max(done).isoformat()
        loader.log.result.note(
            Text(
                f"{len(done)}日分の一覧（{first} から {last}）を日付順に取り込み、前の一覧から変わった項目 "
                f"{changes:,} 件を、それぞれの一覧の日の終わりの変更として記録しました。",
                f"lists of {len(done)} days ({first} to {last}) were taken "
                f"in the order of their days; {changes:,} "
                "changes from list to list were recorded as of the end of each list's day.",
            )
        )


def _day_of(moment: int, zone: ZoneInfo) -> str:
    """The day that holds a moment, as a refusal names it."""
    day = dates.wall_times(np.array([moment], "int64").view("datetime64[us]"), zone)
    return str(day.astype("datetime64[D]")[0])


def by_day(source: Source, column: str | None = None) -> list[tuple[date, Source]] | None:
    """The lists in a file that says each row's day in a column (named, or known); None where none does."""
    given = source.columns.column_names
    name = column or next((name for name in given if folded(name) in _DATE_COLUMNS), None)
    if name not in given:
        return None
    days, unreadable = dates.days(whole(source.columns[name]), ZoneInfo("UTC"))
    if unreadable.any() or days.null_count:
        raise SanchoError(
            Text(
                "{file} の列「{column}」に、日付として読めない行があります。"
                "すべての行に日付を入れてください。",
                "{file}: column {column!r} has rows without a date; every row of dated lists needs one.",
            ).format(file=source.file, column=name),
            "no_list_date",
        )
    others = source.columns.drop_columns([name])
    return [
        (
            date.fromisoformat(day),
            _rows_of(source, others, np.flatnonzero(np.asarray(pc.equal(days, day)))),
        )
        for day in sorted(pc.unique(days).to_pylist())
    ]


def _rows_of(source: Source, columns: pa.Table, rows: Ints) -> Source:
    """Some rows of a file as a list of its own, known again by what it holds."""
    lines_of, of_day = source.lines_of, columns.take(pa.array(rows))
    held = orjson.dumps(of_day.to_pylist(), default=str)
    return replace(
        source,
        columns=of_day,
        lines_of=lambda wanted: lines_of(rows[wanted]),
        errors=[],
        digest=content_digest([held]),
    )


def no_date(files: Sequence[str]) -> SanchoError:
    """That lists without a day cannot become history, and how to give one."""
    return SanchoError(
        Text(
            "{files} が何日の一覧かわかりません。ファイル名を 商談_2026-11-02.csv のようにするか、"
            "列「基準日」（snapshot_date）を加えてください。",
            "no day of the list in {files}; name it like deals_2026-11-02.csv, "
            "or add a column snapshot_date.",
        ).format(files=", ".join(files)),
        "no_list_date",
    )


def _known(loader: Loader) -> list[tuple[str, int, str]]:
    """The lists in the store: kind, moment, name of the contents."""
    marks = sa.select(IMPORTS.c.digest).where(IMPORTS.c.digest.like(f"{_MARK}|%"))
    lists = []
    for (mark,) in loader.writer.connection.execute(marks):
        _, kind, moment, digest = str(mark).split("|")
        lists.append((kind, int(moment), digest))
    return lists


def _remember(loader: Loader, each: DatedList, moment: int) -> None:
    nothing = {"rows_read": 0, "imported": 0, "unchanged": 0, "quarantined": 0}
    mark = "|".join((_MARK, each.kind, str(moment), each.digest))
    loader.writer.record({"at": loader.now, "source": each.file, "mapping": None, "digest": mark, **nothing})
    loader.log.digests.append(mark)


def content_digest(parts: Iterable[bytes]) -> str:
    """A name for the contents of several files."""
    return hashlib.blake2b(b"\0".join(parts), digest_size=16).hexdigest()
