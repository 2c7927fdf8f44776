"""How do files of any shape become canonical rows? Each block of a mapping makes rows from one source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from sancho.crm.errors import SanchoError
from sancho.crm.i18n import Text
from sancho.crm.importing import values as parse
from sancho.crm.importing.column_rules import MissingColumnError, Texts, chosen, column_of, paired
from sancho.crm.importing.deal_history import chain, fill_history
from sancho.crm.importing.load import Batch, Run
from sancho.crm.importing.mapping import LINE, MINUTES, Block, FileMapping, Origin
from sancho.crm.importing.read import data_format, read
from sancho.crm.importing.result import Counts
from sancho.crm.importing.row_errors import RowError, reason
from sancho.crm.importing.source import Ints, Source, UnreadableError

_UNUSED, _SAME, _USED, _BAD = range(4)  # what became of a source row, worst last


@dataclass
class File:
    """A source file while its rows are being turned into canonical ones."""

    source: Source
    texts: Texts
    fate: NDArray[np.int8]  # per source row: unused, used, bad


@dataclass
class MappedRows:
    """Canonical rows made by one block from one file, and the source rows they came from."""

    table: str
    file: File | None
    rows: Ints  # source row of each
    columns: dict[str, pa.Array]
    own_old_values: bool = False
    errors: list[tuple[int, str, str, dict[str, object]]] = field(default_factory=list)
    part_of: Mapping[int, int] = field(
        default_factory=dict
    )  # further source rows -> place of the row they are part of
    history: tuple[str, ...] = ()


def import_mapped(run: Run, files: list[Path], mapping: FileMapping) -> None:
    """Takes a folder's or a file's rows in as a mapping says; what became of each is counted by file."""
    sources = _read_sources(run, files, mapping)
    made = [part for block in mapping.blocks for part in _make(run, block, sources, mapping)]
    made = chain(made, mapping.zone or run.zone)
    fill_history(made, mapping.zone or run.zone)
    from sancho.crm.importing.files import ORDER

    for part in sorted(made, key=lambda part: ORDER.index(part.table)):
        _take(run, part, mapping)
    for name, held in sources.items():
        for file in held:
            _account(run, file, name, mapping)


def _read_sources(run: Run, files: list[Path], mapping: FileMapping) -> dict[str, list[File]]:
    found: dict[str, list[File]] = {}
    used: set[Path] = set()
    for name, origin in mapping.sources.items():
        mine = [
            path for path in files if any(fnmatch(path.name.lower(), form.lower()) for form in origin.files)
        ]
        if not mine and not origin.optional:
            raise SanchoError(
                Text(
                    "マッピング {mapping} の {files} に合うファイルがありません。"
                    "フォルダを確認してください。",
                    "no file matches {files} of mapping {mapping}; check the folder.",
                ).format(mapping=mapping.name, files=" / ".join(origin.files)),
                "no_source_file",
            )
        used.update(mine)
        found[name] = [file for path in mine for file in _read_file(run, path, origin)]
    for path in files:
        if path not in used and data_format(path) is not None:
            run.result.note(
                Text(
                    f"{path.name} はマッピングにないので使いませんでした。",
                    f"{path.name} is not named by the mapping and was not used.",
                )
            )
    return found


def _read_file(run: Run, path: Path, origin: Origin) -> list[File]:
    try:
        sources = read(path, path.name, how=origin.how)[: None if origin.how.sheet else 1]
    except UnreadableError as error:
        run.refuse(path.name, RowError("", path.name, None, "", "", "unreadable_file", error.text), 0)
        return []
    held = []
    for source in sources:
        run.digests.append(source.digest)
        texts = {name: _plain(source.columns[name]) for name in source.columns.column_names}
        held.append(File(source, texts, np.full(source.columns.num_rows, _UNUSED, np.int8)))
    return held


def _plain(column: pa.ChunkedArray) -> pa.Array:
    texts = parse.as_text(parse.whole(column))
    return texts.cast(pa.string()) if pa.types.is_dictionary(texts.type) else texts


def _make(
    run: Run, block: Block, sources: Mapping[str, list[File]], mapping: FileMapping
) -> list[MappedRows]:
    if block.source is None:
        names = list(dict.fromkeys(name for row in block.rows for name in row))
        columns = {name: pa.array([row.get(name) for row in block.rows], pa.string()) for name in names}
        return [MappedRows(block.table, None, np.arange(len(block.rows)), columns)]
    made = []
    for file in sources[block.source]:
        try:
            made.append(_make_from(run, block, file, sources, mapping))
        except MissingColumnError as error:
            hint = Text(
                f"いまの列は {'、'.join(file.texts)} です。", f"Its columns are {', '.join(file.texts)}."
            )
            said = reason("missing_source_column", column=error.column, hint=hint)
            name, rows = file.source.file, len(file.fate)
            if not any(held.file == name and held.column == error.column for held in run.result.errors):
                run.broken_file(
                    RowError(block.table, name, 1, error.column, "", "missing_column", said, rows=rows)
                )
            file.fate[:] = _BAD
    return made


def _make_from(
    run: Run, block: Block, file: File, sources: Mapping[str, list[File]], mapping: FileMapping
) -> MappedRows:
    texts = dict(file.texts)
    texts[LINE] = pa.array(file.source.lines_of(np.arange(len(file.fate)))).cast(pa.string())
    rows = chosen(texts, block.where)
    part_of: dict[int, int] = {}
    if block.pair is not None:
        rows, minutes, part_of = paired(texts, rows, block.pair, mapping.zone or run.zone)
        texts[MINUTES] = minutes
    here: Texts = {name: array.take(pa.array(rows)) for name, array in texts.items()}
    others = {name: [held.texts for held in files] for name, files in sources.items()}
    columns: dict[str, pa.Array] = {}
    errors: list[tuple[int, str, str, dict[str, object]]] = []
    for name, rule in block.columns.items():
        columns[name], wrong = column_of(rule, here, len(rows), others, mapping.dates, block.table, name)
        errors += [(int(row), name, "unmapped_value", {}) for row in wrong]
    if block.table == "deals" and mapping.currency and "currency" not in columns:
        columns["currency"] = pa.array([mapping.currency] * len(rows), pa.string())
    made = MappedRows(
        block.table, file, rows, columns, "old_value" in columns, errors, part_of, block.history
    )
    return _distinct(made) if block.distinct else made


def _distinct(made: MappedRows) -> MappedRows:
    """One row of those that are alike; the others are part of it."""
    frame = pd.DataFrame({name: array.to_pandas() for name, array in made.columns.items()})
    group = frame.groupby(list(frame.columns), dropna=False, sort=False).ngroup().to_numpy()
    _, first = np.unique(group, return_index=True)
    first.sort()
    place = {int(group[row]): number for number, row in enumerate(first)}
    again = np.setdiff1d(np.arange(len(frame)), first)
    part_of = {int(made.rows[row]): place[int(group[row])] for row in again}
    kept = pa.array(first)
    columns = {name: array.take(kept) for name, array in made.columns.items()}
    return replace(made, rows=made.rows[first], columns=columns, part_of=part_of)


def _take(run: Run, part: MappedRows, mapping: FileMapping) -> None:
    columns = pa.table(part.columns)
    name = part.file.source.file if part.file else f"{mapping.name}.toml"
    rows = part.rows

    def lines_of(places: Ints) -> Ints:
        return part.file.source.lines_of(rows[places]) if part.file else places + 1

    damaged = part.file is not None and part.file.source.damaged
    batch = Batch(part.table, name, columns, lines_of, damaged, mapping.zone, tuple(part.errors))
    counts, bad = run.take(batch)
    if part.file is None:
        run.result.files.setdefault(name, Counts()).add(counts)
        return
    fate = np.where(bad, _BAD, _USED if counts.imported else _SAME).astype(np.int8)
    np.maximum.at(part.file.fate, rows, fate)
    for row, place in part.part_of.items():
        part.file.fate[row] = max(part.file.fate[row], _SAME if place < 0 else fate[place])


def _account(run: Run, file: File, name: str, mapping: FileMapping) -> None:
    """Adds up what became of a file's rows."""
    looked_up = any(_looks_up(block, name) for block in mapping.blocks)
    fates = np.bincount(file.fate, minlength=4)
    broken = len(file.source.errors)
    run.broken(
        next((block.table for block in mapping.blocks if block.source == name), "deals"), file.source.errors
    )
    counts = Counts(
        read=len(file.fate) + broken,
        imported=int(fates[_USED]),
        unchanged=int(fates[_UNUSED] + fates[_SAME]),
        quarantined=int(fates[_BAD]) + broken,
    )
    run.result.files.setdefault(file.source.file, Counts()).add(counts)
    if fates[_UNUSED] and not looked_up:
        run.result.note(
            Text(
                f"{file.source.file} の {fates[_UNUSED]:,} 行は、"
                "マッピングのどの表の条件にも合わず使いませんでした。",
                f"{fates[_UNUSED]:,} rows of {file.source.file} meet no condition of the mapping "
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
