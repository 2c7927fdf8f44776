"""Which mapping says what somebody has chosen for the columns of a file? JSON, as a mapping file has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from crm.errors import SanchoError
from crm.i18n import Text
from crm.schema import TABLES

UNUSED, CUSTOM = "", "="  # choices besides the names of columns
_TWICE = Text(
    "「{column}」に2つの列（{one}、{other}）が選ばれています。どちらかを「使わない」にしてください。",
    "two columns ({one}, {other}) are chosen as {column}; set one of them to “not used”.",
)


@dataclass(frozen=True)
class Choice:
    """A heading, what somebody has chosen for it, and the unit of its amounts, if the heading says one."""

    heading: str
    column: str
    unit: str | None = None


def choices_of(preview: Mapping[str, Any], fields: Mapping[str, str]) -> list[Choice]:
    """What the fields of a form (`column-0`, ...) choose for the columns of a previewed file."""
    return [
        Choice(column["heading"], fields.get(f"column-{number}", previewed(column)), column["unit"])
        for number, column in enumerate(preview["columns"])
    ]


def previewed(column: Mapping[str, Any]) -> str:
    """What an import would do with a previewed column."""
    return column["column"] or (CUSTOM if column["is_custom"] else UNUSED)


def is_as_previewed(preview: Mapping[str, Any], choices: Sequence[Choice]) -> bool:
    """Whether all columns are chosen as the import would take them anyway."""
    return all(
        choice.column == previewed(column) for choice, column in zip(choices, preview["columns"], strict=True)
    )


def mapping_text(table: str, choices: Sequence[Choice]) -> str:
    """The mapping of one file into a table; raises where two headings are chosen as one column."""
    columns: dict[str, Any] = {}
    headings: dict[str, str] = {}
    for choice in choices:
        if choice.column == UNUSED:
            continue
        name = choice.heading if choice.column == CUSTOM else choice.column
        if name in headings:
            label = TABLES[table][name].label if name in TABLES[table].by_name else Text(name, name)
            raise SanchoError(
                _TWICE.format(column=label, one=headings[name], other=choice.heading), "duplicate_column"
            )
        headings[name] = choice.heading
        has_unit = choice.unit is not None and choice.column != CUSTOM
        columns[name] = {"from": choice.heading, "unit": choice.unit} if has_unit else choice.heading
    document = {
        "sources": {"file": {"files": ["*"]}},
        "tables": [{"table": table, "source": "file", "columns": columns}],
    }
    return orjson.dumps(document).decode()
