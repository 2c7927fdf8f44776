"""Workbooks in the shapes in which sales managers keep their deals; all names and figures are invented."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.worksheet.worksheet import Worksheet


def months_as_rows(path: Path) -> None:
    """A sheet per person; under merged heads of months the deals, A/B/C, 千円, totals and empty rows."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    people = {
        "佐藤": {
            "10月": [
                ("あおぞら商事", "基幹更改", "提案", "A", 12000, "見積提出"),
                ("みどり工業", "保守", "受注", "受注", 800, None),
            ],
            "11月": [("ひかり電機", "端末入替", "初回訪問", "C", 3500, "訪問")],
        },
        "鈴木": {
            "11月": [("きぼう建設", "CAD 増設", "クロージング", "B", 5000.5, "稟議待ち")],
            "1月": [("あおぞら商事", "複合機", "提案", "C", 900, None)],
        },
    }
    for person, months in people.items():
        sheet = book.create_sheet(person)
        sheet["A1"] = "2026年度下期　案件管理表"
        sheet.merge_cells("A1:H1")
        sheet["G2"] = f"担当：{person}"
        header = ["No.", "顧客名", "案件名", "フェーズ", "確度", "見込金額\n(千円)", "次のアクション", "備考"]
        sheet.append([])
        sheet.append(header)
        for month, deals in months.items():
            sheet.append([month])
            sheet.merge_cells(start_row=sheet.max_row, end_row=sheet.max_row, start_column=1, end_column=8)
            for number, (customer, name, stage, rank, amount, action) in enumerate(deals, 1):
                sheet.append([number, customer, name, stage, rank, amount, action])
            total = sum(float(deal[4]) for deal in deals)
            sheet.append([None, f"{month}計", None, None, None, total])
            sheet.append([None] * 8)
        sheet.append(["合計", None, None, None, None, 99999])
    summary = book.create_sheet("集計")
    summary.append(["", "10月", "11月", "12月"])
    summary.append(["目標", 20000, 20000, 20000])
    summary.append(["受注", 800, 0, 0])
    book.save(path)


def months_as_columns(path: Path) -> None:
    """Two rows of heads: under each merged month an amount and a rank ○△×; 百万円; merged customers."""
    book = openpyxl.Workbook()
    sheet: Worksheet = book.active
    sheet.title = "高橋"
    sheet["A1"] = "ヨミ表　2026年"
    sheet["H1"] = "（単位：百万円）"
    months = [datetime(2026, 11, 1), datetime(2026, 12, 1), datetime(2027, 1, 1)]
    for column, name in enumerate(("顧客名", "案件名"), 1):
        sheet.cell(3, column, name)
        sheet.merge_cells(start_row=3, end_row=4, start_column=column, end_column=column)
    for number, month in enumerate(months):
        column = 3 + 2 * number
        cell = sheet.cell(3, column, month)
        cell.number_format = 'm"月"'
        sheet.merge_cells(start_row=3, end_row=3, start_column=column, end_column=column + 1)
        sheet.cell(4, column, "金額")
        sheet.cell(4, column + 1, "ヨミ")
    sheet.cell(3, 9, "合計")
    rows: list[list[Any]] = [
        ["さくら食品", "物流改善", 12, "○", None, None, None, None, 12],
        [None, "倉庫増設", None, None, 3.5, "△", None, None, 3.5],
        ["もみじ製薬", "分析基盤", None, None, None, None, 40, "×", 40],
        [None] * 9,
        ["合計", None, 12, None, 3.5, None, 40, None, 55.5],
    ]
    for row in rows:
        sheet.append(row)
    sheet.merge_cells("A5:A6")
    book.save(path)


def one_sheet(path: Path) -> None:
    """All people on one sheet: 担当 and 受注予定月 merged over their rows, 万円, ranks with 受注 and 失注."""
    book = openpyxl.Workbook()
    sheet: Worksheet = book.active
    sheet.title = "案件一覧"
    sheet["A1"] = "営業会議資料"
    sheet["A2"] = "2026年11月27日現在"
    sheet.append([])
    sheet.append(["担当", "受注予定月", "会社名", "商談名", "ランク", "金額（万円）", "登録日", "情報更新日"])
    rows: list[list[Any]] = [
        ["田中", "2026年11月", "ふじ運輸", "配車", "受注", 120, "2026/8/3", "2026/11/20"],
        [None, None, "ふじ運輸", "点呼", "Ａ", "1,500", "2026/9/1", "2026/11/25"],
        [None, "2027年2月", "すみれ印刷", "ワークフロー", "Ｂ", 80, "2026/10/6", "2026/11/2"],
        ["伊藤", "未定", "つばめ観光", "予約", "ネタ", None, "2026/11/10", None],
        ["小計", None, None, None, None, 1700, None, None],
    ]
    for row in rows:
        sheet.append(row)
    sheet.merge_cells("A5:A7")
    sheet.merge_cells("B5:B6")
    book.save(path)


BOOKS: dict[str, Callable[[Path], None]] = {
    "案件管理.xlsx": months_as_rows,
    "ヨミ表.xlsx": months_as_columns,
    "営業会議.xlsx": one_sheet,
}
