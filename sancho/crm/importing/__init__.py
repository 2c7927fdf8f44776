"""How do files and pushed rows become the canonical tables? Read, validated, loaded in one transaction."""

from __future__ import annotations

from sancho.crm.importing.files import import_path
from sancho.crm.importing.load import Progress
from sancho.crm.importing.mapping import load_mapping, shipped_mappings
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
    "load_mapping",
    "push_rows",
    "shipped_mappings",
]
