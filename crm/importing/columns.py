"""Which table is a file, and which column is each of its headings? Named exactly, by label, or suggested."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import PurePath

from crm.i18n import Text
from crm.importing.row_errors import reason
from crm.importing.values import folded
from crm.schema import TABLES, VERSION_COLUMNS, Kind, Table

# Columns that an exported quarantine adds to the rows; read again, the first names the row that comes back.
QUARANTINE_ID = "_quarantine"
NOTES = (QUARANTINE_ID, "_file", "_line", "_column", "_value", "_reason_ja", "_reason_en")

# What CRMs call these columns; they make suggestions, never decisions.
_ALIASES: dict[str, tuple[str, ...]] = {
    "deal_id": ("案件ID", "案件番号", "案件コード", "商談番号", "opportunity id", "opportunity_id", "id"),
    "stage": (
        "フェーズ",
        "商談フェーズ",
        "案件フェーズ",
        "進捗",
        "ステータス",
        "phase",
        "status",
        "deal stage",
    ),
    "name": ("案件名", "商談名称", "会社名", "顧客名", "企業名", "opportunity name"),
    "account_id": ("顧客ID", "顧客コード", "企業ID", "取引先", "顧客", "account", "customer"),
    "owner_id": ("営業担当", "営業担当者", "担当者", "担当", "所有者", "owner", "sales rep", "sales agent"),
    "amount": ("受注金額", "売上金額", "見込金額", "商談金額", "案件金額", "price", "value"),
    "expected_close_date": ("完了予定日", "受注予定", "クローズ予定日", "close date", "expected close"),
    "created_at": ("登録日", "作成日", "登録日時", "発生日", "created", "create date", "created date"),
    "closed_at": ("受注日", "完了日", "クローズ日", "決着日", "close_date", "closed date"),
    "outcome": ("受注/失注", "勝敗", "result"),
    "source": ("リードソース", "流入経路", "経路", "lead source"),
    "activity_id": ("活動番号", "行動ID", "id"),
    "at": ("活動日", "活動日時", "訪問日", "実施日", "日付", "変更日時", "date", "timestamp"),
    "kind": ("活動種別", "行動種別", "活動区分", "type", "activity type"),
    "actor_id": ("実施者", "活動者", "担当者", "user", "actor"),
    "person_id": ("社員番号", "社員ID", "ユーザーID", "user id", "employee id"),
    "scope": ("範囲", "部門", "組織"),
    "team_id": ("部署ID", "部署", "チーム", "team", "department"),
}
# What CRMs call the attributes of deals whose changes they record; exact names, so they decide.
_FIELDS: dict[str, tuple[str, ...]] = {
    "stage": (
        "StageName", "dealstage", "stage_id", "Stage", "salesstage", "stepname", "フェーズ", "商談フェーズ",
        "案件フェーズ", "営業フェーズ", "進捗フェーズ", "deal stage", "phase",
    ),
    "amount": (
        "Amount", "estimatedvalue", "hs_amount", "商談金額", "案件金額", "見込金額", "受注予定額",
        "受注予定金額",
        "deal amount",
    ),
    "expected_close_date": (
        "CloseDate", "estimatedclosedate", "Closing_Date", "expected_close_date", "完了予定日", "受注予定日",
        "クローズ予定日", "close date", "closing date", "expected close", "完了予定", "受注予定",
    ),
    "owner_id": (
        "Owner", "OwnerId", "hubspot_owner_id", "ownerid", "user_id", "owner_name", "所有者",
        "商談所有者", "担当者",
        "営業担当", "営業担当者", "担当", "deal owner",
    ),
    "lost_reason": ("lost_reason", "closed_lost_reason", "Loss_Reason__c", "失注理由", "loss reason"),
    "name": ("Name", "dealname", "Deal_Name", "title", "商談名", "案件名"),
    "account_id": ("AccountId", "Account", "Account_Name", "取引先", "取引先名"),
}  # fmt: skip
UNITS = {
    "円": 1.0,
    "千円": 1e3,
    "万円": 1e4,
    "百万円": 1e6,
    "千万円": 1e7,
    "億円": 1e8,
    "千": 1e3,
    "百万": 1e6,
}
_UNIT = re.compile(rf"(.*?)\s*[(\[【]\s*(?:単位[:：]?\s*)?({'|'.join(UNITS)})\s*[)\]】]")
_EXTENSIONS = re.compile(r"(?:\.\w{1,8}){1,2}$")


@dataclass(frozen=True)
class Headings:
    """What a file's headings mean: column by heading, notices, and why the file cannot be used."""

    names: dict[str, str]
    notices: list[Text] = field(default_factory=list)
    problem: tuple[str, str, Text] | None = None  # column, code, reason
    units: dict[str, float] = field(default_factory=dict)  # by column, of headings like 金額（千円）


