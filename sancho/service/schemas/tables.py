"""What does the answer to pushed rows look like?"""

from __future__ import annotations

from pydantic import BaseModel

from sancho.service.schemas.base import AnswerWarning, ModelInfo


class RowError(BaseModel):
    """A row that could not be used, and why."""

    line: int | None
    column: str
    value: str
    reason: str


class TableResult(BaseModel):
    """What became of pushed rows."""

    table: str
    read: int
    imported: int
    unchanged: int
    quarantined: int
    faults: list[RowError]
    as_of: str
    model: ModelInfo | None
    warnings: list[AnswerWarning]
