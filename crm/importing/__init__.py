"""How do files and pushed rows become the canonical tables? Read, validated, loaded in one transaction."""

from __future__ import annotations

from crm.importing.files import Saying, import_path
from crm.importing.load import Permit, Progress
from crm.importing.mapping import load_mapping, shipped_mappings
from crm.importing.quarantine import export_quarantine
from crm.importing.result import Counts, ImportResult
from crm.importing.row_errors import RowError
from crm.importing.rows import check_rows, push_parts, push_rows, remove_rows

__all__ = [
    "Counts",
    "ImportResult",
    "Permit",
    "Progress",
    "RowError",
    "Saying",
    "check_rows",
    "export_quarantine",
    "import_path",
    "load_mapping",
    "push_parts",
    "push_rows",
    "remove_rows",
    "shipped_mappings",
]
