"""How large may a file be inside? Limits that no sales book reaches, told in one sentence each."""

from __future__ import annotations

import zipfile

from crm.i18n import Text
from crm.importing.source import UnreadableError

MAX_COLUMNS = 1_000
MAX_SHEET_ROWS = 1_048_576  # Excel's own
MAX_UNPACKED = 1 << 30  # bytes of a workbook
MAX_RATIO, RATIO_FROM = 200, 64 << 20  # unpacked bytes for a packed one, of parts from so many bytes on


def refuse_many_columns(count: int) -> None:
    """Raises for a table of too many columns."""
    if count > MAX_COLUMNS:
        hint = Text(
            f"列は{MAX_COLUMNS:,}列までです。不要な列を削除してください。",
            f"A table can have up to {MAX_COLUMNS:,} columns; delete those that are not needed.",
        )
        raise UnreadableError(f"{count:,} columns", hint)


def refuse_many_rows(number: int) -> None:
    """Raises for a row that no sheet can have."""
    if number > MAX_SHEET_ROWS:
        hint = Text(
            f"シートの行は{MAX_SHEET_ROWS:,}行までです。Excelで開き、最後の行より下を削除して保存し直してください。",
            f"A sheet has up to {MAX_SHEET_ROWS:,} rows; open it in Excel, delete what stands below the last "
            "row and save it again.",
        )
        raise UnreadableError(f"a cell in row {number:,} or below", hint)


def refuse_bomb(parts: zipfile.ZipFile) -> None:
    """Raises for a packed file that unpacks to far more than a workbook of people does."""
    infos = parts.infolist()
    total = sum(info.file_size for info in infos)
    if total > MAX_UNPACKED or any(
        info.file_size > RATIO_FROM and info.file_size > MAX_RATIO * max(info.compress_size, 1)
        for info in infos
    ):
        hint = Text(
            "必要なシートだけをコピーした新しいブックか、CSVで保存してください。",
            "Copy the sheets that are needed into a new workbook, or save them as CSV.",
        )
        raise UnreadableError(f"it unpacks to {total >> 20:,} MB", hint)
