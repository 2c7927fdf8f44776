"""Which features does a deal have? One entry per feature: name, label, unit, group, controllable or not.

Dashboard, explanations, docs and model card read this list; the kernels that compute the features find their
column here by name. What is the same for all deals of a day (month, the market's win rate) is not a deal
feature: it has as many observations as there were days. The calendar of a horizon is in `horizon`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from crm.i18n import Text

Group = Literal[
    "deal", "stage", "amount", "close_date", "activity", "seller", "account", "lead", "calendar", "custom"
]
Scale = Literal["plain", "log", "log1p"]


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature of a deal as of a moment.

    `unit` is that of the value after undoing `scale`: a "log" value v reads as exp(v), a "log1p" value as
    exp(v) - 1 (money, and ratios to the usual). `controllable`: the deal's seller can change it by their
    next actions. `monotone`: +1 / -1 where more can only be good / bad for winning. A "category" is a
    code into `levels` under the feature's name. `reads`: the columns it is computed from, so
    that a leak found in a column removes every feature that reads it.
    """

    name: str
    label: Text
    unit: Text
    group: Group
    controllable: bool = False
    monotone: int = 0
    kind: Literal["number", "category"] = "number"
    scale: Scale = "plain"
    reads: tuple[str, ...] = ()


GROUPS: dict[Group, Text] = {
    "deal": Text("商談の属性", "Deal"),
    "stage": Text("ステージと進み方", "Stage and pace"),
    "amount": Text("金額", "Amount"),
    "close_date": Text("受注予定日", "Close date"),
    "activity": Text("活動", "Activity"),
    "seller": Text("担当者", "Rep"),
    "account": Text("取引先", "Account"),
    "lead": Text("リード", "Lead"),
    "calendar": Text("暦", "Calendar"),
    "custom": Text("独自項目", "Custom attributes"),
}

_NONE = Text("", "")
_DAYS = Text("日", "days")
_TIMES = Text("回", "times")
_COUNT = Text("件", "count")
_PEOPLE = Text("人", "people")
_MONEY = Text("通貨単位", "currency units")
_RATIO = Text("倍", "times as much")
_SHARE = Text("割合（0〜1）", "share, 0 to 1")

_STAGE, _AMOUNT, _CLOSE = "deals.stage", "deals.amount", "deals.expected_close_date"
_OWNER, _ACCOUNT, _PRODUCT = "deals.owner_id", "deals.account_id", "deals.product"


def _category(name: str, ja: str, en: str, group: Group, *reads: str) -> Feature:
    return Feature(name, Text(ja, en), _NONE, group, kind="category", reads=reads)


def _number(
    name: str,
    ja: str,
    en: str,
    unit: Text,
    group: Group,
    *reads: str,
    own: bool = False,
    monotone: int = 0,
    scale: Scale = "plain",
) -> Feature:
    return Feature(name, Text(ja, en), unit, group, own, monotone, "number", scale, reads)


_DEAL = (
    _category("deal_type", "商談種別", "Deal type", "deal", "deals.deal_type"),
    _category("source", "流入元", "Source", "deal", "deals.source"),
    _category("product", "商品", "Product", "deal", _PRODUCT),
    _number("age_days", "商談作成からの日数", "Days since the deal was created", _DAYS, "deal"),
)

_PACE = (
    _category("stage", "ステージ", "Stage", "stage", _STAGE),
    _number("stage_position", "ステージの順番", "Position of the stage", Text("番目", "position"), "stage",
            _STAGE),
    _number("days_in_stage", "現ステージの経過日数", "Days in the current stage", _DAYS, "stage", _STAGE,
            own=True),
    _number("stage_days_vs_usual", "現ステージの経過日数（通常比）",
            "Days in the current stage vs usual", _RATIO, "stage", _STAGE, own=True, scale="log"),
    _number("longest_stage_days", "最も長かったステージの経過日数", "Longest time in one stage", _DAYS,
            "stage", _STAGE),
    _number("stage_moves", "ステージの変更回数", "Stage changes", _TIMES, "stage", _STAGE),
    _number("stage_moves_back", "ステージの後戻り回数", "Moves back to an earlier stage", _TIMES, "stage",
            _STAGE),
    _number("days_per_stage", "1ステージ進むのにかかった平均日数", "Average days per stage gained", _DAYS,
            "stage", _STAGE),
    _number("age_vs_won", "商談の経過日数（受注商談の平均的な期間比）",
            "Age vs the usual days to win", _RATIO, "stage", scale="log"),
    _number("reopened", "決着後に再開した回数", "Times reopened after closing", _TIMES, "stage", _STAGE),
)  # fmt: skip