def table_named(file: str) -> str | None:
    """The table a file's or sheet's name stands for: deals.csv, deals_2026.csv, 商談.xlsx.

    >>> table_named("deal_events-2026.csv.gz")
    'deal_events'
    """
    stem = folded(_EXTENSIONS.sub("", PurePath(file).name))
    names = [(folded(name), table.name) for table in TABLES.values() for name in _names_of(table)]
    for name, table in sorted(names, key=lambda pair: -len(pair[0])):
        rest = stem.removeprefix(name)
        if stem.startswith(name) and not rest[:1].isalpha():
            return table
    return None


def _names_of(table: Table) -> tuple[str, ...]:
    return (table.name, table.label.ja, table.label.en)


def known_headings() -> list[str]:
    """All names that columns of tables go by."""
    return [
        text
        for table in TABLES.values()
        for column in table.columns
        for text in (column.name, column.label.ja, column.label.en, *_ALIASES.get(column.name, ()))
    ]


def likely_table(headings: Iterable[str]) -> str | None:
    """The table whose columns the headings look most like, for a suggestion."""
    given = set(headings)
    shares = {
        name: sum(column in given for column in table.names) + 2 * all(key in given for key in table.key)
        for name, table in TABLES.items()
    }
    best = max(shares, key=lambda name: shares[name])
    return best if shares[best] >= 2 else None


LONGEST_NAME = 200  # characters of a column's name
_COMPARED = 100  # headings that are no columns, and are asked whether one was meant


def headings(table: Table, given: list[str]) -> Headings:
    """Which column each heading means; further ones are custom attributes, or set aside with a notice."""
    if doubled := [name.split("\0")[0][:LONGEST_NAME] for name in given if "\0" in name]:
        return Headings(
            {}, [], (doubled[0], "duplicate_column", reason("duplicate_column", column=doubled[0]))
        )
    exact = {folded(name): name for name in (*table.names, *VERSION_COLUMNS)}
    labels = {
        folded(text): column.name
        for column in (*table.columns, *VERSION_COLUMNS.values())
        for text in (column.label.ja, column.label.en)
    }
    names: dict[str, str] = {}
    notices: list[Text] = []
    units: dict[str, float] = {}
    for heading in given:
        if heading in NOTES:
            continue
        column = exact.get(folded(heading)) or exact.get(folded(heading).replace(" ", "_"))
        if column and column not in names.values():
            names[heading] = column
    for heading in given:
        column = labels.get(folded(heading))
        unit = None
        if column is None and (found := unit_heading(heading)) is not None:
            bare, unit = found[0], UNITS[found[1]]
            column = _numeric(exact.get(folded(bare)) or labels.get(folded(bare)), table)
        if heading not in names and heading not in NOTES and column and column not in names.values():
            names[heading] = column
            notices.append(_label_notice(heading, column))
            if unit is not None and unit != 1:
                units[column] = unit
                notices.append(unit_notice(heading, unit))
    missing = [name for name in table.names if name not in names.values()]
    spare = [heading for heading in given if heading not in names and heading not in NOTES]
    for name in _needed(table):
        if name in missing:
            hint = missing_hint(spare, name, table, given)
            why = reason("missing_column", column=name, label=table[name].label, hint=hint)
            return Headings(names, notices, (name, "missing_column", why))
    for number, heading in enumerate(spare):
        asked = missing if number < _COMPARED else []
        near = next((name for name in asked if _near(heading, name, table)), None)
        if table.custom:
            if '"' in heading or "\\" in heading or len(heading) > LONGEST_NAME:
                why = reason("bad_column_name", column=heading[:50])
                return Headings(names, notices, (heading[:LONGEST_NAME], "bad_column_name", why))
            names[heading] = heading
        if near is not None or not table.custom:
            notices.append(_spare_notice(heading, near, table))
    return Headings(names, notices, units=units)


def unit_heading(heading: str) -> tuple[str, str] | None:
    """A heading without its unit, and the name of the unit: 金額（千円） is 金額 in 千円."""
    found = _UNIT.fullmatch(folded(heading))
    return None if found is None else (found[1].strip(), found[2])


def unit_notice(heading: str, unit: float) -> Text:
    """That amounts were multiplied by the unit in their heading."""
    return Text(
        f"列「{heading}」の金額は、見出しの単位により {unit:,.0f} 倍しました。",
        f"amounts of column {heading!r} were multiplied by {unit:,.0f}, the unit in its heading.",
    )


def _numeric(column: str | None, table: Table) -> str | None:
    return column if column is not None and table[column].kind in (Kind.MONEY, Kind.NUMBER) else None


