"""How do files of any shape become canonical rows? Each block of a mapping makes rows from one source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from crm.errors import SanchoError
from crm.i18n import Text
from crm.importing import values as parse
from crm.importing.column_rules import MissingColumnError, Texts, chosen, column_of, paired
from crm.importing.conventions import prepare
from crm.importing.deal_history import fill_history, with_old_values
from crm.importing.line_ids import refuse_line_ids
from crm.importing.load import Loader
from crm.importing.mapped_rows import Fate, MappedFile, MappedRows
from crm.importing.mapping import LINE, MINUTES, SHEET, Block, FileMapping, Origin
from crm.importing.money_rows import AMOUNT_OF, marks_of
from crm.importing.read import data_format, read
from crm.importing.result import Counts
from crm.importing.row_errors import CellError, RowError, reason
from crm.importing.snapshots import by_day
from crm.importing.source import Ints, Reading, Source, UnreadableError
from crm.importing.validate import Batch
from crm.schema import LOAD_ORDER, TABLES

_Sources = Mapping[str, list[MappedFile]]


def import_mapped(
    loader: Loader,
    files: list[Path],
    mapping: FileMapping,
    encoding: str | None = None,
    day: date | None = None,
) -> None:
    """Loads a folder's or a file's rows as a mapping says; what became of each is counted by file.

    `encoding` is the character set of files for which the mapping names none; `day`: of files that hold the
    lists of many days, the rows of that one.
    """
    zone = mapping.zone or loader.zone
    sources = _read_sources(loader, files, mapping, encoding, day)
    mapped = [rows for block in mapping.blocks for rows in _map_block(loader, block, sources, mapping)]
    refuse_line_ids(loader, mapped, mapping)
    mapped = with_old_values(mapped, zone)
    fill_history(mapped, zone)
    for rows in sorted(mapped, key=lambda rows: LOAD_ORDER.index(rows.table)):
        _load(loader, rows, mapping)
    for name, mapped_files in sources.items():
        for file in mapped_files:
            _count_file(loader, file, name, mapping)


def _read_sources(
    loader: Loader, files: list[Path], mapping: FileMapping, encoding: str | None, day: date | None
) -> dict[str, list[MappedFile]]:
    sources: dict[str, list[MappedFile]] = {}
    used: set[Path] = set()
    for name, origin in mapping.sources.items():
        found = matching(files, origin)
        if not found and not origin.optional:
            raise SanchoError(
                Text(
                    "マッピング {mapping} の {files} に合うファイルがありません。"
                    "フォルダーを確認してください。",
                    "no file matches {files} of mapping {mapping}; check the folder.",
                ).format(mapping=mapping.name, files=" / ".join(origin.files)),
                "no_source_file",
            )
        used.update(found)
        how = replace(
            origin.how,
            encoding=origin.how.encoding or encoding,
            known=frozenset(mapping.columns_of(name)),
        )
        sources[name] = [file for path in found for file in _read_file(loader, path, how, mapping, day)]
    for path in files:
        if path not in used and data_format(path) is not None:
            loader.log.result.note(
                Text(
                    f"{path.name} はマッピングにないので使いませんでした。",
                    f"{path.name} is not named by the mapping and was not used.",
                )
            )
    return sources


def matching(files: list[Path], origin: Origin) -> list[Path]:
    """The files of a source."""
    patterns = [pattern.lower() for pattern in origin.files]
    return [path for path in files if any(fnmatch(path.name.lower(), pattern) for pattern in patterns)]


def _read_file(
    loader: Loader, path: Path, how: Reading, mapping: FileMapping, day: date | None
) -> list[MappedFile]:
    try:
        sources = read(path, path.name, how=how)[: None if how.sheet else 1]
    except UnreadableError as error:
        unreadable = RowError("", path.name, None, "", "", "unreadable_file", error.text)
        loader.log.reject_file(path.name, unreadable, 0)
        return []
    mapped_files = []
    if day is not None:
        sources = [_of_day(source, mapping, day) for source in sources]
    for source in sources:
        loader.log.digests.append(source.digest)
        for notice in source.notices:
            loader.log.result.note(Text(f"{path.name}：{notice.ja}", f"{path.name}: {notice.en}"))
        texts = {name: _plain(source.columns[name]) for name in source.columns.column_names}
        fate = np.full(source.columns.num_rows, Fate.UNUSED, np.int8)
        mapped_files.append(MappedFile(source, texts, fate))
    return mapped_files


def _of_day(source: Source, mapping: FileMapping, day: date) -> Source:
    """A file's rows of one day; all of them where no column says it."""
    lists = by_day(source, mapping.snapshot)
    empty = replace(source, columns=source.columns.slice(0, 0), errors=[])
    return source if lists is None else dict(lists).get(day, empty)


