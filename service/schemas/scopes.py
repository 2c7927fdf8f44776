"""What does the list of scopes look like?"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from service.schemas.base import Answer, ScopeName


class ScopeRow(BaseModel):
    """A scope of questions, and the one that it belongs to."""

    scope: str = Field(description="As questions name it", examples=["team:T01"])
    name: ScopeName = None
    kind: Literal["company", "team", "person", "unassigned"]
    parent: str | None = Field(description="The scope directly above; null = the top", examples=["company"])


class ScopeList(Answer):
    """The company, its teams and people, a parent before its children."""

    period: str = Field(examples=["2026-Q4"])
    scopes: list[ScopeRow]
