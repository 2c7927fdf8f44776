"""Which number does a written amount mean? The decimal mark is decided for a whole column, not for a cell.

"1.234" is 1.234 in one file and 1234 in another: what the column's other cells show decides. A text that
means no one number is unreadable; nothing becomes another number than the one meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crm.importing.values import Read, as_text, by_level, half_width

POINT, COMMA = ".", ","
_OTHER = {POINT: COMMA, COMMA: POINT}
_WORDS = {
    "千": 10**3,
    "万": 10**4,
    "百万": 10**6,
    "千万": 10**7,
    "億": 10**8,
    "兆": 10**12,
}
_LETTERS = {
    "k": 10**3,
    "K": 10**3,
    "M": 10**6,
    "mn": 10**6,
    "Mio": 10**6,
    "bn": 10**9,
    "B": 10**9,
    "Mrd": 10**9,
}
_CODES = [
    "JPY",
    "USD",
    "EUR",
    "GBP",
    "CNY",
    "KRW",
    "INR",
    "BRL",
    "CHF",
    "SEK",
    "NOK",
    "DKK",
    "AUD",
    "CAD",
    "NZD",
    "SGD",
    "HKD",
    "TWD",
    "THB",
    "VND",
    "IDR",
    "MYR",
    "PHP",
    "MXN",
    "ZAR",
    "PLN",
    "CZK",
    "HUF",
    "TRY",
    "RUB",
    "ILS",
    "AED",
    "SAR",
]
_CURRENCY = rf"(?:(?:US|R|HK|NT|AU|CA|A|C|S)\$|{'|'.join(_CODES)}|[¥$€£₩₹\\])"
_HOME = ("¥", "\\", "JPY", "円", "金")  # marks that a list in yen carries
_SIGN = r"[+\-−‐–△▲▼]"
_TAX = r"(?:\(?(?:税込|税抜|税別)み?\)?)"
_AMOUNT = re.compile(
    rf"(?P<open>\()?{_TAX}? ?(?P<sign>{_SIGN})? ?(?P<before>金|{_CURRENCY})? ?(?P<inner>{_SIGN})? ?"
    r"(?P<body>[0-9][0-9.,'’ ]*|[.,][0-9]+)(?P<power>[eE][+-]?[0-9]{1,3})? ?"
    rf"(?P<unit>{'|'.join(sorted(_WORDS, key=len, reverse=True))}|{'|'.join(_LETTERS)})? ?"
    rf"(?P<after>円|{_CURRENCY})? ?(?P<dash>[-ー—―])? ?也? ?{_TAX}?(?P<close>\))?"
)
_COMPOUND = re.compile(r"(?:([0-9.,]+)兆)?(?:([0-9.,]+)億)?(?:([0-9.,]+)万)?(?:([0-9.,]+)千)?([0-9,]+)?円?")
_PARTS = (10**12, 10**8, 10**4, 10**3, 1)
_SPACED = re.compile(r"[1-9][0-9]{0,2}(?:[ '’][0-9]{3})+(?:[.,][0-9]*)?")
_BY_THREE = re.compile(r"[1-9][0-9]{0,2}(?:[.,][0-9]{3})+")
_INDIAN = re.compile(r"[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}")
_EITHER = r"^[+-]?[1-9][0-9]{0,2}\.[0-9]{3}$"
_ENDLESS = 1e308


@dataclass(frozen=True)
class Marks:
    """How a column uses point and comma.

    `decimal`: marks that are decimal where one group of three digits follows ("1.234"). `groups_only`: marks
    that never are decimal; `decimal_only`: marks that never group digits.
    """

    decimal: frozenset[str] = frozenset(POINT)
    groups_only: frozenset[str] = frozenset()
    decimal_only: frozenset[str] = frozenset()

    @classmethod
    def stated(cls, mark: str) -> Marks:
        """Those of a file whose decimal mark is known."""
        return cls(frozenset(mark), frozenset(_OTHER[mark]), frozenset(mark))


@dataclass(frozen=True)
class Seen:
    """What a column's cells show by themselves: marks that group, that are decimal for certain or by form.

    `either`: marks of cells that could be read both ways, with an example; `marks`: currency marks beside
    those of yen.
    """

    groups: frozenset[str] = frozenset()
    certain: frozenset[str] = frozenset()
    decimal: frozenset[str] = frozenset()
    either: Mapping[str, str] = field(default_factory=dict)

    @property
    def undecided(self) -> str | None:
        """A mark that nothing in the column decides."""
        for mark in self.either:
            if not {mark, _OTHER[mark]} & (self.groups | self.decimal):
                return mark
        return None

    @property
    def habit(self) -> str | None:
        """The decimal mark that the column shows, None where it shows none or both."""
        decimal = set(self.decimal) | {_OTHER[mark] for mark in self.groups}
        return decimal.pop() if len(decimal) == 1 else None

    def marks(self, habit: str | None = None) -> Marks:
        """How the column is read; `habit` decides what its cells leave open."""
        decimal = {mark for mark in (POINT, COMMA) if self._is_decimal(mark, habit)}
        return Marks(frozenset(decimal), frozenset(self.groups - self.certain))

    def _is_decimal(self, mark: str, habit: str | None) -> bool:
        """Whether "1.234" (with this mark) is a fraction."""
        other = _OTHER[mark]
        if mark in self.groups:
            return False
        if mark in self.decimal:
            return True
        if other in self.decimal:
            return False
        return other in self.groups or mark == (habit or POINT)


class _Written(NamedTuple):
    """A written amount taken apart: its digits with marks, what they are multiplied by, its currency mark."""

    body: str
    factor: Decimal
    has_unit: bool
    currency: str | None
    letters: bool  # a Latin unit or parentheses, which codes have too


def seen(array: pa.Array) -> Seen:
    """What a column of texts shows of its marks."""
    if not _is_text(array):
        return Seen()
    texts = as_text(array)
    levels = texts.dictionary if pa.types.is_dictionary(texts.type) else texts
    try:
        pc.cast(levels, pa.float64())
    except pa.ArrowInvalid:
        return _seen_in(_taken_apart(text) for text in pc.unique(levels).to_pylist() if text is not None)
    dotted = levels.filter(pc.match_substring(levels, POINT).fill_null(False))
    either = pc.match_substring_regex(dotted, _EITHER)
    if not len(dotted):
        return Seen()
    if not pc.all(either).as_py():
        return Seen(decimal=frozenset(POINT))
    return Seen(either={POINT: dotted[0].as_py()})


def _is_text(array: pa.Array) -> bool:
    kind = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _seen_in(cells: Iterable[_Written | None]) -> Seen:
    groups, certain, decimal = set(), set(), set()
    either: dict[str, str] = {}
    for cell in cells:
        if cell is None:
            continue
        body = cell.body
        marks = [mark for mark in body if mark in _OTHER]
        if not marks:
            continue
        last = marks[-1]
        if _SPACED.fullmatch(body) or body.startswith(("0", *_OTHER)):
            certain.add(last)
        elif len(set(marks)) == 2:
            certain.add(last)
            groups.add(_OTHER[last])
        elif len(marks) > 1:
            groups.add(last)
        elif _BY_THREE.fullmatch(body):
            either.setdefault(last, body)
        else:
            decimal.add(last)
    return Seen(frozenset(groups), frozenset(certain), frozenset(decimal | certain), either)


def numbers(array: pa.Array, marks: Marks | None = None, unit: float = 1.0, strict: bool = False) -> Read:
    """A column as finite float64: plain numbers, or with currency marks, units, ▲ or parentheses for minus.

    `marks` are those of the whole column (found in `array` where not given); `unit` multiplies cells that
    name no unit of their own. `strict` leaves out what codes have too: (1), 1B.

    >>> numbers(pa.array(["1.234", "2.500.000", "120万円"])).column.to_pylist()
    [1234.0, 2500000.0, 1200000.0]
    """
    if not _is_text(array):
        return _typed(array, unit)
    texts = as_text(array)
    if pa.types.is_dictionary(texts.type):
        levels = numbers(texts.dictionary, marks, unit, strict)
        codes = texts.indices.fill_null(len(levels.column)).to_numpy()
        return Read(levels.column.take(texts.indices), np.append(levels.unreadable, False)[codes])
    meaning = seen(texts).marks() if marks is None else marks
    if meaning.decimal >= {POINT} and POINT not in meaning.groups_only:
        try:
            return _finite(times(pc.cast(texts, pa.float64()), unit))
        except pa.ArrowInvalid:
            pass
    return Read(*by_level(texts, lambda text: _number(text, meaning, unit, strict), pa.float64()))


def _typed(array: pa.Array, unit: float) -> Read:
    kind = array.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _finite(times(array.cast(pa.float64(), safe=False), unit))
    return numbers(as_text(array), unit=unit)


def times(values: pa.Array, factor: float) -> pa.Array:
    """Numbers times a factor, without the dust of binary fractions."""
    if factor == 1.0:
        return values
    given = values.to_numpy(zero_copy_only=False)
    product = given / round(1 / factor) if factor < 1 else given * factor
    return pa.array(np.round(product, 12 if factor < 1 else 6), mask=np.asarray(values.is_null()))


def _finite(values: pa.Array) -> Read:
    endless = np.asarray(pc.is_finite(values).fill_null(True)) == 0
    if endless.any():
        values = pc.if_else(pa.array(endless), pa.scalar(None, values.type), values)
    return Read(values, endless)


def _number(text: str, marks: Marks, unit: float, strict: bool) -> float | None:
    cell = _taken_apart(text)
    if cell is None or (strict and cell.letters):
        return None
    digits = _digits(cell.body, marks)
    if digits is None:
        return _compound(text, marks)
    value = float(Decimal(digits) * cell.factor * (1 if cell.has_unit else Decimal(str(unit))))
    return value if abs(value) <= _ENDLESS else None


def _taken_apart(text: str) -> _Written | None:
    plain = " ".join(half_width(text).split())
    found = _AMOUNT.fullmatch(plain)
    if found is None:
        return _Written("", Decimal(1), True, None, False) if _compound(text, Marks()) is not None else None
    part = found.groupdict()
    if bool(part["open"]) != bool(part["close"]) or (part["sign"] and (part["inner"] or part["open"])):
        return None
    currency = part["before"] or part["after"]
    if part["dash"] and currency not in _HOME:  # a minus behind, as some ledgers write it, or a price's end
        return None
    sign = part["sign"] or part["inner"]
    factor = Decimal(-1 if part["open"] or sign not in (None, "+") else 1)
    unit = part["unit"]
    if part["power"]:
        exponent = int(part["power"][1:])
        if abs(exponent) > 308 or COMMA in part["body"]:
            return None
        factor = factor.scaleb(exponent)
    if unit:
        factor *= _WORDS.get(unit) or _LETTERS[unit]
    return _Written(
        part["body"].strip(), factor, unit is not None, currency, bool(part["open"]) or unit in _LETTERS
    )


def _digits(body: str, marks: Marks) -> str | None:
    """Digits with at most one decimal point; None where the marks make no one number."""
    if _SPACED.fullmatch(body):
        body = re.sub(r"[ '’]", "", body)
        used = next((mark for mark in body if mark in _OTHER), None)
        if used in marks.groups_only:
            return None
        return body.replace(COMMA, POINT)
    if not body or re.search(r"[ '’]", body):
        return None
    given = [mark for mark in body if mark in _OTHER]
    if not given:
        return body
    last = given[-1]
    if len(set(given)) == 2:
        whole, _, rest = body.rpartition(last)
        return None if last in whole or last in marks.groups_only else _grouped(whole, marks, rest)
    if len(given) > 1:
        return _grouped(body, marks)
    if _BY_THREE.fullmatch(body) and last not in marks.decimal:
        return _grouped(body, marks)
    if last in marks.groups_only:
        return None
    return body.replace(COMMA, POINT)


def _grouped(body: str, marks: Marks, rest: str = "") -> str | None:
    mark = next(mark for mark in body if mark in _OTHER)
    if mark in marks.decimal_only or not (_BY_THREE.fullmatch(body) or _INDIAN.fullmatch(body)):
        return None
    return body.replace(mark, "") + POINT + (rest or "0")


def _compound(text: str, marks: Marks) -> float | None:
    """1億2,000万円: one number in several units."""
    found = _COMPOUND.fullmatch(half_width(text).replace(" ", ""))
    if found is None:
        return None
    parts = [
        (_digits(digits, marks), unit) for digits, unit in zip(found.groups(), _PARTS, strict=True) if digits
    ]
    if len(parts) < 2 or any(digits is None for digits, _ in parts):
        return None
    return float(sum((Decimal(digits or "0") * unit for digits, unit in parts), Decimal(0)))
