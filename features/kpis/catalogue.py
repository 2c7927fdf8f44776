"""Which KPIs are there? One row per KPI: the ten of sales management and their variants by selling style.

Whoever needs another defines it in sancho.toml (see `own`).
"""

from __future__ import annotations

from crm.i18n import Text
from features.kpis.definition import MONEY, SHARE, STYLES, Count, Kpi, Shape

# What CRMs call a call that reached somebody.
CONNECTED = ("接続", "通話", "担当者接続", "アポ獲得", "connected", "Connected", "answered", "Answered")

_DEALS = Text("件", "deals")
_LEADS = Text("件", "leads")
_TIMES = Text("件", "times")
_WON, _CLOSED = Count("deals.won"), Count("deals.closed")
_CUSTOMERS = Count("contracts.started", distinct="account_id")
_MONTHLY = Count("contracts.started", total="monthly_amount")
_NEW, _EXISTING = ("deal_type", ("new",)), ("deal_type", ("upsell", "cross_sell", "renewal"))
_RENEWAL = ("deal_type", ("renewal",))
_CALL = ("kind", ("call",))
_ROUTE, _INSIDE, _CONTRACTS = ("route",), ("inside",), ("route", "field")


def _won(
    name: str, ja: str, en: str, kinds: tuple[str, tuple[str, ...]], styles: tuple[str, ...] = STYLES
) -> Kpi:
    meaning = Text("期間中に受注した商談のうち、該当する種別の件数", "deals of that type won in the period")
    return Kpi(name, Text(ja, en), meaning, _DEALS, Shape.COUNT, Count("deals.won", (kinds,)), styles=styles)


def _brought(name: str, ja: str, en: str, kinds: tuple[str, tuple[str, ...]], styles: tuple[str, ...]) -> Kpi:
    meaning = Text(
        "期間中に受注した商談のうち、該当する種別の金額の合計",
        "amount of the deals of that type won in the period",
    )
    count = Count("deals.won", (kinds,), total="amount")
    return Kpi(name, Text(ja, en), meaning, MONEY, Shape.AMOUNT, count, styles=styles)


def _reached(name: str, ja: str, en: str, what: Text) -> Kpi:
    meaning = Text("期間中に初めて{what}に達した商談の件数", "deals that first reached {what} in the period")
    count = Count(f"deals.{what.en}")
    styles = ("field", "route")
    words = meaning.format(what=Text(what.ja, what.en.replace("_", " ")))
    return Kpi(name, Text(ja, en), words, _DEALS, Shape.COUNT, count, styles=styles, controllable=True)


def _done(name: str, ja: str, en: str, kind: str, styles: tuple[str, ...]) -> Kpi:
    meaning = Text("期間中に記録された{what}の件数", "{what} recorded in the period").format(
        what=Text(ja, en.lower())
    )
    count = Count("activities", (("kind", (kind,)),))
    return Kpi(name, Text(ja, en), meaning, _TIMES, Shape.COUNT, count, styles=styles, controllable=True)


def _lead(name: str, ja: str, en: str, of: str, meaning: Text) -> Kpi:
    styles, count = ("inside", "field"), Count(of)
    label = Text(ja, en)
    return Kpi(name, label, meaning, _LEADS, Shape.COUNT, count, styles=styles, controllable=True)


