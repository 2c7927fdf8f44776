"""How does one file write its numbers, days and ids? Decided by whole columns, before any row is judged.

A cell such as 1.234 or 2026-04-01T00:00:00Z does not tell by itself; the column does, else the file's others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from crm.i18n import Text
from crm.importing.columns import fields
from crm.importing.custom_attributes import custom_values
from crm.importing.dates import are_plain_days
from crm.importing.numerals import COMMA, POINT, Marks, Seen, seen
from crm.importing.values import as_text, by_level, whole
from crm.schema import VERSION_COLUMNS, Column, Kind, Table

# Moments that most systems know as days.
_DAYS_BY_NATURE = ("closed_at", "started_at", "ended_at")
_OF_EVENTS = ("value", "old_value")  # of several kinds, each written in its own way
_NUMBERS = (Kind.MONEY, Kind.NUMBER)


@dataclass(frozen=True, kw_only=True)
class Conventions:
    """How columns are written: marks of numbers, units of amounts, midnights UTC that are days.

    `zone` is the organisation's, in which an instant falls on its day; `decimal` the mark of the whole file,
    where somebody said it.
    """

    marks: Mapping[str, Marks] = field(default_factory=lambda: MappingProxyType({}))
    units: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    plain_days: frozenset[str] = frozenset()
    zone: ZoneInfo | None = None
    decimal: str | None = None


PLAIN = Conventions()


@dataclass(frozen=True)
class Prepared:
    """Columns with their own attributes read and ids as text, how the others are written, what to tell."""

    columns: pa.Table
    conventions: Conventions
    notices: list[Text]


def prepare(
    table: Table,
    columns: pa.Table,
    zone: ZoneInfo,
    decimal: str | None = None,
    habit: str | None = None,
    units: Mapping[str, float] | None = None,
) -> Prepared:
    """A file's columns under canonical names, and how they are written.

    `decimal` is the file's decimal mark where somebody said it; `habit` the mark that the file's form makes
    likely (a list separated by ; has decimal commas).
    """
    names = columns.column_names
    own = [name for name in names if name not in table.by_name and name not in VERSION_COLUMNS]
    numeric = [name for name in names if name in table.by_name and table[name].kind in _NUMBERS]
    shown = {name: seen(whole(columns[name])) for name in (*numeric, *own)}
    likely = decimal or _shared_habit(shown) or habit
    marks = {
        name: Marks.stated(decimal) if decimal else of_column.marks(likely)
        for name, of_column in shown.items()
    }
    notices: list[Text] = []
    if decimal is None:
        notices += [
            notice for name in numeric for notice in _number_notices(name, shown[name], marks[name], likely)
        ]
    for name in own:
        values = custom_values(columns[name], marks[name], zone)
        columns = columns.set_column(names.index(name), name, pa.chunked_array([values]))
    for name in names:
        if name in table.by_name and table[name].kind is Kind.ID:
            columns = _with_ids(columns, name)
    if table.name == "deal_events" and "field" in names:
        columns, of_fields = _with_fields(columns)
        notices += of_fields
    conventions = Conventions(
        marks=marks,
        units=units or {},
        plain_days=frozenset(name for name in names if _plain_days(table.by_name.get(name), columns, zone)),
        zone=zone,
        decimal=decimal,
    )
    return Prepared(columns, conventions, notices)


def plainly_written(columns: pa.Table, values: Mapping[str, pa.Array], how: Conventions) -> pa.Table:
    """Columns whose numbers the file writes in its own way, as plain numbers where they could be read.

    So rows that are set aside mean the same when they come back without their file.
    """
    for name in columns.column_names:
        own_way = name in how.units or how.marks.get(name, Marks()) != Marks() or name in _OF_EVENTS
        if own_way and name in values:
            texts = as_text(whole(columns[name]))
            texts = texts.cast(pa.string()) if pa.types.is_dictionary(texts.type) else texts
            plain = pc.coalesce(as_text(values[name]), texts)
            columns = columns.set_column(columns.column_names.index(name), name, pa.chunked_array([plain]))
    return columns


def _shared_habit(shown: Mapping[str, Seen]) -> str | None:
    """The decimal mark that the file's columns show, if they agree."""
    habits = {of_column.habit for of_column in shown.values()} - {None}
    return habits.pop() if len(habits) == 1 else None


