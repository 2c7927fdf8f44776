"""How does a manager's own workbook become deals? A sheet per person, months as heads, ranks, 千円."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from crm.i18n import Text
from crm.importing import numerals
from crm.importing.conventions import prepare
from crm.importing.dates import days
from crm.importing.load import Loader
from crm.importing.managers_sheet import Entry, ManagersSheet, is_open_date, month_of, plain, read_sheet
from crm.importing.source import Ints, Source
from crm.importing.validate import Batch
from crm.importing.values import folded
from crm.instants import iso, local_datetime, start_of_day
from crm.schema import TABLES

MANAGERS = "managers_book"
_WON = {"受注", "受注済", "受注済み", "成約", "成約済", "契約済", "won", "closed won"}
_LOST = {"失注", "失注済", "敗戦", "lost", "closed lost"}
_NO_PERSON = re.compile(
    r"sheet *\d*|シート\d*|一覧|案件|案件一覧|案件管理|商談|商談一覧|全体|全員|ヨミ表?|管理表|deals?|list",
    re.I,
)
_RANKS = str.maketrans({"〇": "○", "◯": "○", "✕": "×", "✖": "×"})


def is_managers_book(sheets: Sequence[Source], is_deals: bool = False) -> bool:
    """Whether a workbook's sheets are lists as managers keep them, not tables under the schema's names.

    `is_deals`: the file is named as a table of deals; then only months as heads or several sheets tell.
    """
    exact = {folded(text) for text in ("deal_id", TABLES["deals"]["deal_id"].label.ja, "deal id")}
    if any(folded(name) in exact for sheet in sheets for name in sheet.columns.column_names):
        return False
    found = [read for sheet in sheets if sheet.grid is not None and (read := read_sheet(sheet.grid))]
    return bool(found) and (
        not is_deals or len(found) > 1 or any(s.months_from in ("rows", "columns") for s in found)
    )


def load_managers_book(loader: Loader, sheets: Sequence[Source], file: str) -> None:
    """Loads the deals of a manager's workbook, and tells what was taken for what."""
    read = [(sheet, None if sheet.grid is None else read_sheet(sheet.grid)) for sheet in sheets]
    found = [sheet for _, sheet in read if sheet is not None]
    names = _ids([entry for sheet in found for entry in sheet.entries])
    stored = {
        str(key): (created, closed)
        for key, created, closed in loader.writer.rows(
            "deals", ("deal_id", "created_at", "closed_at"), sorted({name for name in names.values() if name})
        )
    }
    for source, sheet in read:
        if sheet is not None:
            _load_sheet(loader, source, sheet, f"{file}[{sheet.title}]", names, stored)
    _tell(loader, file, found, [source.sheet or "" for source, sheet in read if sheet is None])


def _person(title: str) -> str | None:
    """The person whose sheet it is; None of a sheet named after a month or what it holds."""
    name = plain(title)
    return None if _NO_PERSON.fullmatch(name) or month_of(name) or re.search(r"\d{4}", name) else name


def _ids(entries: Sequence[Entry]) -> dict[int, str | None]:
    """What names each deal from week to week: its own number, else customer and name, counted where alike."""
    names: dict[int, str | None] = {}
    seen: Counter[str] = Counter()
    for entry in entries:
        parts = [plain(entry.roles.get(role)) for role in ("customer", "name")]
        name = plain(entry.roles.get("id")) or "/".join(part for part in parts if part)
        if not name:
            names[id(entry)] = None
            continue
        seen[name] += 1
        names[id(entry)] = name if seen[name] == 1 else f"{name} ({seen[name]})"
    return names


def _load_sheet(
    loader: Loader,
    source: Source,
    sheet: ManagersSheet,
    file: str,
    names: dict[int, str | None],
    stored: dict[str, tuple[Any, Any]],
) -> None:
    person = _person(sheet.title)
    rank_name = re.sub(r"[（(].*?[)）]", "", sheet.headings.get("rank", "")).strip()
    rows = [
        _row(loader, sheet, entry, names[id(entry)], person, rank_name, stored) for entry in sheet.entries
    ]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    amounts = _amounts(sheet.entries)
    table = pa.table(
        {
            name: amounts if name == "amount" else pa.array([row.get(name) for row in rows], pa.string())
            for name in columns
        }
    )
    prepared = prepare(TABLES["deals"], table, loader.zone)
    for notice in prepared.notices:
        loader.log.result.note(Text(f"{file}：{notice.ja}", f"{file}: {notice.en}"))
    numbers = np.array([entry.row for entry in sheet.entries], np.int64)

    def lines_of(wanted: Ints) -> Ints:
        lines: Ints = numbers[wanted]
        return lines

    batch = Batch(
        "deals", file, prepared.columns, lines_of, damaged=source.damaged, conventions=prepared.conventions
    )
    counts, _ = loader.load(batch)
    loader.log.count_file(file, counts)


def _amounts(entries: Sequence[Entry]) -> pa.Array:
    """Amounts in the unit of their sheet; what is no number stays as it is, so that its row is refused."""
    texts = pa.array([entry.roles.get("amount") for entry in entries], pa.string())
    marks = numerals.seen(texts).marks()
    return pa.array(
        [
            None if text is None else _amount(text, marks, entry.unit)
            for text, entry in zip(texts.to_pylist(), entries, strict=True)
        ],
        pa.string(),
    )


def _amount(text: str, marks: numerals.Marks, unit: float) -> str:
    value = numerals.numbers(pa.array([text]), marks, unit).column[0].as_py()
    return text if value is None else repr(value)


