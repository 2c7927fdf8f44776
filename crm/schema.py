"""Which tables, columns, types and values does Sancho know? The one schema everything else reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from crm.i18n import Text


class Kind(StrEnum):
    """What a column's values are, and so how they are parsed, stored and kept in memory."""

    ID = "id"  # text that names a row
    TEXT = "text"  # free text or a name
    CODE = "code"  # text from a smallish set, of the company's own choosing
    CHOICE = "choice"  # text from the set in Column.choices
    MOMENT = "moment"  # ISO 8601 date and time; naive = the organisation's time zone
    DATE = "date"  # a calendar day, without a time
    MONEY = "money"  # plain number, 0 or more
    NUMBER = "number"  # plain number, 0 or more
    FLAG = "flag"  # true or false


@dataclass(frozen=True, slots=True)
class Column:
    """One column: name, kind, label, whether it must be filled, allowed values where they are fixed.

    `default` is what a blank stands for at import.
    """

    name: str
    kind: Kind
    label: Text
    required: bool = False
    choices: tuple[str, ...] = ()
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """One canonical table. `key` names a row; `custom` tables take any further column as an attribute.

    `known_since` is the column whose time says since when a row is known, `undated` rows without one being
    known since the table's beginning; `self_dated` are the columns that are known from a time of their own
    once they are filled (a closing, the end of a contract); `versions_since` is the column that says since
    when a version of a row is known (when a target was set).
    """

    name: str
    label: Text
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    custom: bool = False
    known_since: str | None = None
    undated: bool = False
    self_dated: tuple[str, ...] = ()
    versions_since: str | None = None

    def __getitem__(self, name: str) -> Column:
        return self.by_name[name]

    @property
    def by_name(self) -> dict[str, Column]:
        """Columns by their name, in order."""
        return {column.name: column for column in self.columns}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the fixed columns, in order."""
        return tuple(column.name for column in self.columns)


def _c(
    name: str,
    kind: Kind,
    ja: str,
    en: str,
    required: bool = False,
    choices: tuple[str, ...] = (),
    default: str | None = None,
) -> Column:
    return Column(name, kind, Text(ja, en), required, choices, default)


OBSERVER = "sancho:import"  # stands where an event names who made the change: nobody knows who did
K = Kind
DEAL_TYPES = ("new", "upsell", "cross_sell", "renewal")
ROLES = ("seller", "manager", "admin")
RATE_KINDS = ("market", "internal")
ACTION_METRICS = ("material", "action")  # metrics of targets that name a material, or a kind of activity
TARGET_KINDS = ("committed", "stretch", "budget")
OUTCOMES = ("won", "lost")
STYLES = ("field", "route", "inside", "manager")
STAGE_KPIS = ("lead", "appointment", "first_visit", "proposal", "closing", "won")
ACTIVITY_KINDS: Mapping[str, Text] = {
    "call": Text("電話", "Call"),
    "email": Text("メール", "E-mail"),
    "visit": Text("訪問", "Visit"),
    "web_meeting": Text("Web商談", "Web meeting"),
    "demo": Text("デモ", "Demo"),
    "proposal": Text("提案", "Proposal"),
    "quote": Text("見積", "Quote"),
    "material": Text("資料送付", "Material sent"),
    "follow_up": Text("フォロー", "Follow-up"),
    "seminar": Text("セミナー", "Seminar"),
}

TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (
        Table(
            "deals",
            Text("商談", "Deals"),
            ("deal_id",),
            (
                _c("deal_id", K.ID, "商談ID", "Deal ID", required=True),
                _c("created_at", K.MOMENT, "作成日時", "Created", required=True),
                _c("stage", K.CODE, "ステージ", "Stage", required=True),
                _c("name", K.TEXT, "商談名", "Name"),
                _c("account_id", K.ID, "取引先ID", "Account ID"),
                _c("owner_id", K.ID, "担当者ID", "Owner ID"),
                _c("product", K.CODE, "商品", "Product"),
                _c("source", K.CODE, "流入元", "Source"),
                _c("deal_type", K.CHOICE, "商談種別", "Deal type", choices=DEAL_TYPES),
                _c("amount", K.MONEY, "金額", "Amount"),
                _c("currency", K.CODE, "通貨", "Currency"),
                _c("expected_close_date", K.DATE, "受注予定日", "Expected close date"),
                _c("closed_at", K.MOMENT, "決着日時", "Closed"),
                _c("outcome", K.CHOICE, "結果", "Outcome", choices=OUTCOMES),
                _c("lost_reason", K.CODE, "失注理由", "Lost reason"),
            ),
            custom=True,
            known_since="created_at",
            self_dated=("closed_at", "outcome", "lost_reason"),
        ),
        Table(
            "deal_events",
            Text("商談の変更履歴", "Deal events"),
            ("deal_id", "at", "field", "value", "old_value", "actor_id"),
            (
                _c("deal_id", K.ID, "商談ID", "Deal ID", required=True),
                _c("at", K.MOMENT, "日時", "At", required=True),
                _c("field", K.CODE, "項目", "Field", required=True),
                _c("value", K.CODE, "値", "Value"),
                _c("old_value", K.CODE, "変更前の値", "Old value"),
                _c("actor_id", K.ID, "変更者ID", "Actor ID"),
            ),
            known_since="at",
        ),
        Table(
            "activities",
            Text("活動", "Activities"),
            ("activity_id",),
            (
                _c("activity_id", K.ID, "活動ID", "Activity ID", required=True),
                _c("at", K.MOMENT, "日時", "At", required=True),
                _c("kind", K.CODE, "種別", "Kind", required=True),
                _c("deal_id", K.ID, "商談ID", "Deal ID"),
                _c("lead_id", K.ID, "リードID", "Lead ID"),
                _c("account_id", K.ID, "取引先ID", "Account ID"),
                _c("actor_id", K.ID, "実施者ID", "Actor ID"),
                _c("direction", K.CHOICE, "方向", "Direction", choices=("out", "in")),
                _c("outcome", K.CODE, "結果", "Outcome"),
                _c("effective", K.FLAG, "有効商談", "Effective"),
                _c("minutes", K.NUMBER, "時間（分）", "Minutes"),
                _c("material", K.CODE, "資料", "Material"),
                _c("subject", K.TEXT, "件名", "Subject"),
            ),
            known_since="at",
        ),
        Table(
            "leads",
            Text("リード", "Leads"),
            ("lead_id",),
            (
                _c("lead_id", K.ID, "リードID", "Lead ID", required=True),
                _c("created_at", K.MOMENT, "獲得日時", "Created", required=True),
                _c("source", K.CODE, "流入元", "Source"),
                _c("owner_id", K.ID, "担当者ID", "Owner ID"),
                _c("contacted_at", K.MOMENT, "初回接触日時", "First contact"),
                _c("appointment_at", K.MOMENT, "アポイント獲得日時", "Appointment made"),
                _c("meeting_at", K.MOMENT, "商談化日時", "Meeting held"),
                _c("qualified_at", K.MOMENT, "案件化日時", "Qualified"),
                _c("handed_to", K.ID, "引き継ぎ先ID", "Handed to"),
                _c("deal_id", K.ID, "商談ID", "Deal ID"),
                _c("disqualified_at", K.MOMENT, "対象外判定日時", "Disqualified"),
            ),
            known_since="created_at",
            self_dated=(
                "contacted_at",
                "appointment_at",
                "meeting_at",
                "qualified_at",
                "disqualified_at",
                "handed_to",
                "deal_id",
            ),
        ),
        Table(
            "accounts",
            Text("取引先", "Accounts"),
            ("account_id",),
            (
                _c("account_id", K.ID, "取引先ID", "Account ID", required=True),
                _c("name", K.TEXT, "取引先名", "Name"),
                _c("industry", K.CODE, "業種", "Industry"),
                _c("employees", K.NUMBER, "従業員数", "Employees"),
                _c("region", K.CODE, "地域", "Region"),
                _c("created_at", K.MOMENT, "作成日時", "Created"),
            ),
            custom=True,
            known_since="created_at",
            undated=True,
        ),
        Table(
            "people",
            Text("担当者", "People"),
            ("person_id",),
            (
                _c("person_id", K.ID, "担当者ID", "Person ID", required=True),
                _c("name", K.TEXT, "氏名", "Name"),
                _c("team_id", K.ID, "チームID", "Team ID"),
                _c("style", K.CHOICE, "営業スタイル", "Style", choices=STYLES),
                _c("active_from", K.DATE, "在籍開始日", "Active from"),
                _c("active_to", K.DATE, "在籍終了日", "Active to"),
                _c("email", K.TEXT, "メールアドレス", "E-mail address"),
                _c("role", K.CHOICE, "役割", "Role", choices=ROLES),
                _c("leads_team_id", K.ID, "率いるチームID", "Team led"),
            ),
            known_since="active_from",
            undated=True,
            self_dated=("active_to",),
        ),
        Table(
            "teams",
            Text("チーム", "Teams"),
            ("team_id",),
            (
                _c("team_id", K.ID, "チームID", "Team ID", required=True),
                _c("name", K.TEXT, "チーム名", "Name"),
                _c("parent_team_id", K.ID, "上位チームID", "Parent team ID"),
            ),
            undated=True,
        ),
        Table(
            "contracts",
            Text("契約", "Contracts"),
            ("contract_id",),
            (
                _c("contract_id", K.ID, "契約ID", "Contract ID", required=True),
                _c("account_id", K.ID, "取引先ID", "Account ID", required=True),
                _c("started_at", K.MOMENT, "開始日", "Started", required=True),
                _c("ended_at", K.MOMENT, "終了日", "Ended"),
                _c("monthly_amount", K.MONEY, "月額", "Monthly amount", required=True),
                _c("product", K.CODE, "商品", "Product"),
                _c("kind", K.CHOICE, "契約種別", "Kind", choices=DEAL_TYPES),
                _c("currency", K.CODE, "通貨", "Currency"),
            ),
            known_since="started_at",
            self_dated=("ended_at",),
        ),
        Table(
            "targets",
            Text("目標", "Targets"),
            ("metric", "scope", "period"),
            (
                _c("metric", K.CODE, "指標", "Metric", required=True),
                _c("scope", K.CODE, "対象", "Scope", required=True),
                _c("period", K.CODE, "期間", "Period", required=True),
                _c("value", K.NUMBER, "目標値", "Value", required=True),
                _c("set_at", K.MOMENT, "設定日時", "Set"),
                _c("currency", K.CODE, "通貨", "Currency"),
                _c("kind", K.CHOICE, "目標の種類", "Kind of target", choices=TARGET_KINDS),
                _c("set_by", K.ID, "設定者ID", "Set by"),
            ),
            known_since="set_at",
            undated=True,
            versions_since="set_at",
        ),
        Table(
            "stages",
            Text("ステージ", "Stages"),
            ("stage",),
            (
                _c("stage", K.CODE, "ステージ", "Stage", required=True),
                _c("position", K.NUMBER, "順番", "Position", required=True),
                _c("outcome", K.CHOICE, "結果", "Outcome", choices=OUTCOMES),
                _c("kpi", K.CHOICE, "KPI", "KPI", choices=STAGE_KPIS),
            ),
            undated=True,
        ),
        Table(
            "contacts",
            Text("顧客側の担当者", "Contacts"),
            ("contact_id",),
            (
                _c("contact_id", K.ID, "顧客担当者ID", "Contact ID", required=True),
                _c("account_id", K.ID, "取引先ID", "Account ID"),
                _c("name", K.TEXT, "氏名", "Name"),
                _c("role", K.CODE, "役職・立場", "Role"),
            ),
            undated=True,
        ),
        Table(
            "deal_contacts",
            Text("商談の関係者", "Contacts of deals"),
            ("deal_id", "contact_id"),
            (
                _c("deal_id", K.ID, "商談ID", "Deal ID", required=True),
                _c("contact_id", K.ID, "顧客担当者ID", "Contact ID", required=True),
                _c("role", K.CODE, "役割", "Role"),
            ),
            undated=True,
        ),
        Table(
            "products",
            Text("商品", "Products"),
            ("product",),
            (
                _c("product", K.CODE, "商品", "Product", required=True),
                _c("family", K.CODE, "商品分類", "Product family"),
                _c("unit_price", K.MONEY, "標準単価", "List price"),
                _c("currency", K.CODE, "通貨", "Currency"),
            ),
            undated=True,
        ),
        Table(
            "deal_products",
            Text("商談の明細", "Deal lines"),
            ("deal_id", "product"),
            (
                _c("deal_id", K.ID, "商談ID", "Deal ID", required=True),
                _c("product", K.CODE, "商品", "Product", required=True),
                _c("quantity", K.NUMBER, "数量", "Quantity"),
                _c("amount", K.MONEY, "金額", "Amount"),
                _c("currency", K.CODE, "通貨", "Currency"),
            ),
            undated=True,
        ),
        Table(
            "absences",
            Text("不在予定", "Absences"),
            ("person_id", "from"),
            (
                _c("person_id", K.ID, "担当者ID", "Person ID", required=True),
                _c("from", K.DATE, "開始日", "From", required=True),
                _c("to", K.DATE, "終了日", "To", required=True),
                _c("reason", K.CODE, "理由", "Reason"),
            ),
            undated=True,
        ),
        Table(
            "rates",
            Text("為替レート", "Exchange rates"),
            ("currency", "kind", "at"),
            (
                _c("currency", K.CODE, "通貨", "Currency", required=True),
                _c("kind", K.CHOICE, "レートの種類", "Kind of rate", True, RATE_KINDS, default="market"),
                _c("at", K.MOMENT, "適用日時", "Valid from", required=True),
                _c("rate", K.NUMBER, "レート", "Rate", required=True),
            ),
            known_since="at",
        ),
        Table(
            "organisation",
            Text("組織の設定", "Organisation"),
            ("organisation_id",),
            (
                _c("organisation_id", K.ID, "組織ID", "Organisation ID", required=True),
                _c("fiscal_start_month", K.NUMBER, "期首月", "First month of the fiscal year"),
                _c("time_zone", K.CODE, "タイムゾーン", "Time zone"),
                _c("country", K.CODE, "国", "Country"),
                _c("currency", K.CODE, "通貨", "Currency"),
                _c("rate_kind", K.CHOICE, "使うレート", "Rates used", choices=RATE_KINDS),
                _c("rank_column", K.CODE, "確度の項目", "Column of the rank"),
                _c("deal_word", K.CODE, "商談の呼び方", "Word for a deal"),
            ),
            undated=True,
        ),
    )
}

# Tables whose rows others refer to are loaded first; before all, the one that says what a naive time means.
LOAD_ORDER = (
    "organisation",
    "stages",
    "teams",
    "people",
    "accounts",
    "products",
    "contacts",
    "rates",
    "deals",
    "leads",
    "contracts",
    "targets",
    "absences",
    "deal_contacts",
    "deal_products",
    "deal_events",
    "activities",
)

# What a row of any table can say about itself beside its own columns: since when this version of it is known,
# since when it is gone, and which row took its place (a merge; a stage's new name).
VERSION_COLUMNS: Mapping[str, Column] = {
    column.name: column
    for column in (
        _c("known_from", K.MOMENT, "適用開始日時", "Known from"),
        _c("deleted_at", K.MOMENT, "削除日時", "Deleted"),
        _c("merged_into", K.ID, "統合先ID", "Merged into"),
    )
}

# Columns that name rows of other tables: after a merge they name the row that took its place.
REFERENCES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "deals": (
        ("activities", "deal_id"),
        ("leads", "deal_id"),
        ("deal_contacts", "deal_id"),
        ("deal_products", "deal_id"),
    ),
    "accounts": (
        ("deals", "account_id"),
        ("activities", "account_id"),
        ("contracts", "account_id"),
        ("contacts", "account_id"),
    ),
    "people": (
        ("deals", "owner_id"),
        ("leads", "owner_id"),
        ("leads", "handed_to"),
        ("activities", "actor_id"),
        ("deal_events", "actor_id"),
        ("absences", "person_id"),
    ),
    "teams": (("people", "team_id"), ("people", "leads_team_id"), ("teams", "parent_team_id")),
    "leads": (("activities", "lead_id"),),
    "contacts": (("deal_contacts", "contact_id"),),
    "products": (("deals", "product"), ("deal_products", "product"), ("contracts", "product")),
    "stages": (("deals", "stage"),),
}

# The pipeline of an organisation that has imported none: (stage, position, outcome, kpi).
DEFAULT_STAGES: tuple[tuple[str, int, str | None, str | None], ...] = (
    ("リード獲得", 1, None, "lead"),
    ("アポイント", 2, None, "appointment"),
    ("初回訪問", 3, None, "first_visit"),
    ("提案・見積", 4, None, "proposal"),
    ("クロージング", 5, None, "closing"),
    ("受注", 6, "won", "won"),
    ("失注", 7, "lost", None),
)
DEFAULT_OUTCOMES: Mapping[str, str | None] = {stage: outcome for stage, _, outcome, _ in DEFAULT_STAGES}