def _number_notices(name: str, shown: Seen, marks: Marks, likely: str | None) -> list[Text]:
    open_mark = shown.undecided
    if open_mark is not None and (open_mark == POINT or open_mark in marks.decimal):
        return [_either_way(name, shown.either[open_mark], open_mark in marks.decimal, likely)]
    if COMMA in shown.decimal | marks.decimal or POINT in shown.groups:
        example = next(iter(shown.either.values()), "")
        meant = Text(
            f"（{example} は {_as_read(example, marks)}）" if example else "",
            f" ({example} is {_as_read(example, marks)})" if example else "",
        )
        return [
            Text(
                f"{name} の数値は、列のほかの値から小数点がコンマの書き方として読みました{meant.ja}。"
                "違うときは --decimal . を付けてください。",
                f"numbers of {name} were read with a decimal comma, as other values of the column "
                f"show{meant.en}; say --decimal . if that is wrong.",
            )
        ]
    return []


def _as_read(example: str, marks: Marks) -> str:
    mark = COMMA if COMMA in example else POINT
    return example.replace(COMMA, POINT) if mark in marks.decimal else example.replace(mark, "")


def _either_way(name: str, example: str, is_decimal: bool, likely: str | None) -> Text:
    mark = COMMA if COMMA in example else POINT
    read = example.replace(COMMA, POINT) if is_decimal else example.replace(mark, "")
    other = {POINT: COMMA, COMMA: POINT}[mark] if is_decimal else mark
    because = (
        Text("列からはどちらかわからないため", "nothing in the column tells which")
        if likely is None
        else Text("ファイルのほかの列に合わせて", "as the file's other columns are written")
    )
    return Text(
        f"{name} の「{example}」は2通りに読めます。{because.ja}、{read} として読みました。"
        f"違うときは --decimal {other} を付けてください（マッピングでは decimal）。",
        f"{example!r} in {name} can be read in two ways; it was read as {read} ({because.en}). "
        f"If that is wrong, say --decimal {other} (in a mapping: decimal).",
    )


def _with_ids(columns: pa.Table, name: str) -> pa.Table:
    """Ids that a program wrote as fractions (17.0), all of the column: the .0 is none of theirs."""
    first = next((chunk[0] for chunk in (columns[name].drop_null().slice(0, 1)).chunks if len(chunk)), None)
    if first is None or not str(first.as_py()).strip().endswith(".0"):
        return columns
    texts = as_text(whole(columns[name]))
    texts = texts.cast(pa.string()) if pa.types.is_dictionary(texts.type) else texts
    if not pc.all(pc.match_substring_regex(texts, r"^[0-9]+\.0$")).as_py():
        return columns
    plain = pc.replace_substring_regex(texts, r"\.0$", "")
    return columns.set_column(columns.column_names.index(name), name, pa.chunked_array([plain]))


def _with_fields(columns: pa.Table) -> tuple[pa.Table, list[Text]]:
    """A history's fields under the names that deals have for them."""
    texts = as_text(whole(columns["field"]))
    levels = pc.unique(texts.dictionary if pa.types.is_dictionary(texts.type) else texts).drop_null()
    names, notices = fields(levels.to_pylist())
    renamed, _ = by_level(texts, lambda text: names.get(text, text), pa.string())
    place = columns.column_names.index("field")
    return columns.set_column(place, "field", pa.chunked_array([renamed])), notices


def _plain_days(column: Column | None, columns: pa.Table, zone: ZoneInfo) -> bool:
    """Whether a column's midnights UTC are days; of moments, only where the day would be another one."""
    if column is None or column.kind not in (Kind.DATE, Kind.MOMENT):
        return False
    if column.kind is Kind.MOMENT and (column.name not in _DAYS_BY_NATURE or not _lies_west(zone)):
        return False
    return are_plain_days(whole(columns[column.name]))


def _lies_west(zone: ZoneInfo) -> bool:
    offset = datetime(2026, 1, 1, tzinfo=zone).utcoffset()
    return offset is not None and offset.total_seconds() < 0
