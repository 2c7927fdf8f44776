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
    """One column: name, kind, label, whether it must be filled, allowed values where they are fixed."""

    name: str
    kind: Kind
    label: Text
    required: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """One canonical table. `key` names a row; `custom` tables take any further column as an attribute."""

    name: str
    label: Text
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    custom: bool = False

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
    name: str, kind: Kind, ja: str, en: str, required: bool = False, choices: tuple[str, ...] = ()
) -> Column:
    return Column(name, kind, Text(ja, en), required, choices)


K = Kind
DEAL_TYPES = ("new", "upsell", "cross_sell", "renewal")
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
            ),
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
            ),
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
            ),
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
        ),
    )
}

# Tables whose rows others refer to are loaded first.
LOAD_ORDER = (
    "stages",
    "teams",
    "people",
    "accounts",
    "deals",
    "leads",
    "contracts",
    "targets",
    "deal_events",
    "activities",
)

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