def _row(
    loader: Loader,
    sheet: ManagersSheet,
    entry: Entry,
    name: str | None,
    person: str | None,
    rank_name: str,
    stored: dict[str, tuple[Any, Any]],
) -> dict[str, str | None]:
    """A deal under canonical names."""
    zone, roles = loader.zone, entry.roles
    today = local_datetime(loader.now, zone).date()
    rank = plain(roles.get("rank")).translate(_RANKS)
    stage = _stage(plain(roles.get("stage")), rank, rank_name)
    expected = _expected(sheet, entry, today)
    created, closed = stored.get(name or "", (None, None))
    row: dict[str, str | None] = {
        "deal_id": name,
        "created_at": roles.get("created"),
        "stage": stage,
        "name": roles.get("name") or roles.get("customer"),
        "account_id": roles.get("customer"),
        "owner_id": roles.get("owner") or person,
        "product": roles.get("product"),
        "amount": roles.get("amount"),
        "expected_close_date": expected,
        "closed_at": None,
        **entry.others,
    }
    if rank:
        row[rank_name or "rank"] = rank
    ended = roles.get("closed")
    if stage in ("受注", "失注"):
        ended = ended or (None if closed is None else iso(closed, zone)) or _closing_day(expected, today)
        row["closed_at"] = ended
    if row["created_at"] is None:
        row["created_at"] = iso(created if created is not None else _first_known(loader, ended), zone)
    return row


def _stage(stage: str, rank: str, rank_name: str) -> str:
    for word in (stage, rank):
        if word.casefold() in _WON:
            return "受注"
        if word.casefold() in _LOST:
            return "失注"
    return stage or (f"{rank_name}{rank}" if rank else "商談中")


def _expected(sheet: ManagersSheet, entry: Entry, today: date) -> str | None:
    """The day in the deal's own cell, or the last day of the month there or in the head above it."""
    text = entry.roles.get("expected")
    if text is not None and not is_open_date(text):
        heading = sheet.headings.get("expected", "")
        month = month_of(text, marked="月" not in heading)
        if month is None or ("月" not in heading and re.fullmatch(r"\d{4}-\d{2}-\d{2}", text)):
            return text
        return sheet.years.last_day(month, today).isoformat()
    return None if entry.month is None else sheet.years.last_day(entry.month, today).isoformat()


def _closing_day(expected: str | None, today: date) -> str:
    """The day a deal without one ended: its month's last, or today where that is still to come."""
    return min(expected or today.isoformat(), today.isoformat())


def _first_known(loader: Loader, ended: str | None) -> int:
    """When a deal without a date of its own began, as far as is known: at this import, or when it ended."""
    if ended is None:
        return loader.now
    read = days(pa.array([ended]), loader.zone).column[0].as_py()
    return (
        loader.now if read is None else min(loader.now, start_of_day(date.fromisoformat(read), loader.zone))
    )


def _tell(loader: Loader, file: str, found: Sequence[ManagersSheet], unused: Sequence[str]) -> None:
    note = loader.log.result.note
    alike: dict[tuple[str, str], list[str]] = {}
    for sheet in found:
        told = _taken(sheet)
        alike.setdefault((told.ja, told.en), []).append(sheet.title)
    for (ja, en), titles in alike.items():
        note(Text(f"{file}[{'、'.join(titles)}]：{ja}", f"{file}[{', '.join(titles)}]: {en}"))
    if unused:
        note(
            Text(
                f"{file}：シート {'、'.join(unused)} には商談の一覧がないので使いませんでした。",
                f"{file}: sheets {', '.join(unused)} hold no list of deals and were not used.",
            )
        )


def _taken(sheet: ManagersSheet) -> Text:
    """What was taken for what in a sheet."""
    parts = sheet.headings
    person = _person(sheet.title)
    ja = [f"{sheet.header_row}行目を見出しとして読みました。"]
    en = [f"row {sheet.header_row} was read as the header."]
    if "id" not in parts:
        key = [parts[role] for role in ("customer", "name") if role in parts]
        ja.append(f"商談は {'・'.join(key)} で区別しました。")
        en.append(f"Deals are told apart by {', '.join(key)}.")
    if "owner" not in parts and person is not None:
        ja.append("担当者はシート名としました。")
        en.append("The owner is the sheet's name.")
    if sheet.months_from is not None:
        where = {
            "rows": ("月の見出し行", "the heads of months"),
            "columns": ("月の列", "the columns of months"),
            "title": ("シート名", "the sheet's name"),
            "cells": (f"「{parts.get('expected')}」", f"{parts.get('expected')!r}"),
        }[sheet.months_from]
        ja.append(f"受注予定日は{where[0]}から取り、日のないものは月末としました。")
        en.append(f"Expected close dates are from {where[1]}; a month means its last day.")
    for heading, unit in sheet.unit_of.items():
        ja.append(f"金額（{heading}）は {unit:,.0f} 倍しました。")
        en.append(f"Amounts ({heading}) were multiplied by {unit:,.0f}.")
    if "rank" in parts:
        ja.append(f"「{parts['rank']}」は独自項目として残しました。")
        en.append(f"{parts['rank']!r} was kept as a custom attribute.")
        if "stage" not in parts:
            ja.append("ステージの列がないので、これをステージとしました。")
            en.append("As no column holds the stage, it is the stage too.")
    if "created" not in parts:
        ja.append("作成日の列がないので、初めて取り込んだ日時を作成日時としました。")
        en.append("As no column says when deals began, they begin at their first import.")
    if sheet.totals:
        ja.append(f"合計などの {sheet.totals} 行は除きました。")
        en.append(f"{sheet.totals} rows of totals were left out.")
    return Text("".join(ja), " ".join(en))
