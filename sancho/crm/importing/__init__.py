"""How do files and pushed rows become the canonical tables? Read, checked, upserted in one transaction."""

from __future__ import annotations

from sancho.crm.importing.batch import Progress
from sancho.crm.importing.faults import Fault
from sancho.crm.importing.files import import_path
from sancho.crm.importing.pushing import check_rows, push_rows
from sancho.crm.importing.quarantine import export_quarantine
from sancho.crm.importing.result import Counts, ImportResult

__all__ = [
    "Counts",
    "Fault",
    "ImportResult",
    "Progress",
    "check_rows",
    "export_quarantine",
    "import_path",
    "push_rows",
]
