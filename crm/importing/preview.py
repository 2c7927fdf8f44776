"""What is in a file before it is imported? Its table, and for each column its meaning and a few values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crm.importing.columns import NOTES, headings, likely_table, suggested, unit_heading
from crm.importing.files import NOTHING_SAID, Saying, sources_of
from crm.importing.managers_book import MANAGERS
from crm.importing.mapping import FileMapping
from crm.importing.source import Source, cell_text
from crm.schema import TABLES

SAMPLES = 5  # values of a column that are shown
_LONGEST = 60  # characters of a value that is shown


@dataclass(frozen=True, kw_only=True)
class ColumnPreview:
    """A heading, the column that it means (None: none), the one that it may mean, and its first values.

    `unit`: that of its amounts, where the heading says it, such as 千円.
    """

    heading: str
    column: str | None
    suggestion: str | None
    is_custom: bool
    unit: str | None
    samples: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class FilePreview:
    """A file or sheet, its table (None: its name says none) and columns (none of a manager's own list)."""

    file: str
    sheet: str | None
    table: str | None
    likely_table: str | None
    is_managers_book: bool
    rows: int
    columns: tuple[ColumnPreview, ...]

    def to_dict(self) -> dict[str, Any]:
        """The value as JSON holds it."""
        return {**vars(self), "columns": [vars(column) for column in self.columns]}


def preview_path(
    path: Path,
    table: str | None = None,
    mapping: FileMapping | None = None,
    saying: Saying = NOTHING_SAID,
) -> list[FilePreview]:
    """What a file holds, by its name or by a mapping; a file that cannot be read is left out."""
    found = sources_of(path, table if mapping is None else mapping.blocks[0].table, saying)
    return [_preview(source, name, mapping) for name, sources in found for source in sources]


def _preview(source: Source, table: str | None, mapping: FileMapping | None) -> FilePreview:
    names = [name for name in source.columns.column_names if name not in NOTES]
    likely = likely_table(names)
    is_book = table == MANAGERS
    told = None if is_book else table or likely
    meant = _by_mapping(mapping) if mapping is not None else {}
    if mapping is None and told is not None:
        meant = headings(TABLES[told], names).names
    known = TABLES[told].by_name if told is not None else {}
    taken = {column for column in meant.values() if column in known}
    columns = []
    for heading in names:
        column = meant.get(heading)
        guess = None
        if told is not None and mapping is None and column not in known:
            guess = suggested(heading, TABLES[told], taken)
            taken |= {guess} if guess is not None else set()
        unit = unit_heading(heading)
        columns.append(
            ColumnPreview(
                heading=heading,
                column=column if column in known else None,
                suggestion=guess,
                is_custom=_is_custom(heading, column, guess, told, mapping),
                unit=None if unit is None else unit[1],
                samples=_samples(source, heading),
            )
        )
    return FilePreview(
        file=source.file,
        sheet=source.sheet,
        table=None if is_book else table,
        likely_table=likely,
        is_managers_book=is_book,
        rows=source.rows,
        columns=() if is_book else tuple(columns),
    )


def _is_custom(
    heading: str, column: str | None, guess: str | None, table: str | None, mapping: FileMapping | None
) -> bool:
    """Whether a column becomes a custom attribute; also where the file lacks one that it needs."""
    if table is None or guess is not None:
        return False
    if mapping is not None or column is not None:
        return column is not None and column not in TABLES[table].by_name
    return TABLES[table].custom and heading not in NOTES


def _by_mapping(mapping: FileMapping) -> dict[str, str]:
    """The column that each heading becomes by a mapping's first table."""
    rules = mapping.blocks[0].columns
    return {rule.source: column for column, rule in rules.items() if rule.source is not None}


def _samples(source: Source, heading: str) -> tuple[str, ...]:
    values: Sequence[Any] = source.columns[heading].slice(0, SAMPLES).to_pylist()
    return tuple((cell_text(value) or "")[:_LONGEST] for value in values)
