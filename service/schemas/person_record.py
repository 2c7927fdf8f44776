"""What is a person told of himself: what is stored, what is computed, who read it, what he answered?"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.base import AnswerWarning, ModelInfo
from service.schemas.bottlenecks import Bottleneck
from service.schemas.kpis import Kpi
from service.schemas.padding import PaddingQuestion
from service.schemas.people import PersonResults


class RowsAbout(BaseModel):
    """Rows of a table that name the person in a column."""

    table: str = Field(examples=["deals"])
    column: str = Field(examples=["owner_id"])
    label: str = Field(description="The table in the reader's language")
    rows: int


class FiguresAbout(BaseModel):
    """Figures that are computed about the person: the comparison, KPIs, bottlenecks that name him.

    `questions`: what his manager is told to ask him about his KPIs.
    """

    period: str
    comparison: PersonResults | None
    kpis: list[Kpi]
    bottlenecks: list[Bottleneck]
    questions: list[PaddingQuestion]


class ReaderOf(BaseModel):
    """Who read figures of the person, or of a team he is in."""

    caller: str
    role: str | None
    operation: str = Field(examples=["compare_people"])
    scope: str = Field(examples=["team:T01"], description="What was read; `deal`: one of his deals")
    times: int
    last_at: str


class StoredPersonAnswer(BaseModel):
    """What a person says of a figure or question about himself."""

    answer_id: str
    person_id: str
    subject: str = Field(examples=["kpi:visits"])
    period: str | None
    answer: str
    at: str


class PersonRecord(BaseModel):
    """Everything that is stored and computed about the person who asks."""

    person_id: str
    person: dict[str, Any] | None = Field(description="The row of the table of people; null where none is")
    rows: list[RowsAbout]
    figures: FiguresAbout | None = Field(description="null while there is no model to compute them")
    readers: list[ReaderOf] = Field(description="Of the last 90 days, the latest first")
    answers: list[StoredPersonAnswer]
    as_of: str
    model: ModelInfo | None
    warnings: list[AnswerWarning]


class PersonAnswerList(BaseModel):
    """What a person answered, newest first."""

    person_id: str
    answers: list[StoredPersonAnswer]
    as_of: str
    model: ModelInfo | None
    warnings: list[AnswerWarning]


class MyAnswer(BaseModel):
    """An answer to a figure or question about oneself; who may see the figure sees it, too."""

    model_config = ConfigDict(extra="forbid")

    subject: str = Field(
        min_length=1,
        max_length=200,
        examples=["kpi:visits"],
        description="comparison, kpi:NAME, bottleneck:ID, forecast, or a question in words",
    )
    period: str | None = Field(None, max_length=50, examples=["2026-Q4"])
    answer: str = Field(min_length=1, max_length=4000, examples=["10月は育児休業でした。"])
