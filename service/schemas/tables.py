"""What does the answer to pushed rows look like?"""

from __future__ import annotations

from pydantic import BaseModel

from service.schemas.base import AnswerWarning, ModelInfo


class RowError(BaseModel):
    """An error in a row that was quarantined."""

    line: int | None
    column: str
    value: str
    reason: str


class RemovedRow(BaseModel):
    """The row that was taken out of a table: gone from `as_of` on, known to earlier moments."""

    table: str
    id: str
    removed: int
    as_of: str
    model: ModelInfo | None
    warnings: list[AnswerWarning]


class TableResult(BaseModel):
    """How many rows were read, imported, unchanged and quarantined, and why."""

    table: str
    read: int
    imported: int
    unchanged: int
    quarantined: int
    errors: list[RowError]
    as_of: str
    model: ModelInfo | None
    warnings: list[AnswerWarning]
