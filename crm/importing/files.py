"""How do a file or a folder's files go into the store? Each by its table, all in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from crm.errors import SanchoError
from crm.i18n import Text
from crm.importing.apply_mapping import import_mapped, matching
from crm.importing.columns import (
    QUARANTINE_ID,
    few_values,
    headings,
    likely_table,
    missing_hint,
    table_named,
)
from crm.importing.conventions import prepare
from crm.importing.encoding import known_charset
from crm.importing.list_dates import in_order, list_date
from crm.importing.load import Loader, Progress
from crm.importing.managers_book import MANAGERS, is_managers_book, load_managers_book
from crm.importing.mapping import FileMapping, load_mapping
from crm.importing.read import data_format, empty_file, read
from crm.importing.resubmitted import unguarded
from crm.importing.result import Counts, ImportResult
from crm.importing.row_errors import RowError, reason
from crm.importing.session import session
from crm.importing.snapshots import DatedList, by_day, content_digest, load_lists, no_date
from crm.importing.source import Reading, Source, UnreadableError
from crm.importing.validate import Batch
from crm.schema import LOAD_ORDER, TABLES
from crm.store import Store, repeated


@dataclass(frozen=True)
class _Job:
    """A file, or one sheet of a workbook, and the table it is for (None: its name is none of a table)."""

    file: str
    table: str | None
    read: Callable[[], list[Source]]


@dataclass(frozen=True)
class Saying:
    """What the user says of the files: character set, decimal mark, and that they are dated lists."""

    encoding: str | None = None
    decimal: str | None = None
    snapshots: bool = False


NOTHING_SAID = Saying()


@repeated
def import_path(
    store: Store,
    path: str | Path,
    zone: ZoneInfo,
    mapping: str | Path | FileMapping | None = None,
    table: str | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
    now: int | None = None,
    whole: bool = False,
    saying: Saying = NOTHING_SAID,
) -> ImportResult:
    """Imports a file or a folder's files, all in one transaction; a bad row never stops the good ones.

    `mapping` is one, or names a shipped one or a TOML file; `table` says which table a file is where its
    name does not. `dry_run` does everything but keep it. `now` (microseconds UTC) bounds what can have
    happened.
    `whole`: each list is all there is, so that stored rows which it does not name are gone from now on.
    `saying` is what the user knows of the files; as snapshots, lists become history by their days.
    """
    root = Path(path)
    if table is not None and table not in TABLES:
        raise SanchoError(
            Text(
                "表「{table}」はありません。{names} のいずれかです。",
                "no table {table!r}; it is one of {names}.",
            ).format(table=table, names=", ".join(TABLES)),
            "unknown_table",
        )
    if saying.encoding is not None:
        known_charset(saying.encoding)
    files = _files(root)
    sent = mapping if isinstance(mapping, FileMapping) else None
    named = None if mapping is None else str(mapping) if sent is None else sent.given
    with session(store, str(path), zone, named, dry_run, progress, now, whole or None) as loader:
        if mapping is not None:
            used = mapping if isinstance(mapping, FileMapping) else load_mapping(mapping)
            _import_mapped(loader, files, used, saying)
        else:
            _import_jobs(loader, _jobs(files, root, table, saying), saying)
    return loader.log.result


def sources_of(
    root: Path, table: str | None, saying: Saying = NOTHING_SAID
) -> list[tuple[str | None, list[Source]]]:
    """The tables of a file's sources and what they hold; one that cannot be read is left out."""
    found = []
    for job in _jobs(_files(root), root, table, saying):
        with suppress(UnreadableError):
            found.append((job.table, [replace(source, file=job.file) for source in job.read()]))
    return found


def _import_mapped(loader: Loader, files: list[Path], mapping: FileMapping, saying: Saying) -> None:
    """Files by a mapping; as snapshots, those of each day together with those that name none."""
    mapping = replace(mapping, decimal=saying.decimal or mapping.decimal)
    if not saying.snapshots:
        import_mapped(loader, files, mapping, saying.encoding)
        return
    if mapping.snapshot is not None:
        load_lists(loader, _mapped_by_column(files, mapping, saying))
        return
    days = {path: list_date(path.name) for path in files if data_format(path) is not None}
    undated = [path for path, day in days.items() if day is None]
    if not any(days.values()):
        raise no_date([path.name for path in undated])
    lists = []
    for day in sorted({day for day in days.values() if day is not None}):
        of_day = [path for path in files if days.get(path) == day]

        def load(at_its_day: Loader, of_day: list[Path] = of_day) -> None:
            import_mapped(at_its_day, [*undated, *of_day], mapping, saying.encoding)

        digest = content_digest(path.read_bytes() for path in of_day)
        lists.append(DatedList(mapping.name, " / ".join(path.name for path in of_day), day, digest, load))
    load_lists(loader, lists)


