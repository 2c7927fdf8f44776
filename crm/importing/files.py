"""How do a file or a folder's files go into the store? Each by its table, all in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

from crm.errors import SanchoError
from crm.i18n import Text
from crm.importing.apply_mapping import import_mapped
from crm.importing.columns import (
    QUARANTINE_ID,
    few_values,
    headings,
    likely_table,
    missing_hint,
    table_named,
)
from crm.importing.load import Loader, Progress
from crm.importing.mapping import load_mapping
from crm.importing.read import data_format, read
from crm.importing.resubmitted import unguarded
from crm.importing.result import ImportResult
from crm.importing.row_errors import RowError, reason
from crm.importing.session import session
from crm.importing.source import Source, UnreadableError
from crm.importing.validate import Batch
from crm.schema import LOAD_ORDER, TABLES
from crm.store import Store


@dataclass(frozen=True)
class _Job:
    """A file, or one sheet of a workbook, and the table it is for (None: its name is none of a table)."""

    file: str
    table: str | None
    read: Callable[[], list[Source]]


def import_path(
    store: Store,
    path: str | Path,
    zone: ZoneInfo,
    mapping: str | Path | None = None,
    table: str | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
    now: int | None = None,
    whole: bool = False,
) -> ImportResult:
    """Imports a file or a folder's files, all in one transaction; a bad row never stops the good ones.

    `mapping` names a shipped mapping or a TOML file; `table` says which table a file is where its name
    does not. `dry_run` does everything but keep it. `now` (microseconds UTC) bounds what can have happened.
    `whole`: each list is all there is, so that stored rows which it does not name are gone from now on.
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
    files = _files(root)
    named = None if mapping is None else str(mapping)
    with session(store, str(path), zone, named, dry_run, progress, now, whole or None) as loader:
        if mapping is not None:
            import_mapped(loader, files, load_mapping(mapping))
        else:
            for job in _jobs(files, root, table):
                _load_job(loader, job)
    return loader.log.result


def _files(root: Path) -> list[Path]:
    if root.is_dir():
        paths = sorted(
            path for path in root.iterdir() if path.is_file() and not path.name.startswith((".", "~$"))
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


def _jobs(files: list[Path], root: Path, table: str | None) -> list[_Job]:
    jobs: list[_Job] = []
    for path in files:
        name = path.name
        kind = data_format(path)
        if root.is_dir() and kind is None:
            continue  # a README or a picture beside the data
        if kind == "xlsx":
            jobs += _sheet_jobs(path, name, table)
            continue
        own_table = table or table_named(name)
        jobs.append(_Job(name, own_table, _reader(path, name, own_table)))
    return sorted(jobs, key=lambda job: (LOAD_ORDER.index(job.table) if job.table else -1, job.file))


def _reader(path: Path, name: str, table: str | None) -> Callable[[], list[Source]]:
    known = TABLES.get(table or "")

    def few(heading: str) -> bool:
        return known is not None and few_values(known, headings(known, [heading]).names.get(heading))

    return lambda: read(path, name, few)


def _sheet_jobs(path: Path, name: str, table: str | None) -> list[_Job]:
    """Sheets named after tables are those tables; else the first sheet is what the file's name says."""
    try:
        sheets = read(path, name)
    except UnreadableError as error:
        return [_Job(name, table or table_named(name), _raising(error))]
    if not sheets:
        return []
    named = [(sheet, table_named(sheet.sheet or "")) for sheet in sheets]
    if table is None and any(own_table for _, own_table in named):
        return [
            _Job(f"{name}[{sheet.sheet}]", own_table, _returning([sheet]))
            for sheet, own_table in named
            if own_table
        ]
    return [_Job(name, table or table_named(name), _returning(sheets[:1]))]


def _returning(sources: list[Source]) -> Callable[[], list[Source]]:
    return lambda: sources


def _raising(error: Exception) -> Callable[[], list[Source]]:
    def read_again() -> list[Source]:
        raise error

    return read_again


def _load_job(loader: Loader, job: _Job) -> None:
    try:
        sources = job.read()
    except UnreadableError as error:
        unreadable = RowError(job.table or "", job.file, None, "", "", "unreadable_file", error.text)
        loader.log.reject_file(job.file, unreadable, 0)
        return
    for source in sources:
        loader.log.digests.append(source.digest)
        _load_source(loader, replace(source, file=job.file), job.table)


def _load_source(loader: Loader, source: Source, table: str | None) -> None:
    log, names = loader.log, source.columns.column_names
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
    for notice in meant.notices:
        log.result.note(Text(f"{source.file}：{notice.ja}", f"{source.file}: {notice.en}"))
    problem = meant.problem or _nothing_stored(loader, table, names, meant.names)
    if problem is not None:
        column, code, why = problem
        log.reject_file(source.file, RowError(table, source.file, 1, column, "", code, why), source.rows)
        return
    used = [name for name in names if name in meant.names or name == QUARANTINE_ID]
    columns = source.columns.select(used).rename_columns([meant.names.get(name, name) for name in used])
    columns = unguarded(columns) if QUARANTINE_ID in columns.column_names else columns
    counts, _ = loader.load(Batch(table, source.file, columns, source.lines_of, damaged=source.damaged))
    log.reject_lines(table, source.errors)
    counts.read += len(source.errors)
    counts.quarantined += len(source.errors)
    log.count_file(source.file, counts)


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