def fields(given: list[str]) -> tuple[dict[str, str], list[Text]]:
    """What a history's fields are called among the columns of deals, and what to tell about the others."""
    deals = TABLES["deals"]
    exact = {
        _compared(text): column.name
        for column in deals.columns
        for text in (column.name, column.label.ja, column.label.en)
    }
    known = {_compared(text): name for name, texts in _FIELDS.items() for text in texts}
    names: dict[str, str] = {}
    notices: list[Text] = []
    own: list[str] = []
    for field_name in given:
        name = exact.get(_compared(field_name))
        if name is not None and (name != "created_at" or folded(field_name) != "created"):  # Salesforce's own
            names[field_name] = name
        elif (name := known.get(_compared(field_name))) is not None:
            names[field_name] = name
            notices.append(
                Text(
                    f"項目「{field_name}」を {name} として読みました。",
                    f"field {field_name!r} was read as {name}.",
                )
            )
        else:
            near = next((column for column in deals.names if _near(field_name, column, deals)), None)
            if near is None:
                own.append(field_name)
                continue
            notices.append(
                Text(
                    f"項目「{field_name}」は商談の列ではないので独自項目として取り込みました。"
                    f"{near} のことですか。",
                    f"field {field_name!r} is no column of deals and was kept as a custom attribute; "
                    f"is it {near}?",
                )
            )
    if own:
        shown = own[:10]
        notices.append(
            Text(
                f"変更履歴の項目 {'、'.join(shown)} は商談の列ではないので、独自項目として取り込みました。",
                f"fields {', '.join(shown)} of the history are no columns of deals; "
                "they were kept as custom attributes.",
            )
        )
    return names, notices


def _compared(text: str) -> str:
    return re.sub(r"[\s_]", "", folded(text))


def _needed(table: Table) -> list[str]:
    """Columns without which no row can be used, even to change a stored one."""
    whole = len(table.key) == len(table.columns)  # rows keyed by all their columns cannot be changed in part
    keys = ["deal_id", "at", "field", "value"] if whole else list(table.key)
    return [name for name in keys if table[name].default is None]


def missing_hint(spare: list[str], name: str, table: Table, given: Iterable[str]) -> Text:
    """Which heading may be meant to be a column that is missing; if none looks like it, which there are."""
    return _question(spare, name, table) or _columns_are(list(given))


def _question(spare: list[str], name: str, table: Table) -> Text | None:
    near = [heading for heading in spare if _near(heading, name, table)]
    if not near:
        return None
    best = max(near, key=lambda heading: _likeness(heading, name, table))
    return Text(
        f"列「{best}」は {name} のことですか。そうなら列名を {name} に変えてください。",
        f"Is column {best!r} meant to be {name}? If so, rename it to {name}.",
    )


def _columns_are(given: list[str]) -> Text:
    shown = [name[:LONGEST_NAME] for name in given if name not in NOTES][:20]
    return Text(f"ファイルにある列：{'、'.join(shown)}", f"The columns are {', '.join(shown)}.")


def _near(heading: str, name: str, table: Table) -> bool:
    return _likeness(heading, name, table) >= 0.72


def _likeness(heading: str, name: str, table: Table) -> float:
    if len(heading) > LONGEST_NAME:
        return 0.0
    written = folded(re.sub(r"[（(].*?[)）]", "", heading)).replace(" ", "_")
    column = table[name]
    known = [folded(text).replace(" ", "_") for text in (name, column.label.ja, column.label.en)]
    known += [folded(text).replace(" ", "_") for text in _ALIASES.get(name, ())]
    if written in known:
        return 1.0
    ratios = [difflib.SequenceMatcher(None, written, other).ratio() for other in known]
    inside = [0.75 for other in known[1:2] if len(other) > 1 and other in written]
    return max([*ratios, *inside])


def suggested(heading: str, table: Table, taken: Collection[str]) -> str | None:
    """The column of a table that a heading may mean, of those that are not taken."""
    near = [name for name in table.names if name not in taken and _near(heading, name, table)]
    return max(near, key=lambda name: _likeness(heading, name, table)) if near else None


def _label_notice(heading: str, column: str) -> Text:
    return Text(f"列「{heading}」を {column} として読みました。", f"column {heading!r} was read as {column}.")


def _spare_notice(heading: str, near: str | None, table: Table) -> Text:
    heading, question = heading[:LONGEST_NAME], Text("", "")
    if near is not None:
        question = Text(f"{near} のことですか。", f" Is it meant to be {near}?")
    if table.custom:
        return Text(
            f"列「{heading}」は独自項目として取り込みました。{question.ja}",
            f"column {heading!r} was imported as a custom attribute.{question.en}",
        )
    return Text(
        f"列「{heading}」は{table.label.ja}の列ではないので使いませんでした。{question.ja}",
        f"column {heading!r} is not a column of {table.name} and was not used.{question.en}",
    )


def few_values(table: Table, column: str | None) -> bool:
    """Whether a column usually has few distinct values, so that it is best kept as codes."""
    if column is None or column not in table.by_name:
        return False
    kind = table[column].kind
    return kind in (Kind.CODE, Kind.CHOICE, Kind.FLAG) or (kind is Kind.ID and table.key != (column,))
