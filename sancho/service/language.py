"""In which language does this reader want an answer, and how is a value written in it?"""

from __future__ import annotations

import math
from datetime import date

from sancho.crm.i18n import LANGUAGES, Language


def negotiate(accept_language: str | None, default: Language) -> Language:
    """The language a reader likes best of those there are (RFC 9110 Accept-Language).

    >>> negotiate("fr, en-US;q=0.8, ja;q=0.7", "ja")
    'en'
    >>> negotiate(None, "ja")
    'ja'
    """
    if not accept_language:
        return default
    best, liked = default, 0.0
    for part in accept_language.split(","):
        name, _, weight = part.strip().partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            continue
        for lang in LANGUAGES:
            if name.strip().lower().split("-")[0] == lang and liked < quality <= 1:
                best, liked = lang, quality
    return best


def number_text(value: float, digits: int = 1) -> str:
    """A number with thousands separated and no useless zeros.

    >>> number_text(1234567.0), number_text(0.5), number_text(12.04)
    ('1,234,567', '0.5', '12')
    """
    if not math.isfinite(value):
        return "∞" if value > 0 else "-∞"
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def money_text(value: float, currency: str, lang: Language, short: bool = False) -> str:
    """An amount as people say it: 万円 and 億円 in Japanese yen; in short, millions as M.

    >>> money_text(12_300_000, "JPY", "ja"), money_text(12_300_000, "JPY", "en")
    ('1,230万円', 'JPY 12,300,000')
    >>> money_text(12_300_000, "JPY", "en", short=True)
    'JPY 12.3M'
    """
    if currency == "JPY" and lang == "ja":
        if abs(value) >= 1e8:
            return f"{number_text(value / 1e8, 2)}億円"
        if abs(value) >= 1e5:
            return f"{number_text(value / 1e4, 0)}万円"
        return f"{value:,.0f}円"
    if short and abs(value) >= 1e6:
        return f"{currency} {number_text(value / 1e6)}M"
    return f"{currency} {value:,.0f}"


def day_text(day: date, lang: Language) -> str:
    """A day.

    >>> day_text(date(2026, 11, 5), "ja"), day_text(date(2026, 11, 5), "en")
    ('2026年11月5日', '2026-11-05')
    """
    return f"{day.year}年{day.month}月{day.day}日" if lang == "ja" else day.isoformat()
