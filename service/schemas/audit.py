"""What does the audit look like: who did what, and who read whose figures?"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from service.schemas.base import AnswerWarning, ModelInfo


class AuditEntry(BaseModel):
    """One change, or one read of other people's figures. Never an amount, a name of a person or a secret."""

    audit_id: str = Field(examples=["3f9c2a1b7d5e6f80a1b2c3d4e5f60718"])
    at: str = Field(examples=["2026-11-20T09:00:00.123456+09:00"])
    caller: str = Field(
        description="Name of the key, id of the person, or cli: and the system's user",
        examples=["crm-plugin"],
    )
    person_id: str | None = Field(description="Who it was, where a person had signed in")
    role: str | None
    operation: str = Field(examples=["put_table_rows"])
    scope: str | None = Field(
        description="Whose figures were read: a scope, or `deal`; null for a change", examples=["person:P-1"]
    )
    about: str | None = Field(description="The one person whom it was about", examples=["P-1"])
    touched: dict[str, list[str]] = Field(
        description="Ids by what they name, at most 100 of each kind; `kind+` counts those left out",
        examples=[{"deals": ["D-1"]}],
    )
    result: Literal["done", "refused", "failed"]
    status: int | None = Field(description="HTTP status; null for what no call did")
    request_id: str | None
    address: str | None = Field(description="Where the call came from")


class AuditList(BaseModel):
    """The audit, newest first."""

    entries: list[AuditEntry]
    next_cursor: str | None
    as_of: str
    model: ModelInfo | None
    warnings: list[AnswerWarning]