def _plain(column: pa.ChunkedArray) -> pa.Array:
    texts = parse.as_text(parse.whole(column))
    return texts.cast(pa.string()) if pa.types.is_dictionary(texts.type) else texts


def _map_block(loader: Loader, block: Block, sources: _Sources, mapping: FileMapping) -> list[MappedRows]:
    """The rows that a block makes of each of its files; a file that lacks a column makes none."""
    if block.source is None:
        names = list(dict.fromkeys(name for row in block.rows for name in row))
        columns = {name: pa.array([row.get(name) for row in block.rows], pa.string()) for name in names}
        rows = np.arange(len(block.rows))
        return [MappedRows(table=block.table, file=None, rows=rows, columns=columns)]
    mapped = []
    for file in sources[block.source]:
        try:
            mapped.append(_map_file(loader, block, file, sources, mapping))
        except MissingColumnError as error:
            _reject_for_column(loader, block, file, error.column)
    return mapped


def _reject_for_column(loader: Loader, block: Block, file: MappedFile, column: str) -> None:
    """All rows of a file that lacks a column; the same column is reported once a file."""
    hint = Text(
        f"ファイルにある列：{'、'.join(file.texts)}", f"The file's columns are {', '.join(file.texts)}."
    )
    why = reason("missing_source_column", column=column, hint=hint)
    name, rows = file.source.file, len(file.fate)
    errors = loader.log.result.errors
    if not any(error.file == name and error.column == column for error in errors):
        error = RowError(block.table, name, 1, column, "", "missing_column", why, rows=rows)
        loader.log.add_file_error(error)
    file.fate[:] = Fate.REJECTED


def _map_file(
    loader: Loader, block: Block, file: MappedFile, sources: _Sources, mapping: FileMapping
) -> MappedRows:
    texts = dict(file.texts)
    texts[LINE] = pa.array(file.source.lines_of(np.arange(len(file.fate)))).cast(pa.string())
    texts[SHEET] = pa.array([file.source.sheet] * len(file.fate), pa.string())
    rows = chosen(texts, block.where)
    part_of: dict[int, int] = {}
    if block.pair is not None:
        rows, minutes, part_of = paired(texts, rows, block.pair, mapping.zone or loader.zone)
        texts[MINUTES] = minutes
    chosen_texts: Texts = {name: array.take(pa.array(rows)) for name, array in texts.items()}
    others = {name: [other.texts for other in files] for name, files in sources.items()}
    columns: dict[str, pa.Array] = {}
    errors: list[CellError] = []
    for name, rule in block.columns.items():
        columns[name], unknown = column_of(
            rule, chosen_texts, len(rows), others, mapping.dates, block.table, name, mapping.decimal
        )
        errors += [CellError(int(row), name, "unmapped_value") for row in unknown]
    amounts = columns.get(AMOUNT_OF.get(block.table, ""))
    if mapping.currency and amounts is not None and "currency" not in columns:
        marks = marks_of(amounts)  # one written beside an amount comes first
        blank = pa.nulls(len(rows), pa.string()) if marks is None else marks
        columns["currency"] = blank.fill_null(mapping.currency)
    mapped = MappedRows(
        table=block.table,
        file=file,
        rows=rows,
        columns=columns,
        own_old_values="old_value" in columns,
        errors=errors,
        part_of=part_of,
        history=block.history,
    )
    return _distinct(mapped) if block.distinct else mapped