_MONEY_FEATURES = (
    _number("amount", "金額", "Amount", _MONEY, "amount", _AMOUNT, scale="log1p"),
    _number("amount_vs_product", "金額（同じ商品の通常額比）", "Amount vs the usual amount of the product",
            _RATIO, "amount", _AMOUNT, _PRODUCT, scale="log"),
    _number("amount_vs_seller", "金額（担当者の通常額比）", "Amount vs the rep's usual amount",
            _RATIO, "amount", _AMOUNT, _OWNER, scale="log"),
    _number("amount_vs_first", "金額（当初の金額比）", "Amount vs the first amount", _RATIO, "amount",
            _AMOUNT, own=True, scale="log"),
    _number("amount_last_change", "直近の金額変更の大きさ", "Size of the last change of amount", _RATIO,
            "amount", _AMOUNT, own=True, scale="log"),
    _number("amount_changes", "金額の変更回数", "Changes of amount", _TIMES, "amount", _AMOUNT),
    _number("amount_cuts", "金額の引き下げ回数", "Cuts of the amount", _TIMES, "amount", _AMOUNT, own=True),
    _number("days_since_amount_change", "直近の金額変更からの日数", "Days since the amount changed", _DAYS,
            "amount", _AMOUNT),
)  # fmt: skip

_CLOSE_DATE = (
    _number("days_to_close_date", "受注予定日までの日数", "Days to the expected close date", _DAYS,
            "close_date", _CLOSE, own=True),
    _number("days_past_due", "受注予定日からの超過日数", "Days past the expected close date", _DAYS,
            "close_date", _CLOSE, own=True),
    _number("close_date_pushes", "受注予定日の後ろ倒し回数", "Times the close date was pushed back", _TIMES,
            "close_date", _CLOSE),
    _number("close_date_pushed_days", "受注予定日の後ろ倒し日数の合計", "Total days pushed back", _DAYS,
            "close_date", _CLOSE),
    _number("close_date_pulls", "受注予定日の前倒し回数", "Times the close date was pulled in", _TIMES,
            "close_date", _CLOSE),
    _number("close_date_slip", "当初の受注予定日からのずれ",
            "Days from the first close date to the current one", _DAYS, "close_date", _CLOSE),
    _number("days_since_close_date_change", "受注予定日を最後に変更してからの日数",
            "Days since the close date changed", _DAYS, "close_date", _CLOSE),
    _number("planned_cycle_vs_usual", "予定の商談期間（受注商談の平均的な期間比）",
            "Planned days to win vs the usual", _RATIO, "close_date", _CLOSE, scale="log"),
)  # fmt: skip

_CALENDAR = (
    _number("close_date_to_quarter_end", "受注予定日からその四半期末までの日数",
            "Days from the expected close date to the end of its quarter", _DAYS, "calendar", _CLOSE),
    _number("close_date_to_fiscal_end", "受注予定日からその年度末までの日数",
            "Days from the expected close date to the end of its fiscal year", _DAYS, "calendar", _CLOSE),
)  # fmt: skip


def _activity(name: str, ja: str, en: str, unit: Text, *reads: str, own: bool = True) -> Feature:
    return _number(name, ja, en, unit, "activity", *(f"activities.{column}" for column in reads), own=own)


