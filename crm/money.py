"""What is an amount worth in the organisation's currency, and in which currency is it written?"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.frames import micros
from crm.organisation import Organisation
from crm.organisation_values import CURRENCIES

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

# How people write them; what names several currencies (kr, ルピー, peso) is left out.
_WRITTEN: Mapping[str, tuple[str, ...]] = {
    "JPY": ("円", "日本円", "¥", "jp¥", "yen", "japanese yen"),
    "USD": ("$", "us$", "usd$", "$us", "ドル", "米ドル", "米国ドル", "アメリカドル", "us dollar",
            "us dollars", "u.s. dollar", "u.s. dollars", "dollar", "dollars"),
    "EUR": ("€", "ユーロ", "euro", "euros"),
    "GBP": ("£", "ポンド", "英ポンド", "英国ポンド", "pound sterling", "british pound"),
    "CNY": ("元", "人民元", "中国元", "人民币", "rmb", "cn¥", "yuan"),
    "KRW": ("₩", "ウォン", "韓国ウォン", "won"),
    "TWD": ("nt$", "台湾ドル", "新台湾ドル"),
    "HKD": ("hk$", "香港ドル"),
    "SGD": ("s$", "sg$", "シンガポールドル"),
    "AUD": ("a$", "au$", "豪ドル", "オーストラリアドル"),
    "NZD": ("nz$", "ニュージーランドドル"),
    "CAD": ("c$", "ca$", "カナダドル"),
    "CHF": ("スイスフラン", "swiss franc"),
    "INR": ("₹", "インドルピー"),
    "IDR": ("rp", "ルピア", "インドネシアルピア"),
    "THB": ("฿", "バーツ", "タイバーツ", "baht"),
    "VND": ("₫", "ドン", "ベトナムドン"),
    "PHP": ("₱", "フィリピンペソ"),
    "MYR": ("rm", "リンギット"),
    "BRL": ("r$", "レアル", "ブラジルレアル"),
    "MXN": ("mx$", "メキシコペソ"),
}  # fmt: skip
_CODE_OF = {text: code for code, texts in _WRITTEN.items() for text in texts}
# What an amount holds beside its mark: digits, their marks, signs, and Japanese units of ten thousand.
_NO_MARK = re.compile(r"[\d\s.,'’_()+\-−‐–△▲千百万億兆]+")


def currency_of(text: str) -> str | None:
    """The ISO code of the currency that a text names; None where it names none, or not one alone.

    >>> [currency_of(text) for text in ("usd", "US$", "￥", "円", "ユーロ", "千円", "YEN", "XYZ")]
    ['USD', 'USD', 'JPY', 'JPY', 'EUR', None, 'JPY', None]
    """
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    code = plain.upper()
    return code if code in CURRENCIES else _CODE_OF.get(plain)


def currency_in(amount: str) -> str | None:
    """The currency that is written beside an amount, None where none is.

    >>> [currency_in(text) for text in ("US$1,200", "120万円", "1 200,50 EUR", "1200", "▲¥5", "5 boxes")]
    ['USD', 'JPY', 'EUR', None, 'JPY', None]
    """
    plain = unicodedata.normalize("NFKC", amount)
    mark = _NO_MARK.sub(" ", plain).strip()
    return currency_of(mark) if mark else None


@dataclass(frozen=True)
class Rates:
    """Exchange rates as known at a moment: units of the organisation's currency for one of another.

    `known` has, by currency, since when each rate holds (ascending microseconds UTC) and the rate; only
    those of the kind that counts for the organisation. `kinds` are all kinds there are of each currency.
    """

    organisation: Organisation
    zone: ZoneInfo
    moment: int
    known: Mapping[str, tuple[Ints, Floats]] = field(default_factory=dict)
    kinds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, table: pd.DataFrame, organisation: Organisation, moment: int, zone: ZoneInfo) -> Rates:
        """From the rows of `rates`; those that hold only from the moment on, or later, are not known."""
        at, rate = micros(table["at"]), table["rate"].to_numpy(np.float64)
        code = table["currency"].astype(object).map(_code, na_action="ignore").to_numpy(object)
        kind = table["kind"].astype(object).fillna("market").to_numpy(object)
        usable = (at < moment) & (rate > 0)
        known, kinds = {}, {}
        for name in sorted({str(each) for each in code[usable]}):
            of_currency = usable & (code == name)
            kinds[name] = tuple(sorted(set(kind[of_currency])))
            rows = np.flatnonzero(of_currency & (kind == organisation.rate_kind))
            rows = rows[np.argsort(at[rows], kind="stable")]
            if len(rows):
                known[name] = (at[rows], rate[rows])
        return cls(organisation, zone, moment, known, kinds)

    def newest(self, currency: str, size: int) -> tuple[Floats, Ints]:
        """The newest rate (size,) and since when it holds; NaN where none is known."""
        return self._before(currency, np.full(size, self.moment))

    def of_days(self, currency: str, at: Ints) -> tuple[Floats, Ints]:
        """The rate of the day of each instant (n,): the last that held on it, in the organisation's zone."""
        days = pd.DatetimeIndex(at.view("datetime64[us]")).tz_localize("UTC").tz_convert(self.zone)
        ends = (days.normalize() + pd.DateOffset(days=1)).tz_convert("UTC").tz_localize(None)
        return self._before(currency, np.minimum(ends.to_numpy("datetime64[us]").view(np.int64), self.moment))

    def _before(self, currency: str, end: Ints) -> tuple[Floats, Ints]:
        """The newest rate that held strictly before each instant (n,), and since when."""
        since, rate = self.known.get(currency, (np.zeros(0, np.int64), np.zeros(0)))
        if not len(since):
            return np.full(len(end), np.nan), np.zeros(len(end), np.int64)
        row = np.searchsorted(since, end, side="left") - 1
        return np.where(row >= 0, rate[row], np.nan), np.where(row >= 0, since[row], 0)


def _code(text: object) -> str:
    return currency_of(str(text)) or str(text)


def foreign_codes(column: pd.Series, own: str) -> dict[str, NDArray[np.bool_]]:
    """The rows (n,) of each currency of a column that is not the organisation's; blank is the organisation's.

    What names no currency is one that has no rate.
    """
    if not isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype("category")
    meant = np.array([_code(name) if str(name).strip() else own for name in column.cat.categories], object)
    foreign = sorted(set(meant) - {own})
    if not foreign:
        return {}
    codes = column.cat.codes.to_numpy()
    of_code = {name: np.append(meant == name, False)[codes] for name in foreign}
    return {name: mask for name, mask in of_code.items() if mask.any()}