def _mapped_by_column(files: list[Path], mapping: FileMapping, saying: Saying) -> list[DatedList]:
    """The lists in files that a mapping reads and whose rows say their day."""
    held: dict[date, list[bytes]] = {}
    for origin in mapping.sources.values():
        how = replace(origin.how, encoding=origin.how.encoding or saying.encoding)
        for path in matching(files, origin):
            with suppress(UnreadableError):  # told when it is loaded
                for source in read(path, path.name, how=how):
                    for day, part in by_day(source, mapping.snapshot) or []:
                        held.setdefault(day, []).append(part.digest.encode())
    if not held:
        raise no_date([path.name for path in files])

    def load(day: date) -> Callable[[Loader], None]:
        return lambda at_its_day: import_mapped(at_its_day, files, mapping, saying.encoding, day)

    return [
        DatedList(mapping.name, mapping.name, day, content_digest(parts), load(day))
        for day, parts in held.items()
    ]


def _import_jobs(loader: Loader, jobs: list[_Job], saying: Saying) -> None:
    """Files by the tables their names say; as snapshots, lists of deals by their days, others before them."""
    if not saying.snapshots:
        _tell_order(loader, jobs)
        for job in jobs:
            _load_job(loader, job, saying)
        return
    lists: list[DatedList] = []
    undated: list[str] = []
    for job in jobs:
        sources = _sources(loader, job)
        for source in sources:
            day = list_date(job.file) or list_date(source.sheet or "")
            parts = by_day(source) if day is None else [(day, source)]
            if parts is None and job.table in (None, "deals", MANAGERS):
                undated.append(job.file)
            elif parts is None:
                _load_one(loader, source, job, saying)
            for its_day, part in parts or []:
                lists.append(_dated(part, job, its_day, saying))
    if undated:
        raise no_date(undated)
    load_lists(loader, lists)


def _dated(source: Source, job: _Job, day: date, saying: Saying) -> DatedList:
    return DatedList(
        job.table or "",
        job.file,
        day,
        source.digest + (source.sheet or ""),
        lambda at_its_day: _load_one(at_its_day, source, job, saying),
    )


def _tell_order(loader: Loader, jobs: list[_Job]) -> None:
    """That of several dated files of one table the latest holds, and how they become history instead."""
    dated: dict[str, list[str]] = {}
    for job in jobs:
        if job.table in (MANAGERS, "deals") and list_date(job.file) is not None:
            dated.setdefault(job.table, []).append(job.file)
    for files in dated.values():
        if len(files) > 1:
            loader.log.result.note(
                Text(
                    f"日付の順に {len(files)} 個のファイルを読み、同じ行は最後の "
                    f"{files[-1]} の値を残しました。"
                    "--snapshots を付けると、一覧ごとの違いが日付つきの履歴になります。",
                    f"{len(files)} files were read in the order of their dates; "
                    "where they hold the same row, the "
                    f"last one, {files[-1]}, counts. With --snapshots the "
                    "differences from list to list become "
                    "history.",
                )
            )


def _files(root: Path) -> list[Path]:
    if root.is_dir():
        paths = sorted(
            (path for path in root.iterdir() if path.is_file() and not path.name.startswith((".", "~$"))),
            key=lambda path: in_order(path.name),
        )
        if any(data_format(path) for path in paths):
            return paths
        raise SanchoError(
            Text(
                "フォルダー「{root}」に取り込めるファイルがありません。"
                "CSV、TSV、XLSX、Parquet、NDJSON を置いてください。",
                "folder {root} holds no file to import; put CSV, TSV, XLSX, Parquet or NDJSON files in it.",
            ).format(root=root),
            "nothing_to_import",
        )
    if root.is_file():
        return [root]
    raise SanchoError(
        Text(
            "「{root}」がありません。パスを確認してください。", "{root} does not exist; check the path."
        ).format(root=root),
        "no_such_path",
    )


def _jobs(files: list[Path], root: Path, table: str | None, saying: Saying) -> list[_Job]:
    jobs: list[_Job] = []
    how = Reading(encoding=saying.encoding)
    for path in files:
        name = path.name
        kind = data_format(path)
        if root.is_dir() and kind is None:
            continue  # a README or a picture beside the data
        if kind == "xlsx":
            jobs += _sheet_jobs(path, name, table, how)
            continue
        own_table = table or table_named(name)
        jobs.append(_Job(name, own_table, _reader(path, name, own_table, how)))
    order = ["", *LOAD_ORDER]
    order.insert(order.index("deals") + 1, MANAGERS)
    return sorted(jobs, key=lambda job: order.index(job.table or ""))


def _reader(path: Path, name: str, table: str | None, how: Reading) -> Callable[[], list[Source]]:
    known = TABLES.get(table or "")

    def few(heading: str) -> bool:
        return known is not None and few_values(known, headings(known, [heading]).names.get(heading))

    return lambda: read(path, name, few, how)


