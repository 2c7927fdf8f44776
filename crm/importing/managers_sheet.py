"""What does a manager's own sheet of deals say? Header, months, units, totals are found as a reader does."""

from __future__ import annotations

import calendar
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from crm.importing.columns import UNITS, unit_heading
from crm.importing.source import Grid
from crm.importing.values import folded, half_width

# What managers call the parts of a deal in their own lists.
_ROLES: dict[str, tuple[str, ...]] = {
    "id": ("案件ID", "案件番号", "案件コード", "案件No", "案件No.", "商談番号", "管理番号"),
    "customer": (
        "顧客名", "顧客", "取引先", "取引先名", "会社名", "企業名", "お客様名", "お客様", "客先",
        "客先名", "得意先",
        "得意先名", "社名", "customer", "account", "company",
    ),
    "name": (
        "案件名", "案件", "商談名", "件名", "案件内容", "内容", "テーマ", "deal", "deal name", "opportunity",
    ),
    "amount": (
        "金額", "見込金額", "見込み金額", "受注金額", "受注見込金額", "受注見込", "売上見込",
        "売上金額", "予定金額", "見積金額",
        "想定金額", "契約金額", "売上", "amount", "value",
    ),
    "rank": (
        "確度", "ヨミ", "読み", "よみ", "ランク", "受注確度", "ヨミ確度", "判定", "見込度",
        "見込み度", "確度ランク", "rank",
        "confidence",
    ),
    "expected": (
        "受注予定", "受注予定月", "受注予定日", "受注予定時期", "受注時期", "予定時期", "予定月",
        "受注月", "時期", "月",
        "計上月", "売上月", "売上計上月", "決着予定", "クローズ予定", "expected", "month", "expected month",
    ),
    "closed": ("受注日", "契約日", "失注日", "決着日", "完了日"),
    "stage": (
        "フェーズ", "ステージ", "商談フェーズ", "営業フェーズ", "進捗", "状況", "ステータス", "stage",
        "phase", "status",
    ),
    "owner": ("担当", "担当者", "営業担当", "営業担当者", "主担当", "owner", "seller", "sales rep"),
    "created": (
        "引合い獲得日", "引合獲得日", "引合日", "登録日", "発生日", "作成日", "案件発生日",
        "created",
    ),
    "product": ("商材", "商品", "製品", "品目", "商材名", "product"),
}  # fmt: skip
_ROLE_OF = {folded(name).replace(" ", ""): role for role, names in _ROLES.items() for name in names}
_NO_COLUMN = {"no", "no.", "№", "項番", "番号", "#", "連番", "合計", "計", "小計", "総計"}
_NOTE = re.compile(r"[（(［\[【].*?[）)］\]】]")
_DECORATION = "■□◆◇●○▼▽★☆【】<>＜＞[]()（）・ 　:："
_MONTH = re.compile(
    r"(?:(?P<era>令和|R)?\s*(?P<year>[0-9]{1,4})\s*[年./-]\s*)?(?P<month>1[0-2]|0?[1-9])\s*(?P<mark>月)?"
    r"(?:度|分|末|初|上旬|中旬|下旬|受注予定|受注見込み?|受注|予定|計上|見込み?)*"
)
_FIRST_OF_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])-01")
_FISCAL = re.compile(r"(?:FY\s*([0-9]{4})|([0-9]{4})\s*年度)", re.IGNORECASE)
_CALENDAR = re.compile(r"([0-9]{4})\s*年(?!\s*[0-9]{1,2}\s*月)")  # not of a day or a month
_UNIT_NOTE = re.compile(rf"単位\s*[:：]?\s*({'|'.join(sorted(UNITS, key=len, reverse=True))})")
_TOTAL = re.compile(
    r"(?:.*(?:合計|小計|総計|累計)|(?:[0-9]{1,2}月|月|年|四半期|[A-D○△×◎]|上期|下期)?計|平均|目標|予算|差異|差額|達成率|"
    r"total|sub ?total|grand total)",
    re.IGNORECASE,
)
_OPEN = {"未定", "-", "ー", "―", "未", "?", "？", "なし"}
_LOOKED_AT = 40
_EACH_MONTH = "各月"


@dataclass(frozen=True)
class Month:
    """A month as written; the year where it is."""

    number: int
    year: int | None


@dataclass
class Entry:
    """One deal of a sheet: its row, texts by role, other columns by heading, the month it stands under."""

    row: int
    roles: dict[str, str]
    others: dict[str, str] = field(default_factory=dict)
    month: Month | None = None
    unit: float = 1.0


