"""What is noted while an import runs? Rows counted, errors numbered by row, digests of what was loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from crm.importing.result import Counts, ImportResult
from crm.importing.row_errors import CellError, RowError, reason
from crm.importing.source import Ints
from crm.importing.validate import Batch, texts_of


@dataclass
class ImportLog:
    """The counts and errors of one import, gathered in its result."""

    result: ImportResult
    digests: list[str] = field(default_factory=list)  # of what was loaded, for the store's fingerprint
    _bad_rows: int = 0

    def count_rows(self, table: str, counts: Counts) -> None:
        """Adds counts of canonical rows."""
        self.result.tables.setdefault(table, Counts()).add(counts)

    def count_file(self, file: str, counts: Counts) -> None:
        """Adds counts of a source file's rows."""
        self.result.files.setdefault(file, Counts()).add(counts)

    def reject_file(self, file: str, error: RowError, rows: int) -> None:
        """A file that cannot be used as a whole; all its rows count as rejected."""
        self.add_file_error(replace(error, rows=rows, line=error.line or 1))
        counts = Counts(read=rows, quarantined=rows)
        if error.table:
            self.count_rows(error.table, counts)
        self.count_file(file, counts)

    def add_file_error(self, error: RowError) -> None:
        """An error of a whole file whose rows are counted elsewhere."""
        self._bad_rows += 1
        self.result.errors.append(replace(error, row=self._bad_rows))

    def reject_lines(self, table: str, errors: Sequence[RowError]) -> None:
        """Lines of a file that are no rows at all."""
        for error in errors:
            self.add_file_error(replace(error, table=table))
        if errors:
            self.count_rows(table, Counts(read=len(errors), quarantined=len(errors)))

    def reject_rows(
        self, batch: Batch, part: pa.Table, positions: Ints, errors: Sequence[CellError]
    ) -> list[dict[str, str]]:
        """Rows of a part of a batch (at some positions), with their lines and texts; these texts."""
        rows = sorted({error.row for error in errors})
        if not rows:
            return []
        lines: Ints = batch.lines_of(positions[np.array(rows, np.int64)])
        line_of = dict(zip(rows, lines.tolist(), strict=True))
        texts = texts_of(part, rows)
        numbers = {row: self._bad_rows + number for number, row in enumerate(rows, 1)}
        self._bad_rows += len(rows)
        for row, column, code, values in sorted(errors, key=lambda error: error.row):
            raw = texts[row]
            self.result.errors.append(
                RowError(
                    batch.table, batch.file, line_of[row], column, raw.get(column, ""), code,
                    reason(code, **values), numbers[row], raw,
                )
            )  # fmt: skip
        return list(texts.values())