def _distinct(mapped: MappedRows) -> MappedRows:
    """One row of those that are alike; the others are part of it."""
    frame = pd.DataFrame({name: array.to_pandas() for name, array in mapped.columns.items()})
    group = frame.groupby(list(frame.columns), dropna=False, sort=False).ngroup().to_numpy()
    _, first = np.unique(group, return_index=True)
    first.sort()
    position = {int(group[row]): number for number, row in enumerate(first)}
    repeated = np.setdiff1d(np.arange(len(frame)), first)
    part_of = {int(mapped.rows[row]): position[int(group[row])] for row in repeated}
    kept = pa.array(first)
    columns = {name: array.take(kept) for name, array in mapped.columns.items()}
    return replace(mapped, rows=mapped.rows[first], columns=columns, part_of=part_of)


def _load(loader: Loader, mapped: MappedRows, mapping: FileMapping) -> None:
    """Loads mapped rows and marks what became of their source rows."""
    file, rows = mapped.file, mapped.rows
    name = file.source.file if file else f"{mapping.name}.toml"

    def lines_of(positions: Ints) -> Ints:
        return file.source.lines_of(rows[positions]) if file else positions + 1

    damaged = file is not None and file.source.damaged
    habit = file.source.habit if file else None
    prepared = prepare(TABLES[mapped.table], pa.table(mapped.columns), loader.zone, mapping.decimal, habit)
    for notice in prepared.notices:
        loader.log.result.note(Text(f"{name}：{notice.ja}", f"{name}: {notice.en}"))
    batch = Batch(
        mapped.table,
        name,
        prepared.columns,
        lines_of,
        damaged,
        mapping.zone,
        tuple(mapped.errors),
        prepared.conventions,
    )
    counts, rejected = loader.load(batch)
    if file is None:
        loader.log.count_file(name, counts)
        return
    loaded = Fate.IMPORTED if counts.imported else Fate.UNCHANGED
    fate = np.where(rejected, Fate.REJECTED, loaded).astype(np.int8)
    np.maximum.at(file.fate, rows, fate)
    for row, position in mapped.part_of.items():
        file.fate[row] = max(file.fate[row], Fate.UNCHANGED if position < 0 else fate[position])


def _count_file(loader: Loader, file: MappedFile, name: str, mapping: FileMapping) -> None:
    """Adds up what became of a file's rows."""
    fates = np.bincount(file.fate, minlength=len(Fate))
    broken_lines = file.source.errors
    table = next((block.table for block in mapping.blocks if block.source == name), "deals")
    loader.log.reject_lines(table, broken_lines)
    counts = Counts(
        read=len(file.fate) + len(broken_lines),
        imported=int(fates[Fate.IMPORTED]),
        unchanged=int(fates[Fate.UNUSED] + fates[Fate.UNCHANGED]),
        quarantined=int(fates[Fate.REJECTED]) + len(broken_lines),
    )
    loader.log.count_file(file.source.file, counts)
    if fates[Fate.UNUSED] and not any(_looks_up(block, name) for block in mapping.blocks):
        loader.log.result.note(
            Text(
                f"{file.source.file} の {fates[Fate.UNUSED]:,} 行は、"
                "マッピングのどの表の条件にも合わず使いませんでした。",
                f"{fates[Fate.UNUSED]:,} rows of {file.source.file} meet no condition of the mapping "
                "and were not used.",
            )
        )


def _looks_up(block: Block, source: str) -> bool:
    rules: list[Any] = list(block.columns.values())
    while rules:
        rule = rules.pop()
        if rule.lookup is not None and rule.lookup.source == source:
            return True
        rules += rule.first
    return False
