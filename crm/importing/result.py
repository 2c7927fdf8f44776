"""What did an import do? Rows counted by table and by file, and what was wrong with the bad ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from crm.i18n import Text
from crm.importing.row_errors import RowError


@dataclass
class Counts:
    """Rows read, and what became of them: read = imported + unchanged + quarantined."""

    read: int = 0
    imported: int = 0
    unchanged: int = 0
    quarantined: int = 0

    def add(self, other: Counts) -> None:
        """Adds another count to this one."""
        self.read += other.read
        self.imported += other.imported
        self.unchanged += other.unchanged
        self.quarantined += other.quarantined

    def to_dict(self) -> dict[str, int]:
        """The value as JSON holds it."""
        return {name: getattr(self, name) for name in ("read", "imported", "unchanged", "quarantined")}


@dataclass
class ImportResult:
    """Of one import: counts by canonical table and by source file, errors and notices.

    By table, rows are those of the canonical table; by file, those of the file, of which a mapping may
    make several canonical rows or none. `resolved`: rows that left the quarantine because they came again
    without errors; `detected_changes`: changes of deals that no event records, added to their history;
    `removed`: rows by table that a whole list no longer names, gone from this import on.
    """

    source: str
    tables: dict[str, Counts] = field(default_factory=dict)
    files: dict[str, Counts] = field(default_factory=dict)
    errors: list[RowError] = field(default_factory=list)
    notices: list[Text] = field(default_factory=list)
    import_id: int | None = None
    resolved: int = 0
    detected_changes: int = 0
    removed: dict[str, int] = field(default_factory=dict)
    dry_run: bool = False

    @property
    def total(self) -> Counts:
        """All tables together."""
        whole = Counts()
        for counts in self.tables.values():
            whole.add(counts)
        return whole

    @property
    def quarantined(self) -> int:
        """Rows of the source that could not be used; an exit status of 3 where it is not 0."""
        return max(self.total.quarantined, sum(counts.quarantined for counts in self.files.values()))

    @property
    def is_unreadable(self) -> bool:
        """Whether files had errors and not one row of any file could be read; an exit status of 1."""
        unread = sum(error.rows for error in self.errors if error.code in ("unreadable_file", "bad_json"))
        return bool(self.errors) and sum(counts.read for counts in self.files.values()) <= unread

    def note(self, text: Text) -> None:
        """Adds something the user should know, once."""
        if text not in self.notices:
            self.notices.append(text)

    def to_dict(self) -> dict[str, Any]:
        """The value as JSON holds it."""
        return {
            "source": self.source,
            "import_id": self.import_id,
            "dry_run": self.dry_run,
            "tables": {name: counts.to_dict() for name, counts in self.tables.items()},
            "files": {name: counts.to_dict() for name, counts in self.files.items()},
            "errors": [error.to_dict() for error in self.errors],
            "notices": [{"ja": text.ja, "en": text.en} for text in self.notices],
            "resolved": self.resolved,
            "detected_changes": self.detected_changes,
            "removed": self.removed,
        }
