"""How do files and pushed rows become the canonical tables? Read, checked, upserted in one transaction."""

from __future__ import annotations

from sancho.crm.importing.files import import_path
from sancho.crm.importing.load import Progress
from sancho.crm.importing.quarantine import export_quarantine
from sancho.crm.importing.result import Counts, ImportResult
from sancho.crm.importing.row_errors import RowError
from sancho.crm.importing.rows import check_rows, push_rows

__all__ = [
    "Counts",
    "ImportResult",
    "Progress",
    "RowError",
    "check_rows",
    "export_quarantine",
    "import_path",
    "push_rows",
]