@dataclass
class ManagersSheet:
    """A sheet read: its deals, and what was taken for what."""

    title: str
    header_row: int
    headings: dict[str, str]  # by role
    entries: list[Entry]
    totals: int
    years: YearRule
    months_from: str | None  # rows, columns, cells or title
    unit_of: dict[str, float]


@dataclass(frozen=True)
class YearRule:
    """Which year a month without one is in: a fiscal or calendar year that a title names, or the nearest."""

    fiscal: int | None = None
    calendar: int | None = None
    first: int = 1

    def last_day(self, month: Month, today: date) -> date:
        """The last day of a month."""
        year = month.year if month.year is not None else self._year(month.number, today)
        return date(year, month.number, calendar.monthrange(year, month.number)[1])

    def _year(self, month: int, today: date) -> int:
        if self.fiscal is not None:
            return self.fiscal + (month < 4)
        if self.calendar is not None:
            return self.calendar + (month < self.first)
        ahead = (month - today.month) % 12  # nearest: from three months back to eight ahead
        months = today.year * 12 + today.month - 1 + (ahead if ahead <= 8 else ahead - 12)
        return months // 12


def plain(text: str | None) -> str:
    """A cell's text as it is compared: half-width, without surrounding blanks."""
    return " ".join(half_width(text or "").split())


def role_of(heading: str | None) -> str | None:
    """What a heading means in a manager's list."""
    return _ROLE_OF.get(folded(_NOTE.sub("", heading or "")).replace(" ", "").replace("\n", ""))


def month_of(text: str | None, marked: bool = True) -> Month | None:
    """The month that a text names; `marked`: only with 月 or a year."""
    bare = unicodedata.normalize("NFKC", text or "").strip(_DECORATION)
    if (found := _FIRST_OF_MONTH.fullmatch(bare)) is not None:
        return Month(int(found[2]), int(found[1]))
    found = _MONTH.fullmatch(bare)
    if found is None or (marked and not found["mark"] and not found["year"]):
        return None
    year = None if found["year"] is None else int(found["year"])
    if year is not None and year < 100:
        year += 2018 if found["era"] else 2000
    if year is not None and not 1990 <= year <= 2199:
        return None
    return Month(int(found["month"]), year)


def is_open_date(text: str) -> bool:
    """Whether a text says that no date is known."""
    return plain(text) in _OPEN


def is_total(row: Sequence[str | None]) -> bool:
    """Whether a row adds up others: one of its first texts says so."""
    words = [plain(cell) for cell in row if plain(cell)]
    return any(_TOTAL.fullmatch(word.strip(_DECORATION)) for word in words[:3])


def read_sheet(grid: Grid) -> ManagersSheet | None:
    """The deals of a sheet in the shape of a manager's list; None where it has none."""
    found = _header(grid)
    if found is None:
        return None
    at, roles = found
    header = grid.rows[at]
    across = _months_across(grid, at)
    above = [plain(cell) for row in grid.rows[:at] for cell in row if plain(cell)]
    unit = next(
        (UNITS[note[1]] for text in [*above, *map(plain, header)] if (note := _UNIT_NOTE.search(text))), 1.0
    )
    units = {
        column: UNITS[parts[1]] if (parts := unit_heading(plain(header[column]))) else unit
        for column in {*across, *(column for column, role in roles.items() if role == "amount")}
    }
    entries: list[Entry] = []
    totals, month = 0, month_of(grid.title)
    of_sheet = month is not None
    heads = False
    names = {column for column, role in roles.items() if role in ("customer", "name")}
    for row_at in range(at + 1, len(grid.rows)):
        row = grid.rows[row_at]
        filled = [cell for cell in row if plain(cell)]
        if not filled or [role_of(cell) for cell in row[: len(header)]] == [role_of(cell) for cell in header]:
            continue
        if is_total(row):
            totals += 1
            continue
        head = month_of(filled[0])
        if head is not None and len(set(filled)) == 1 and not across:
            month, heads = head, True
            continue
        if not any(column < len(row) and plain(row[column]) for column in names | set(units)):
            continue  # a remark or an empty line with borders
        entries += _entries(row, grid.numbers[row_at], header, roles, across, units, month)
    if not entries:
        return None
    first = next((entry.month.number for entry in entries if entry.month), 1)
    from_cells = "expected" in roles.values()
    return ManagersSheet(
        grid.title,
        grid.numbers[at],
        {role: plain(header[column]) for column, role in reversed(roles.items())},
        entries,
        totals,
        _years([*above, grid.title], first),
        "columns"
        if across
        else "rows"
        if heads
        else "cells"
        if from_cells
        else "title"
        if of_sheet
        else None,
        {
            _EACH_MONTH if month_of(header[column]) else plain(header[column]): unit
            for column, unit in units.items()
            if unit != 1.0 and (column not in across or roles.get(column, "amount") == "amount")
        },
    )


