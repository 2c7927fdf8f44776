"""Which KPIs are there? One row per KPI: the ten of sales management and their variants by selling style.

Custom KPIs are defined in sancho.toml (see `own`).
"""

from __future__ import annotations

from crm.i18n import Text
from crm.kpi_units import MONEY, SHARE
from features.kpis.definition import STYLES, Count, Kpi, Shape

# The outcomes by which CRMs record that a call reached somebody.
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
_NEW_DEALS = Text("新規商談", "new-business deals")
_EXISTING_DEALS = Text(
    "既存顧客の商談（アップセル・クロスセル・更新）",
    "deals with existing customers (upsell, cross-sell, renewal)",
)
_UPSELLS, _CROSS_SELLS = Text("アップセル商談", "upsell deals"), Text("クロスセル商談", "cross-sell deals")
_ROUTE, _INSIDE, _CONTRACTS = ("route",), ("inside",), ("route", "field")


def _won(
    name: str,
    ja: str,
    en: str,
    kinds: tuple[str, tuple[str, ...]],
    deals: Text,
    styles: tuple[str, ...] = STYLES,
) -> Kpi:
    meaning = Text("期間中に受注した{deals}の件数", "{deals} won in the period").format(deals=deals)
    return Kpi(name, Text(ja, en), meaning, _DEALS, Shape.COUNT, Count("deals.won", (kinds,)), styles=styles)


def _revenue(
    name: str, ja: str, en: str, kinds: tuple[str, tuple[str, ...]], deals: Text, styles: tuple[str, ...]
) -> Kpi:
    meaning = Text("期間中に受注した{deals}の金額の合計", "revenue from {deals} won in the period").format(
        deals=deals
    )
    count = Count("deals.won", (kinds,), total="amount")
    return Kpi(name, Text(ja, en), meaning, MONEY, Shape.AMOUNT, count, styles=styles)


def _reached(name: str, ja: str, en: str, stage: str, meaning: Text) -> Kpi:
    count = Count(f"deals.{stage}")
    styles = ("field", "route")
    return Kpi(name, Text(ja, en), meaning, _DEALS, Shape.COUNT, count, styles=styles, controllable=True)


def _activities(name: str, ja: str, en: str, kind: str, styles: tuple[str, ...]) -> Kpi:
    meaning = Text("期間中に記録された{what}の件数", "{what} recorded in the period").format(
        what=Text(ja.removesuffix("件数"), en.lower())
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
    _revenue("new_revenue", "新規受注額", "New-business revenue", _NEW, _NEW_DEALS, ("field", "inside")),
    _revenue(
        "existing_revenue", "既存受注額", "Existing-customer revenue", _EXISTING, _EXISTING_DEALS, _ROUTE
    ),
    _won("new_won_deals", "新規受注件数", "New-business deals won", _NEW, _NEW_DEALS, ("field", "inside")),
    _won(
        "existing_won_deals",
        "既存受注件数",
        "Existing-customer deals won",
        _EXISTING,
        _EXISTING_DEALS,
        _ROUTE,
    ),
    _won("upsell_deals", "アップセル件数", "Upsell deals won", ("deal_type", ("upsell",)), _UPSELLS, _ROUTE),
    _won(
        "cross_sell_deals",
        "クロスセル件数",
        "Cross-sell deals won",
        ("deal_type", ("cross_sell",)),
        _CROSS_SELLS,
        _ROUTE,
    ),
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
        "Meetings from leads",
        "leads.meeting",
        Text("期間中に商談となったリードの件数", "leads that became a meeting in the period"),
    ),
    Kpi(
        "meeting_rate",
        Text("商談化率", "Lead-to-meeting rate"),
        Text(
            "期間中に獲得したリードのうち、これまでに商談となった割合",
            "share of the leads of the period that have become a meeting by now",
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
    _activities("visits", "訪問件数", "Visits", "visit", ("field", "route")),
    _reached(
        "first_visits",
        "初回訪問件数",
        "First visits",
        "first_visit",
        Text("期間中に初回訪問を行った商談の件数", "deals with a first visit in the period"),
    ),
    _reached(
        "proposals",
        "提案件数",
        "Proposals",
        "proposal",
        Text("期間中に初めて提案に至った商談の件数", "deals that first reached a proposal in the period"),
    ),
    _reached(
        "closings",
        "クロージング件数",
        "Deals in closing",
        "closing",
        Text(
            "期間中に初めてクロージングに至った商談の件数", "deals that first reached closing in the period"
        ),
    ),
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
            "share of the renewal deals closed in the period that were won",
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
        Text("1社あたり年間購買見込み", "Expected yearly purchases per customer"),
        Text(
            "取引先1社が今後1年に購入する金額の見込み（過去の購買履歴からの推計）",
            "what a customer is expected to buy in the coming year, estimated from past purchases",
        ),
        MONEY,
        Shape.REPEAT,
        Count("deals.won", total="amount", distinct="account_id"),
        styles=_CONTRACTS,
    ),
    _activities("calls", "電話件数", "Calls", "call", _INSIDE),
    _activities("emails", "メール件数", "Emails", "email", _INSIDE),
    Kpi(
        "contact_rate",
        Text("通電率", "Connect rate"),
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
        "Leads handed over",
        "leads.handed",
        Text("期間中に他の担当者へ引き継いだリードの件数", "leads handed over to another rep in the period"),
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