_ACTIVITY = (
    _activity("activities_7d", "直近7日間の活動件数", "Activities in the last 7 days", _COUNT),
    _activity("activities_30d", "直近30日間の活動件数", "Activities in the last 30 days", _COUNT),
    _activity("activities_90d", "直近90日間の活動件数", "Activities in the last 90 days", _COUNT),
    _activity("activities", "これまでの活動件数", "Activities so far", _COUNT),
    _activity("activity_trend", "活動件数の増減（直近30日と、その前の30日の差）",
              "Activities in the last 30 days less the 30 days before", _COUNT),
    _activity("calls_30d", "直近30日間の電話件数", "Calls in the last 30 days", _COUNT, "kind"),
    _activity("emails_30d", "直近30日間のメール件数", "Emails in the last 30 days", _COUNT, "kind"),
    _activity("meetings_30d", "直近30日間の面談件数（訪問・Web商談・デモ）",
              "Meetings in the last 30 days (visits, web meetings, demos)", _COUNT, "kind"),
    _activity("calls", "これまでの電話件数", "Calls so far", _COUNT, "kind"),
    _activity("emails", "これまでのメール件数", "Emails so far", _COUNT, "kind"),
    _activity("visits", "これまでの訪問件数", "Visits so far", _COUNT, "kind"),
    _activity("web_meetings", "これまでのWeb商談件数", "Web meetings so far", _COUNT, "kind"),
    _activity("demos", "これまでのデモ件数", "Demos so far", _COUNT, "kind"),
    _activity("proposals", "これまでの提案件数", "Proposals so far", _COUNT, "kind"),
    _activity("quotes", "これまでの見積提示件数", "Quotes so far", _COUNT, "kind"),
    _activity("follow_ups", "これまでのフォロー件数", "Follow-ups so far", _COUNT, "kind"),
    _activity("seminars", "これまでのセミナー案内・参加件数", "Seminars so far", _COUNT, "kind"),
    _activity("materials", "これまでに送付・提示した資料の件数", "Materials sent or shown so far", _COUNT,
              "kind", "material"),
    _activity("days_since_activity", "最後の活動からの日数", "Days since the last activity", _DAYS),
    _activity("days_since_call", "最後の電話からの日数", "Days since the last call", _DAYS, "kind"),
    _activity("days_since_meeting", "最後の面談からの日数", "Days since the last meeting", _DAYS, "kind"),
    _activity("days_since_proposal", "最後の提案からの日数", "Days since the last proposal", _DAYS, "kind"),
    _activity("days_since_quote", "最後の見積提示からの日数", "Days since the last quote", _DAYS, "kind"),
    _activity("days_since_material", "最後の資料送付からの日数", "Days since material was last sent", _DAYS,
              "kind", "material"),
    _activity("inbound", "お客様からの連絡件数", "Contacts made by the customer", _COUNT, "direction",
              own=False),
    _activity("inbound_30d", "直近30日間のお客様からの連絡件数",
              "Contacts made by the customer in the last 30 days", _COUNT, "direction", own=False),
    _activity("inbound_share", "活動のうちお客様からの連絡の割合", "Share of contacts made by the customer",
              _SHARE, "direction", own=False),
    _activity("days_since_inbound", "お客様からの最後の連絡からの日数",
              "Days since the customer last made contact", _DAYS, "direction", own=False),
    _activity("effective_meetings", "有効商談の件数", "Effective meetings (needs heard)", _COUNT,
              "effective"),
    _activity("days_since_effective", "最後の有効商談からの日数",
              "Days since the last effective meeting", _DAYS, "effective"),
    _activity("people_involved", "関わった社内の人数", "Colleagues involved", _PEOPLE, "actor_id"),
    _activity("manager_meetings", "上司が同席した面談の件数", "Meetings with a manager", _COUNT, "kind",
              "actor_id"),
    _activity("minutes", "商談に使った時間の合計", "Total minutes spent", Text("分", "minutes"), "minutes"),
    _category("last_outcome", "直近の活動の結果", "Outcome of the last activity", "activity",
              "activities.outcome"),
    _activity("gap_days", "活動の平均的な間隔", "Usual gap between activities on this deal", _DAYS),
    _number("silence_vs_seller", "活動の空白期間（担当者の通常の間隔比）",
            "Days without activity vs the rep's usual gap", _RATIO, "activity", _OWNER, own=True,
            scale="log"),
    _activity("created_to_meeting_days", "商談作成から初回面談までの日数",
              "Days from creation to the first meeting", _DAYS, "kind"),
    _activity("meeting_to_proposal_days", "初回面談から提案までの日数",
              "Days from the first meeting to the proposal", _DAYS, "kind"),
    _activity("proposal_to_quote_days", "提案から見積提示までの日数", "Days from the proposal to the quote",
              _DAYS, "kind"),
)  # fmt: skip


def _seller(
    name: str, ja: str, en: str, unit: Text, own: bool = False, monotone: int = 0, scale: Scale = "plain"
) -> Feature:
    return _number(name, ja, en, unit, "seller", _OWNER, own=own, monotone=monotone, scale=scale)


