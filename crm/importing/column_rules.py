"""What value does a mapping's rule give for each source row? Pure functions of columns of text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from crm.importing import dates, numerals
from crm.importing import values as parse
from crm.importing.mapping import Condition, Lookup, Monthly, Pair, Rule
from crm.importing.money_rows import marks_of
from crm.importing.source import Ints
from crm.schema import TABLES, Kind

Texts = dict[str, pa.Array]
_NONE = np.zeros(0, np.int64)
_TERM = r"\s*(?i:か月|ヶ月|カ月|ヵ月|ケ月|箇月|月|年間|年|months?|mos?\.?|years?|yrs?\.?)\s*$"
_FIELD = re.compile(r"\{([^{}]*)\}")


class MissingColumnError(Exception):
    """A column that the mapping names and the file lacks."""

    def __init__(self, column: str) -> None:
        super().__init__(column)
        self.column = column


def _of(texts: Mapping[str, pa.Array], column: str) -> pa.Array:
    if column not in texts:
        raise MissingColumnError(column)
    return texts[column]


def chosen(texts: Texts, where: Mapping[str, Condition]) -> Ints:
    """Numbers of the rows that meet all conditions."""
    size = len(next(iter(texts.values()))) if texts else 0
    mask = np.ones(size, bool)
    for column, condition in where.items():
        mask &= meets(_of(texts, column), condition)
    return np.flatnonzero(mask)


def meets(array: pa.Array, condition: Condition) -> NDArray[np.bool_]:
    """Which rows meet a condition."""
    mask = np.ones(len(array), bool)
    if condition.among is not None:
        mask &= np.asarray(pc.is_in(array, value_set=pa.array(condition.among, pa.string())))
    if condition.without is not None:
        mask &= ~np.asarray(pc.is_in(array, value_set=pa.array(condition.without, pa.string())))
    if condition.starts is not None:
        mask &= np.asarray(pc.starts_with(array, condition.starts).fill_null(False))
    if condition.filled is not None:
        mask &= np.asarray(array.is_valid()) == condition.filled
    return mask


def column_of(
    rule: Rule,
    texts: Texts,
    size: int,
    others: Mapping[str, Sequence[Texts]],
    formats: tuple[str, ...],
    table: str,
    column: str,
    decimal: str | None = None,
) -> tuple[pa.Array, Ints]:
    """The column that a rule gives, as text, and the rows whose value it does not know.

    `formats` and `decimal` are those of the whole mapping, for rules that say none of their own.
    """
    wrong = _NONE
    if rule.const is not None:
        filled = pa.array([rule.const] * size, pa.string())
    elif rule.template is not None:
        filled = _filled_in(rule.template, texts, size)
    elif rule.first:
        parts = [column_of(part, texts, size, others, formats, table, column, decimal) for part in rule.first]
        filled, wrong = pc.coalesce(*(part for part, _ in parts)), parts[-1][1]
    elif rule.monthly is not None:
        filled = _over_term(rule.monthly, texts)
    elif rule.optional and rule.source not in texts:
        filled = pa.nulls(size, pa.string())
    else:
        filled = _of(texts, rule.source or "")
    if rule.meanings:
        filled, wrong = _valued(filled, rule)
    if rule.lookup is not None:
        filled = _looked_up(filled, rule.lookup, others[rule.lookup.source])
    if rule.unit is not None or rule.decimal is not None:
        filled = _as_numbers(filled, rule.decimal or decimal, 1.0 if rule.unit is None else rule.unit)
    kind = TABLES[table][column].kind if column in TABLES[table].by_name else None
    if rule.dates or (formats and kind in (Kind.MOMENT, Kind.DATE)):
        filled = dates.reformatted(filled, rule.dates or formats)
    if rule.where:
        mask = np.ones(size, bool)
        for name, condition in rule.where.items():
            mask &= meets(_of(texts, name), condition)
        filled, wrong = pc.if_else(pa.array(mask), filled, pa.scalar(None, pa.string())), wrong[mask[wrong]]
    return filled, wrong


def _over_term(monthly: Monthly, texts: Texts) -> pa.Array:
    """A monthly amount times its term in months, as text; blank where either is.

    What cannot be read stays as it is written, for the check of the column to name; a currency written
    beside the monthly amount stays beside the product.
    """
    amounts = _of(texts, monthly.amount)
    read, mark = numerals.numbers(amounts), marks_of(amounts)
    term, unreadable = pa.nulls(len(amounts), pa.float64()), np.zeros(len(amounts), bool)
    written = pa.nulls(len(amounts), pa.string())
    if (column := monthly.months or monthly.years) is not None:
        written = _of(texts, column)
        plain = pc.replace_substring_regex(pc.utf8_normalize(written, "NFKC"), _TERM, "")
        term, unreadable = numerals.numbers(plain)
        if monthly.years is not None:
            term = pc.multiply(term, 12.0)
    if monthly.default is not None:
        blank = pa.array(np.asarray(term.is_null()) & ~unreadable)
        term = pc.if_else(blank, monthly.default, term)
    product = parse.as_text(pc.round(pc.multiply(read.column, term), 6))
    if mark is not None:
        product = pc.coalesce(pc.binary_join_element_wise(product, mark, " "), product)
    wrong = read.unreadable | (unreadable & np.asarray(read.column.is_valid()))
    as_written = pc.binary_join_element_wise(amounts, pc.coalesce(written, pa.scalar("")), " × ")
    return pc.if_else(pa.array(wrong), as_written, product)


def _filled_in(template: str, texts: Texts, size: int) -> pa.Array:
    """A template's text with its {column} marks filled in; blank where any of them is."""
    pieces: list[pa.Array | str] = []
    for index, piece in enumerate(_FIELD.split(template)):
        pieces.append(_of(texts, piece) if index % 2 else piece)
    if not any(isinstance(piece, pa.Array) for piece in pieces):
        return pa.array([template] * size, pa.string())
    return pc.binary_join_element_wise(*pieces, "")


