"""What is money in a request worth in the organisation's currency?"""

from __future__ import annotations

import math

from crm.errors import SanchoError
from crm.i18n import Text
from crm.money import Rates, currency_of


def given_currency(text: str | None, own: str) -> str:
    """The ISO code of the currency that a request names, the organisation's where it names none.

    Raises for a text that names no currency.
    """
    if text is None or not text.strip():
        return own
    code = currency_of(text)
    if code is None:
        raise SanchoError(
            Text(
                "通貨「{text}」がわかりません。USD のような3文字の通貨コードで指定してください。",
                "currency: {text!r} is not known; give a three-letter code such as USD.",
            ).format(text=text),
            "bad_currency",
        )
    return code


def rate_now(rates: Rates, currency: str | None) -> float:
    """The newest rate of a currency that a request names, 1 for the organisation's own.

    Raises where none is known: an assumption about an unknown amount has no answer.
    """
    own = rates.organisation.currency
    code = given_currency(currency, own)
    if code == own:
        return 1.0
    rate = float(rates.newest(code, 1)[0][0])
    if math.isnan(rate):
        raise SanchoError(
            Text(
                "{code}を{own}に換算する為替レート（rates、kind={kind}）が未登録です。"
                "レートを取り込むか、{own}の金額で指定してください。",
                "No exchange rate (table rates, kind={kind}) turns {code} into {own}; import one, or give "
                "the amount in {own}.",
            ).format(code=code, own=own, kind=rates.organisation.rate_kind),
            "missing_rate",
        )
    return rate