_SELLER = (
    _category("seller_style", "担当者の営業スタイル", "Rep's style", "seller", _OWNER, "people.style"),
    _category("seller_team", "担当者のチーム", "Rep's team", "seller", _OWNER, "people.team_id"),
    _seller("seller_win_rate", "担当者の受注率（それまでの実績）", "Rep's win rate so far", _SHARE,
            monotone=1),
    _seller("seller_closed", "担当者がそれまでに決着させた商談数", "Deals the rep has closed so far",
            _COUNT),
    _seller("seller_won_90d", "担当者の直近90日間の受注件数", "Deals the rep won in the last 90 days",
            _COUNT),
    _seller("seller_cycle_days", "担当者の平均的な受注リードタイム（日）", "Rep's usual days to win", _DAYS),
    _seller("seller_load", "担当者の他の手持ち商談数", "Rep's other open deals", _COUNT),
    _seller("seller_new_30d", "担当者の直近30日間の新規担当商談数",
            "Deals the rep took on in the last 30 days", _COUNT),
    _seller("seller_tenure_days", "担当者の在籍日数", "Rep's days in the organisation", _DAYS),
    _seller("seller_activities_30d", "担当者の直近30日間の活動件数（他の商談）",
            "Rep's activities on other deals in the last 30 days", _COUNT),
    _seller("seller_activities_per_deal", "担当者の商談1件あたりの活動件数（直近30日、他の商談）",
            "Rep's activities per other open deal in the last 30 days", _COUNT),
    _seller("seller_gap_days", "担当者の活動の通常の間隔",
            "Rep's usual gap between activities on a deal", _DAYS),
    _seller("owner_changes", "担当者の交代回数", "Changes of owner", _TIMES),
    _seller("days_with_owner", "現担当者になってからの日数", "Days with the current owner", _DAYS),
)  # fmt: skip


def _account(name: str, ja: str, en: str, unit: Text, scale: Scale = "plain") -> Feature:
    return _number(name, ja, en, unit, "account", _ACCOUNT, scale=scale)


_ACCOUNTS = (
    _category("industry", "業種", "Industry", "account", _ACCOUNT, "accounts.industry"),
    _category("region", "地域", "Region", "account", _ACCOUNT, "accounts.region"),
    _number("employees", "従業員数", "Employees", _PEOPLE, "account", _ACCOUNT, "accounts.employees",
            scale="log1p"),
    _account("account_age_days", "取引先登録からの日数", "Days since the account was entered", _DAYS),
    _account("account_won", "取引先の過去の受注件数", "Deals won with the account before", _COUNT),
    _account("account_lost", "取引先の過去の失注件数", "Deals lost with the account before", _COUNT),
    _account("account_win_rate", "取引先の受注率（それまでの実績）", "Account's win rate so far", _SHARE),
    _account("days_since_account_won", "取引先の前回受注からの日数", "Days since the account was last won",
             _DAYS),
    _account("days_since_account_lost", "取引先の前回失注からの日数", "Days since the account was last lost",
             _DAYS),
    _account("account_open_deals", "取引先の他の進行中商談数", "Other open deals with the account", _COUNT),
    _account("contracts", "取引先の現在の契約数", "Current contracts of the account", _COUNT),
    _account("contracts_ended", "取引先の終了した契約数", "Contracts of the account that have ended", _COUNT),
    _account("monthly_amount", "取引先の現在の契約月額", "Current monthly amount of the account", _MONEY,
             scale="log1p"),
)  # fmt: skip


def _lead(name: str, ja: str, en: str, unit: Text) -> Feature:
    return _number(name, ja, en, unit, "lead", "leads.deal_id")


_LEADS = (
    _category("lead_source", "リードの流入元", "Lead's source", "lead", "leads.deal_id", "leads.source"),
    _lead("lead_to_contact_hours", "リード獲得から初回接触までの時間", "Hours from lead to first contact",
          Text("時間", "hours")),
    _lead("lead_to_appointment_days", "リード獲得からアポイントまでの日数", "Days from lead to appointment",
          _DAYS),
    _lead("lead_to_meeting_days", "リード獲得から商談化までの日数", "Days from lead to meeting", _DAYS),
    _lead("appointment_to_meeting_days", "アポイントから初回面談までの日数",
          "Days from appointment to the first meeting", _DAYS),
    _lead("lead_to_deal_days", "リード獲得から商談作成までの日数", "Days from lead to deal", _DAYS),
    _lead("lead_qualified", "案件化済み（予算・決裁者・ニーズ・時期を確認）",
          "Qualified (budget, authority, need, timing known)", Text("1＝はい", "1 = yes")),
)  # fmt: skip

CATALOGUE: tuple[Feature, ...] = (
    *_DEAL, *_PACE, *_MONEY_FEATURES, *_CLOSE_DATE, *_CALENDAR, *_ACTIVITY, *_SELLER, *_ACCOUNTS, *_LEADS,
)  # fmt: skip

_COLUMN = {feature.name: number for number, feature in enumerate(CATALOGUE)}


def columns(*names: str) -> tuple[int, ...]:
    """Columns of built-in features in what `build` returns.

    >>> columns("deal_type", "product")
    (0, 2)
    """
    return tuple(_COLUMN[name] for name in names)