def _sheet_jobs(path: Path, name: str, table: str | None, how: Reading) -> list[_Job]:
    """Sheets named after tables are those tables; else a manager's book, or the table of the file's name."""
    try:
        sheets = read(path, name, how=how)
    except UnreadableError as error:
        return [_Job(name, table or table_named(name), _raising(error))]
    if not sheets:
        return [_Job(name, table or table_named(name), _raising(empty_file()))]
    named = [(sheet, table_named(sheet.sheet or "")) for sheet in sheets]
    if table is None and any(own_table for _, own_table in named):
        return [
            _Job(f"{name}[{sheet.sheet}]", own_table, _returning([sheet]))
            for sheet, own_table in named
            if own_table
        ]
    own_table = table or table_named(name)
    if table is None and own_table in (None, "deals") and is_managers_book(sheets, own_table is not None):
        return [_Job(name, MANAGERS, _returning([replace(sheets[0], book=tuple(sheets))]))]
    return [_Job(name, own_table, _returning(sheets[:1]))]


def _returning(sources: list[Source]) -> Callable[[], list[Source]]:
    return lambda: sources


def _raising(error: Exception) -> Callable[[], list[Source]]:
    def read_again() -> list[Source]:
        raise error

    return read_again


def _load_job(loader: Loader, job: _Job, saying: Saying) -> None:
    for source in _sources(loader, job):
        _load_one(loader, source, job, saying)


def _sources(loader: Loader, job: _Job) -> list[Source]:
    """The job's sources; none, and an error of the file, where it cannot be read."""
    try:
        return [replace(source, file=job.file) for source in job.read()]
    except UnreadableError as error:
        table = job.table if job.table in TABLES else ""
        unreadable = RowError(table or "", job.file, None, "", "", "unreadable_file", error.text)
        loader.log.reject_file(job.file, unreadable, 0)
        return []


def _load_one(loader: Loader, source: Source, job: _Job, saying: Saying) -> None:
    loader.log.digests.append(source.digest)
    if job.table == MANAGERS:
        load_managers_book(loader, source.book, job.file)
        return
    _load_source(loader, source, job.table, saying)


def _load_source(loader: Loader, source: Source, table: str | None, saying: Saying) -> None:
    log, names = loader.log, source.columns.column_names
    if source.errors and not names:  # not one line is a row
        log.reject_lines(table or "", source.errors)
        log.count_file(source.file, Counts(read=source.rows, quarantined=source.rows))
        return
    if table is None:
        likely = likely_table(names)
        hint = (
            Text(f"列からは {likely} のようです。", f"Its columns look like {likely}.")
            if likely
            else Text("", "")
        )
        why = reason("unknown_table", hint=hint)
        log.reject_file(source.file, RowError("", source.file, 1, "", "", "unknown_table", why), source.rows)
        return
    meant = headings(TABLES[table], names)
    problem = meant.problem or _nothing_stored(loader, table, names, meant.names)
    tell = _teller(loader, source.file)
    tell([*source.notices, *meant.notices])
    if problem is not None:
        column, code, why = problem
        log.reject_file(source.file, RowError(table, source.file, 1, column, "", code, why), source.rows)
        return
    used = [name for name in names if name in meant.names or name == QUARANTINE_ID]
    columns = source.columns.select(used).rename_columns([meant.names.get(name, name) for name in used])
    columns = unguarded(columns) if QUARANTINE_ID in columns.column_names else columns
    prepared = prepare(TABLES[table], columns, loader.zone, saying.decimal, source.habit, meant.units)
    tell(prepared.notices)
    batch = Batch(
        table,
        source.file,
        prepared.columns,
        source.lines_of,
        damaged=source.damaged,
        conventions=prepared.conventions,
    )
    counts, _ = loader.load(batch)
    log.reject_lines(table, source.errors)
    counts.read += len(source.errors)
    counts.quarantined += len(source.errors)
    log.count_file(source.file, counts)


def _teller(loader: Loader, file: str) -> Callable[[Sequence[Text]], None]:
    def tell(notices: Sequence[Text]) -> None:
        for notice in notices:
            loader.log.result.note(Text(f"{file}：{notice.ja}", f"{file}: {notice.en}"))

    return tell


def _nothing_stored(
    loader: Loader, table: str, given: Sequence[str], names: Mapping[str, str]
) -> tuple[str, str, Text] | None:
    """A file that lacks a required column can only change stored rows; with none stored, it is an error."""
    schema = TABLES[table]
    required = [column for column in schema.columns if column.required and column.default is None]
    missing = [column for column in required if column.name not in names.values()]
    if not missing or loader.writer.any_rows(table):
        return None
    column = missing[0]
    spare = [name for name in given if names.get(name) not in schema.by_name]
    hint = missing_hint(spare, column.name, schema, given)
    why = reason("missing_column", column=column.name, label=column.label, hint=hint)
    return column.name, "missing_column", why
