"""In which currency are the amounts of rows, and do their exchange rates make sense?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from crm.importing import values as parse
from crm.importing.checked_rows import CheckedRows
from crm.money import currency_in, currency_of
from crm.schema import Table

# The amount of each table that has a currency.
AMOUNT_OF: Mapping[str, str] = {
    "deals": "amount",
    "contracts": "monthly_amount",
    "targets": "value",
    "products": "unit_price",
    "deal_products": "amount",
}
# Currencies whose sign is also that of another: an amount with the sign may be of either.
_SAME_SIGN: Mapping[str, frozenset[str]] = {
    "USD": frozenset("AUD BND CAD CLP COP HKD MXN NZD SGD TWD ARS".split()),  # noqa: SIM905
    "JPY": frozenset({"CNY"}),
}
_MONTH = r"^\s*(\d{4})\s*[-/.年]\s*(\d{1,2})\s*月?\s*$"


def with_defaults(table: Table, columns: pa.Table) -> pa.Table:
    """The columns with defaults where blank or left out; a month among `rates` is its first day."""
    for column in table.columns:
        if column.default is None:
            continue
        texts = pa.nulls(columns.num_rows, pa.string())
        if column.name in columns.column_names:
            texts = parse.as_text(parse.whole(columns[column.name]))
            if not texts.null_count:
                continue
        plain = texts.cast(pa.string()) if pa.types.is_dictionary(texts.type) else texts
        columns = _with(columns, column.name, plain.fill_null(column.default))
    if table.name == "rates" and "at" in columns.column_names:
        texts = parse.whole(columns["at"])
        if pa.types.is_string(texts.type) or pa.types.is_dictionary(texts.type):
            plain = pc.utf8_normalize(parse.as_text(texts).cast(pa.string()), "NFKC")
            columns = _with(columns, "at", pc.replace_substring_regex(plain, _MONTH, r"\1-\2-01"))
    return columns


def _with(columns: pa.Table, name: str, values: pa.Array) -> pa.Table:
    if name in columns.column_names:
        return columns.set_column(columns.column_names.index(name), name, values)
    return columns.append_column(name, values)


def marks_of(amounts: pa.Array) -> pa.Array | None:
    """The currency written beside each amount, null where there is none; None where no amount has any."""
    kind = amounts.type
    if not (pa.types.is_string(kind) or pa.types.is_dictionary(kind)):
        return None
    texts = parse.as_text(amounts)
    levels = texts.dictionary if pa.types.is_dictionary(texts.type) else texts
    if not pc.any(pc.match_substring_regex(levels, r"[^\d\s.,+\-]")).as_py():
        return None
    marks, _ = parse.by_level(texts, currency_in, pa.string())
    return marks if marks.null_count < len(marks) else None


def check_currencies(rows: CheckedRows) -> None:
    """Currencies become ISO codes; a mark beside an amount is its currency where none is given."""
    amount = AMOUNT_OF.get(rows.table.name)
    marks = marks_of(rows.raw[amount]) if amount in rows.raw else None
    if "currency" in rows.columns:
        given, unknown = parse.by_level(rows.columns["currency"], currency_of, pa.string())
        rows.reject_all(unknown & rows.sound, "currency", "bad_currency")
    elif marks is not None:
        given = pa.array(rows.values_or_stored("currency"), pa.string())
    else:
        return
    if marks is not None:
        if "currency" in rows.columns:
            _reject_contradictions(rows, given, marks)
            given = pc.coalesce(given, marks)
        else:
            given = pc.coalesce(marks, given)
    rows.columns["currency"] = given.dictionary_encode()


def _reject_contradictions(rows: CheckedRows, given: pa.Array, marks: pa.Array) -> None:
    differ = np.asarray(pc.not_equal(given, marks).fill_null(False))
    for row in np.flatnonzero(differ & rows.sound):
        mark, code = marks[int(row)].as_py(), given[int(row)].as_py()
        if code not in _SAME_SIGN.get(mark, ()):
            rows.reject(int(row), "currency", "currency_contradicts_amount", value=code, mark=mark)


def check_rates(rows: CheckedRows) -> None:
    """A rate is above 0, and of another currency than the organisation's own."""
    if "rate" in rows.columns:
        zero: NDArray[np.bool_] = np.asarray(pc.less_equal(rows.columns["rate"], 0).fill_null(False))
        rows.reject_all(zero & rows.sound, "rate", "not_positive")
    own = rows.context.currency
    if own is not None and "currency" in rows.columns:
        same = np.asarray(pc.equal(rows.columns["currency"].cast(pa.string()), own).fill_null(False))
        rows.reject_all(same & rows.sound, "currency", "own_currency", own=own)