def _header(grid: Grid) -> tuple[int, dict[int, str]] | None:
    """The row of headings: names the customer or the deal, and two more parts, or months beside them.

    A rank, a stage or when an order is expected tells deals from customers, quotes and invoices.
    Of two rows of headings, whose names are merged over both, it is the lower.
    """
    for at in range(min(_LOOKED_AT, len(grid.rows))):
        roles = _roles(grid.rows[at])
        kinds = set(roles.values())
        months = len(_months_across(grid, at))
        if not kinds & {"customer", "name"} or len(kinds) + min(months, 2) < 3:
            continue
        if months and not kinds & {"name", "rank", "stage"}:  # a plan by customer
            continue
        if not months and ("amount" not in kinds or not _is_of_deals(grid.rows[at], roles)):
            continue
        names = {column: role for column, role in roles.items() if role in ("customer", "name")}
        while at + 1 < len(grid.rows) and names.items() <= _roles(grid.rows[at + 1]).items():
            at += 1
        return at, _roles(grid.rows[at])
    return None


def _is_of_deals(header: Sequence[str | None], roles: dict[int, str]) -> bool:
    expected = (plain(header[column]) for column, role in roles.items() if role == "expected")
    return bool({"rank", "stage"} & set(roles.values())) or any(
        word in heading for heading in expected for word in ("受注", "予定", "クローズ", "expected")
    )


def _roles(row: Sequence[str | None]) -> dict[int, str]:
    return {column: role for column, cell in enumerate(row) if (role := role_of(cell)) is not None}


def _months_across(grid: Grid, at: int) -> dict[int, Month]:
    """Months by column, where the header or the row above it names at least two."""
    row = grid.rows[at]
    here = {column: month for column, cell in enumerate(row) if (month := month_of(cell)) is not None}
    if len(here) >= 2:
        return here
    if at == 0:
        return {}
    above = grid.rows[at - 1]
    heads = {column: month for column, cell in enumerate(above) if (month := month_of(cell)) is not None}
    if len(heads) < 2:
        return {}
    spans: dict[int, Month] = {}
    current: Month | None = None
    for column in range(len(row)):
        if column < len(above) and plain(above[column]):
            current = heads.get(column)
        if current is not None:
            spans[column] = current
    return spans


def _entries(
    row: Sequence[str | None],
    number: int,
    header: Sequence[str | None],
    roles: dict[int, str],
    across: dict[int, Month],
    units: dict[int, float],
    month: Month | None,
) -> Iterator[Entry]:
    """One deal of a row; of a row with amounts under several months, one for each."""
    common = Entry(number, {}, month=month)
    for column, heading in enumerate(header):
        value = row[column] if column < len(row) else None
        name = plain(heading)
        if column in across or not plain(value):
            continue
        role = roles.get(column)
        if role is not None and role not in common.roles:
            common.roles[role] = str(value).strip()
            if role == "amount":
                common.unit = units.get(column, 1.0)
        elif role is None and name and name.casefold() not in _NO_COLUMN:
            common.others[_NOTE.sub("", name).strip() or name] = str(value).strip()
    if not across:
        yield common
        return
    by_month: dict[Month, dict[str, tuple[str, float]]] = {}
    for column, of_month in across.items():
        value = row[column] if column < len(row) else None
        if plain(value):
            role = roles.get(column) or ("amount" if month_of(header[column]) else plain(header[column]))
            by_month.setdefault(of_month, {})[role] = (str(value).strip(), units.get(column, 1.0))
    filled = {of_month: cells for of_month, cells in by_month.items() if "amount" in cells} or by_month
    for of_month, cells in filled.items():
        entry = Entry(number, dict(common.roles), dict(common.others), of_month, common.unit)
        for role, (value, unit) in cells.items():
            if role in _ROLES:
                entry.roles[role] = value
                entry.unit = unit if role == "amount" else entry.unit
            elif role and role.casefold() not in _NO_COLUMN:
                entry.others[role] = value
        yield entry
    if not filled:
        yield common


def _years(titles: Sequence[str], first: int) -> YearRule:
    for title in titles:
        text = unicodedata.normalize("NFKC", title)
        if (found := _FISCAL.search(text)) is not None:
            return YearRule(fiscal=int(found[1] or found[2]))
        if (found := _CALENDAR.search(text)) is not None:
            return YearRule(calendar=int(found[1]), first=first)
    return YearRule()