KPIS: tuple[Kpi, ...] = (
    Kpi(
        "revenue",
        Text("受注額", "Revenue"),
        Text("期間中に受注した商談の金額の合計", "amount of the deals won in the period"),
        MONEY,
        Shape.AMOUNT,
        Count("deals.won", total="amount"),
    ),
    Kpi(
        "won_deals",
        Text("受注件数", "Deals won"),
        Text("期間中に受注した商談の件数", "deals won in the period"),
        _DEALS,
        Shape.COUNT,
        _WON,
    ),
    _brought("new_revenue", "新規受注額", "New-business revenue", _NEW, ("field", "inside")),
    _brought("existing_revenue", "既存受注額", "Existing-customer revenue", _EXISTING, _ROUTE),
    _won("new_won_deals", "新規受注件数", "New-business deals won", _NEW, ("field", "inside")),
    _won("existing_won_deals", "既存受注件数", "Existing-customer deals won", _EXISTING, _ROUTE),
    _won("upsell_deals", "アップセル件数", "Upsells won", ("deal_type", ("upsell",)), _ROUTE),
    _won("cross_sell_deals", "クロスセル件数", "Cross-sells won", ("deal_type", ("cross_sell",)), _ROUTE),
    Kpi(
        "win_rate",
        Text("受注率", "Win rate"),
        Text(
            "期間中に決着した商談のうち受注した割合", "share of the deals closed in the period that were won"
        ),
        SHARE,
        Shape.RATE,
        _WON,
        per=_CLOSED,
    ),
    Kpi(
        "revenue_per_customer",
        Text("顧客単価", "Revenue per customer"),
        Text("受注額 ÷ 受注した取引先の数", "revenue divided by the accounts that bought"),
        MONEY,
        Shape.MEAN,
        Count("deals.won", total="amount"),
        per=Count("deals.won", distinct="account_id"),
    ),
    Kpi(
        "deal_size",
        Text("受注単価", "Deal size"),
        Text("受注額 ÷ 受注件数", "revenue divided by deals won"),
        MONEY,
        Shape.MEAN,
        Count("deals.won", total="amount"),
        per=_WON,
    ),
    Kpi(
        "arpu",
        Text("月間契約単価（ARPU）", "ARPU"),
        Text("契約中の月額の合計 ÷ 契約中の取引先の数", "monthly amount under contract divided by customers"),
        MONEY,
        Shape.LEVEL,
        _MONTHLY,
        per=_CUSTOMERS,
        styles=_CONTRACTS,
    ),
    _lead(
        "meetings",
        "商談化数",
        "Leads to meetings",
        "leads.meeting",
        Text("期間中に商談となったリードの件数", "leads that came to a meeting in the period"),
    ),
    Kpi(
        "meeting_rate",
        Text("商談化率", "Lead-to-meeting rate"),
        Text(
            "期間中に獲得したリードのうち、これまでに商談となった割合",
            "share of the leads of the period that have come to a meeting by now",
        ),
        SHARE,
        Shape.COHORT,
        Count("leads.created", reached="meeting_at"),
        styles=("inside", "field"),
        controllable=True,
    ),
    _lead(
        "qualified",
        "案件化数",
        "Leads qualified",
        "leads.qualified",
        Text("期間中に案件となったリードの件数", "leads qualified in the period"),
    ),
    Kpi(
        "qualification_rate",
        Text("案件化率", "Qualification rate"),
        Text(
            "期間中に商談となったリードのうち、これまでに案件となった割合",
            "share of the leads met in the period that have been qualified by now",
        ),
        SHARE,
        Shape.COHORT,
        Count("leads.meeting", reached="qualified_at"),
        styles=("inside", "field"),
        controllable=True,
    ),
    Kpi(
        "effective_meetings",
        Text("有効商談数", "Effective meetings"),
        Text("期間中に有効商談と記録された活動の件数", "activities of the period recorded as effective"),
        _TIMES,
        Shape.COUNT,
        Count("activities", (("effective", ("true",)),)),
        controllable=True,
    ),
    _lead(
        "appointments",
        "アポイント件数",
        "Appointments",
        "leads.appointment",
        Text("期間中にアポイントを獲得したリードの件数", "leads with an appointment made in the period"),
    ),
    _done("visits", "訪問件数", "Visits", "visit", ("field", "route")),
    _reached("first_visits", "初回訪問件数", "First visits", Text("初回訪問", "first_visit")),
    _reached("proposals", "提案件数", "Proposals", Text("提案", "proposal")),
    _reached("closings", "クロージング件数", "Deals in closing", Text("クロージング", "closing")),
    _lead(
        "leads",
        "リード獲得数",
        "Leads",
        "leads.created",
        Text("期間中に獲得したリードの件数", "leads created in the period"),
    ),
    Kpi(
        "new_deals",
        Text("新規商談数", "Deals created"),
        Text("期間中に作成した商談の件数", "deals created in the period"),
        _DEALS,
        Shape.COUNT,
        Count("deals.created"),
        controllable=True,
    ),
    Kpi(
        "churn_rate",
        Text("解約率", "Churn rate"),
        Text(
            "期首に契約中だった取引先のうち、期間中に契約がなくなった割合",
            "share of the customers at the period's start that have no contract at its end",
        ),
        SHARE,
        Shape.CHURN,
        _CUSTOMERS,
        styles=_CONTRACTS,
        lower_is_better=True,
    ),
    Kpi(
        "renewal_rate",
        Text("更新率", "Renewal rate"),
        Text(
            "期間中に決着した更新商談のうち受注した割合",
            "share of the renewals closed in the period that were won",
        ),
        SHARE,
        Shape.RATE,
        Count("deals.won", (_RENEWAL,)),
        per=Count("deals.closed", (_RENEWAL,)),
        styles=_ROUTE,
        controllable=True,
    ),
    Kpi(
        "ltv",
        Text("顧客生涯価値（LTV）", "Customer lifetime value"),
        Text("月間契約単価 ÷ 過去1年の月次解約率", "ARPU divided by the past year's monthly churn rate"),
        MONEY,
        Shape.LIFETIME,
        _MONTHLY,
        per=_CUSTOMERS,
        styles=_CONTRACTS,
    ),
    Kpi(
        "repeat_value",
        Text("顧客の年間期待購買額", "Expected yearly purchases of a customer"),
        Text(
            "過去の購買履歴（BG/NBD・Gamma-Gammaモデル）から見た、取引先1社が今後1年に購入する金額の期待値",
            "what an account is expected to buy in the coming year (BG/NBD, Gamma-Gamma)",
        ),
        MONEY,
        Shape.REPEAT,
        Count("deals.won", total="amount", distinct="account_id"),
        styles=_CONTRACTS,
    ),
    _done("calls", "電話件数", "Calls", "call", _INSIDE),
    _done("emails", "メール件数", "E-mails", "email", _INSIDE),
    Kpi(
        "contact_rate",
        Text("通電率", "Contact rate"),
        Text(
            "期間中の電話のうち相手につながった割合", "share of the calls of the period that reached somebody"
        ),
        SHARE,
        Shape.RATE,
        Count("activities", (_CALL, ("outcome", CONNECTED))),
        per=Count("activities", (_CALL, ("outcome", ("*",)))),
        styles=_INSIDE,
        controllable=True,
    ),
    Kpi(
        "lead_contact_rate",
        Text("リード接触率", "Lead contact rate"),
        Text(
            "期間中に獲得したリードのうち、これまでに接触した割合",
            "share of the leads of the period that have been contacted by now",
        ),
        SHARE,
        Shape.COHORT,
        Count("leads.created", reached="contacted_at"),
        styles=_INSIDE,
        controllable=True,
    ),
    _lead(
        "handovers",
        "トスアップ件数",
        "Hand-overs",
        "leads.handed",
        Text(
            "期間中に他の担当者へ引き継いだリードの件数", "leads handed over to another seller in the period"
        ),
    ),
    Kpi(
        "handover_win_rate",
        Text("トスアップ後受注率", "Win rate after hand-over"),
        Text(
            "引き継いだリードの商談のうち、期間中に決着して受注した割合",
            "share of the deals of leads handed over, closed in the period, that were won",
        ),
        SHARE,
        Shape.RATE,
        Count("leads.closed", (("deal_outcome", ("won",)),)),
        per=Count("leads.closed"),
        styles=_INSIDE,
    ),
)