def _valued(filled: pa.Array, rule: Rule) -> tuple[pa.Array, Ints]:
    def mean(text: str) -> str | None:
        if text in rule.meanings:
            return rule.meanings[text] or None
        return text if rule.others == "keep" else None

    values, _ = parse.by_level(filled, mean, pa.string())
    if rule.others != "error":
        return values, _NONE
    known = pc.is_in(filled, value_set=pa.array(list(rule.meanings), pa.string()))
    wrong = np.flatnonzero(~np.asarray(known) & np.asarray(filled.is_valid()))
    return pc.coalesce(values, pc.if_else(known, pa.scalar(None, pa.string()), filled)), wrong


def _looked_up(filled: pa.Array, lookup: Lookup, sources: Sequence[Texts]) -> pa.Array:
    keys = pa.concat_arrays([_of(source, lookup.on) for source in sources] or [pa.array([], pa.string())])
    take = pa.concat_arrays([_of(source, lookup.take) for source in sources] or [pa.array([], pa.string())])
    return take.take(pc.index_in(filled, value_set=keys))


def _as_numbers(filled: pa.Array, decimal: str | None, unit: float) -> pa.Array:
    """Written numbers as plain ones, times a unit where they name none; what is none stays as it is."""
    marks = numerals.Marks.stated(decimal) if decimal else None
    return pc.coalesce(parse.as_text(numerals.numbers(filled, marks, unit).column), filled)


def paired(texts: Texts, rows: Ints, pair: Pair, zone: ZoneInfo) -> tuple[Ints, pa.Array, dict[int, int]]:
    """Joins each end to the start right before it: rows that remain, minutes by source row, starts joined.

    An end without a start, or a start not yet ended, is a row of its own without minutes.
    """
    keys = [_of(texts, name).take(pa.array(rows)).fill_null("") for name in pair.by]
    group = pd.factorize(np.asarray(pc.binary_join_element_wise(*keys, "\x1f"), object))[0]
    at = dates.moments(_of(texts, pair.time).take(pa.array(rows)), zone).column.fill_null(0).to_numpy()
    role = _of(texts, pair.column).take(pa.array(rows))
    starts = np.asarray(pc.equal(role, pair.start).fill_null(False))
    ends = np.asarray(pc.equal(role, pair.end).fill_null(False))
    order = np.lexsort((np.arange(len(rows)), at, group))
    before, after = order[:-1], order[1:]
    joined = (group[before] == group[after]) & starts[before] & ends[after]
    start, end = before[joined], after[joined]
    minutes: NDArray[np.object_] = np.full(len(next(iter(texts.values()))), None, object)
    minutes[rows[end]] = [f"{span / 60e6:.4f}" for span in at[end] - at[start]]
    kept = np.ones(len(rows), bool)
    kept[start] = False
    remaining = rows[kept]
    position = np.cumsum(kept) - 1
    return (
        remaining,
        pa.array(minutes, pa.string()),
        dict(zip(rows[start].tolist(), position[end].tolist(), strict=True)),
    )
