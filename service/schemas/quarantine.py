"""What do rows look like that imports could not use?"""

from __future__ import annotations

from pydantic import BaseModel, Field

from service.schemas.base import AnswerWarning, ModelInfo, NextCursor


class QuarantinedValue(BaseModel):
    """A value of a row that cannot be used, and why."""

    column: str
    label: str
    value: str
    code: str
    reason: str


class QuarantinedRow(BaseModel):
    """A row of the quarantine; `values` as it came (null: its line is no row at all)."""

    row_id: str = Field(examples=["12:3"])
    table: str = Field(examples=["deals"])
    label: str
    file: str
    line: int | None
    values: dict[str, str] | None
    errors: list[QuarantinedValue]


class QuarantinedTable(BaseModel):
    """How many rows of a table wait."""

    table: str
    label: str
    rows: int


class QuarantineList(BaseModel):
    """Rows that wait to be put right, the oldest import first."""

    tables: list[QuarantinedTable]
    total: int
    rows: list[QuarantinedRow]
    next_cursor: NextCursor = None
    as_of: str
    model: ModelInfo | None
    warnings: list[AnswerWarning]
