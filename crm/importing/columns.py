"""Which table is a file, and which column is each of its headings? Named exactly, by label, or suggested."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
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
_EXTENSIONS = re.compile(r"(?:\.\w{1,8}){1,2}$")


@dataclass(frozen=True)
class Headings:
    """What a file's headings mean: column by heading, notices, and why the file cannot be used."""

    names: dict[str, str]
    notices: list[Text] = field(default_factory=list)
    problem: tuple[str, str, Text] | None = None  # column, code, reason


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


def likely_table(headings: Iterable[str]) -> str | None:
    """The table whose columns the headings look most like, for a suggestion."""
    given = set(headings)
    shares = {
        name: sum(column in given for column in table.names) + 2 * all(key in given for key in table.key)
        for name, table in TABLES.items()
    }
    best = max(shares, key=lambda name: shares[name])
    return best if shares[best] >= 2 else None


def headings(table: Table, given: list[str]) -> Headings:
    """Which column each heading means; further ones are custom attributes, or set aside with a notice."""
    if doubled := [name.split("\0")[0] for name in given if "\0" in name]:
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
    for heading in given:
        if heading in NOTES:
            continue
        column = exact.get(folded(heading)) or exact.get(folded(heading).replace(" ", "_"))
        if column and column not in names.values():
            names[heading] = column
    for heading in given:
        column = labels.get(folded(heading))
        if heading not in names and heading not in NOTES and column and column not in names.values():
            names[heading] = column
            notices.append(_label_notice(heading, column))
    missing = [name for name in table.names if name not in names.values()]
    spare = [heading for heading in given if heading not in names and heading not in NOTES]
    for name in _needed(table):
        if name in missing:
            hint = missing_hint(spare, name, table, given)
            why = reason("missing_column", column=name, label=table[name].label, hint=hint)
            return Headings(names, notices, (name, "missing_column", why))
    for heading in spare:
        near = next((name for name in missing if _near(heading, name, table)), None)
        if table.custom:
            if '"' in heading or "\\" in heading or len(heading) > 200:
                why = reason("bad_column_name", column=heading[:50])
                return Headings(names, notices, (heading, "bad_column_name", why))
            names[heading] = heading
        if near is not None or not table.custom:
            notices.append(_spare_notice(heading, near, table))
    return Headings(names, notices)


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
    shown = [name for name in given if name not in NOTES][:20]
    return Text(f"ファイルにある列：{'、'.join(shown)}", f"The columns are {', '.join(shown)}.")


def _near(heading: str, name: str, table: Table) -> bool:
    return _likeness(heading, name, table) >= 0.72


def _likeness(heading: str, name: str, table: Table) -> float:
    written = folded(re.sub(r"[（(].*?[)）]", "", heading)).replace(" ", "_")
    column = table[name]
    known = [folded(text).replace(" ", "_") for text in (name, column.label.ja, column.label.en)]
    known += [folded(text).replace(" ", "_") for text in _ALIASES.get(name, ())]
    if written in known:
        return 1.0
    ratios = [difflib.SequenceMatcher(None, written, other).ratio() for other in known]
    inside = [0.75 for other in known[1:2] if len(other) > 1 and other in written]
    return max([*ratios, *inside])


def _label_notice(heading: str, column: str) -> Text:
    return Text(f"列「{heading}」を {column} として読みました。", f"column {heading!r} was read as {column}.")


def _spare_notice(heading: str, near: str | None, table: Table) -> Text:
    question = Text("", "")
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
