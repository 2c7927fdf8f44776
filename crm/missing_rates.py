"""Which amounts are in no sum for lack of an exchange rate, in words?"""

from __future__ import annotations

from crm.conversion import ForeignMoney, Unconverted
from crm.i18n import Text
from crm.schema import TABLES

MISSING_RATE = "missing_rate"  # code of the warning
_MOST = 6  # named; the rest are counted


def missing_rates(money: ForeignMoney | None) -> list[tuple[str, Text]]:
    """The warning that names the totals left out of all sums; none where every amount has a rate."""
    if money is None or not money.unconverted:
        return []
    organisation, left_out = money.rates.organisation, money.unconverted
    named = [_named(each) for each in left_out[:_MOST]]
    if len(left_out) > _MOST:
        named.append(Text("ほか{n}件", "{n} more").format(n=len(left_out) - _MOST))
    other = {each.currency: each.kinds for each in left_out if each.kinds}
    only = [
        Text("{code}は {kinds} のレートだけがあります。", "Of {code} there are only {kinds} rates. ").format(
            code=code, kinds=", ".join(kinds)
        )
        for code, kinds in other.items()
        if organisation.rate_kind not in kinds
    ]
    text = Text(
        "換算できる為替レートがないため、次の金額はどの合計にも含めていません：{named}。"
        "為替レート（rates、kind={kind}）を取り込んでください。{only}"
        "組織の通貨が{own}でない場合は、組織の通貨を設定してください。",
        "Left out of all sums, for lack of an exchange rate at their date: {named}. "
        "Import rates (table rates, kind={kind}). {only}If the organisation's currency is not {own}, set it.",
    ).format(
        named=Text("、".join(each.ja for each in named), ", ".join(each.en for each in named)),
        kind=organisation.rate_kind,
        only=Text("".join(each.ja for each in only), "".join(each.en for each in only)),
        own=organisation.currency,
    )
    return [(MISSING_RATE, text)]


def _named(each: Unconverted) -> Text:
    label = TABLES[each.table].label
    return Text(
        f"{label.ja} {each.total:,.0f} {each.currency}（{each.rows:,}件）",
        f"{label.en} {each.total:,.0f} {each.currency} ({each.rows:,})",
    )
