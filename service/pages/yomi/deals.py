"""Which deals are on the page ヨミ表, in which order and groups, and how is a row written?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import groupby
from typing import Any

from crm.i18n import Language, Text
from pictures.measure import MISSING, PERCENT, POINTS, Measure
from service.pages.asked import Asked
from service.pages.values import cell, headline_measure, money_measure
from service.pages.yomi.asked import ROWS, AskedSheet
from service.pages.yomi.words import WORDS

Answer = Mapping[str, Any]
MARKED_PP = 30.0  # from which a deal's chance is marked as far from its rank
PRINTED = 10  # rows of a printed page
_SORTS: Mapping[str, Callable[[Answer], Any]] = {
    "swing": lambda deal: -(deal["swing_pp"] or 0.0),
    "revenue": lambda deal: -(deal["revenue"] or 0.0),
    "difference": lambda deal: -abs(deal["difference_pp"] or 0.0),
    "amount": lambda deal: -(deal["amount"] or 0.0),
    "chance": lambda deal: -(deal["by_period_end"] or 0.0),
    "due": lambda deal: deal["expected_close_date"] or "9999",
}
_HEADS = ("due", "amount", "chance", "difference", "revenue", "swing")  # in the order of the columns
_SHOWS: Mapping[str, Callable[[Answer], bool]] = {
    "open": lambda deal: deal["state"] == "open",
    "marked": lambda deal: is_marked(deal),
    "won": lambda deal: deal["state"] == "won",
    "all": lambda _: True,
}


def is_marked(deal: Answer) -> bool:
    """Whether a deal's chance is far from what is agreed for its rank."""
    return bool(abs(deal["difference_pp"] or 0.0) >= MARKED_PP)


@dataclass(frozen=True)
class DealRows:
    """The part of the sheet that is shown."""

    lang: Language
    answer: Answer
    asked: Asked
    sheet: AskedSheet
    currency: str

    def view(self) -> dict[str, Any]:
        """The values of the template."""
        chosen, start = self.ordered, self.sheet.start
        shown = chosen[start : start + self.sheet.rows]
        count = {"n": len(chosen), "first": min(start + 1, len(chosen)), "last": start + len(shown)}
        return {
            "count": WORDS["sheet_count"].format(**count).to(self.lang),
            "detail_unit": self.unit.unit.to(self.lang),
            "heads": [self._head(name) for name in _HEADS],
            "groups": [self._group(rows) for rows in self._groups(shown)],
            "filters": [self._filter(name) for name in _SHOWS],
            "groupings": [self._grouping(name) for name in ("none", "owner", "month", "rank")],
            "before": self._turned(start - ROWS) if start > 0 else None,
            "after": self._turned(start + ROWS) if start + self.sheet.rows < len(chosen) else None,
            "rows_of_page": ROWS,
            "printed": PRINTED,
            "has_ranks": self.answer["rank_column"] is not None,
        }

    @cached_property
    def ordered(self) -> list[Answer]:
        """The deals that are asked for, in order; a group's together, the groups by expected revenue."""
        deals = [deal for deal in self.answer["deals"] if _SHOWS[self.sheet.show](deal)]
        deals.sort(key=_SORTS[self.sheet.sort])
        if self.sheet.group == "none":
            return deals
        worth: dict[str, float] = {}
        for deal in deals:
            worth[self._key(deal)] = worth.get(self._key(deal), 0.0) - (deal["revenue"] or 0.0)
        by_name = self.sheet.group in ("month", "rank")
        return sorted(
            deals, key=lambda deal: self._key(deal) if by_name else (worth[self._key(deal)], self._key(deal))
        )

    @cached_property
    def unit(self) -> Measure:
        """The one unit of the table."""
        values = [deal["amount"] for deal in self.answer["deals"]]
        wanted = "man" if self.lang == "ja" and self.currency == "JPY" else "k"
        large = max((one or 0.0 for one in values), default=0.0) >= 1e5
        return money_measure(values, self.currency, self.lang, self.asked.unit or (wanted if large else None))

    def _key(self, deal: Answer) -> str:
        names = {"owner": "owner_id", "month": "month", "rank": "rank"}
        return str(deal[names[self.sheet.group]] or "~")  # what is blank comes last

    def _groups(self, shown: Sequence[Answer]) -> list[list[Answer]]:
        if self.sheet.group == "none":
            return [list(shown)] if shown else []
        return [list(rows) for _, rows in groupby(shown, self._key)]

    def _group(self, rows: Sequence[Answer]) -> dict[str, Any]:
        head = None
        if self.sheet.group != "none":
            key = self._key(rows[0])
            whole = [deal for deal in self.ordered if self._key(deal) == key]
            revenue = sum(deal["revenue"] or 0.0 for deal in whole)
            words = headline_measure(revenue, self.currency, self.lang).text(revenue, self.lang)
            about = {"name": self._group_name(rows[0]), "n": len(whole), "revenue": words}
            head = WORDS["group_head"].format(**about).to(self.lang)
        return {"head": head, "rows": [self._row(deal) for deal in rows]}

    def _group_name(self, deal: Answer) -> Text | str:
        if self.sheet.group == "owner":
            return deal["owner_name"] or deal["owner_id"] or WORDS["nobody"]
        if self.sheet.group == "rank":
            return WORDS["no_rank"] if deal["rank"] is None else WORDS["rank_row"].format(rank=deal["rank"])
        return str(deal["month"] or WORDS["no_month"].to(self.lang))

    def _row(self, deal: Answer) -> dict[str, Any]:
        lang = self.lang
        marked = is_marked(deal)
        points = None if deal["difference_pp"] is None else deal["difference_pp"] / 100
        swing = None if deal["swing_pp"] is None else deal["swing_pp"] / 100
        style = "" if not marked else "up" if deal["difference_pp"] > 0 else "down"
        won = deal["state"] == "won"
        return {
            "marked": marked,
            "owner": deal["owner_name"] or deal["owner_id"] or MISSING,
            "account": deal["account_name"],
            "name": _without(deal["name"] or deal["deal_id"], deal["account_name"]),
            "address": self.asked.address(f"/deals/{deal['deal_id']}"),
            "product": deal["product"] or "",
            "stage": deal["stage"] or MISSING,
            "rank": deal["rank"] or MISSING,
            "due": _day(deal["expected_close_date"]),
            "amount": cell(deal["amount"], self.unit, lang),
            "chance": WORDS["won"].to(lang) if won else cell(deal["by_period_end"], PERCENT, lang),
            "difference": cell(points, POINTS, lang, signed=True, style=style),
            "revenue": cell(deal["revenue"], self.unit, lang),
            "swing": cell(swing, POINTS, lang),
            "reason": self._reason(deal),
            "step": "" if deal["next_action"] is None else deal["next_action"]["label"],
            "contact": _day(deal["last_contact"]),
            "updated": _day(deal["updated"]),
        }

    def _reason(self, deal: Answer) -> str:
        """What is wrong with it, else what moves its chance most."""
        separator = "・" if self.lang == "ja" else "; "
        if deal["flags"]:
            return separator.join(flag["label"] for flag in deal["flags"][:2])
        parts = []
        for reason in deal["reasons"][:1]:
            points = POINTS.number(reason["effect_pp"] / 100, signed=True)
            parts.append(f"{reason['label']} {points}pt")
        return separator.join(parts)

    def _head(self, name: str) -> dict[str, Any]:
        words = WORDS[name].to(self.lang)
        here = self.sheet.sort == name
        return {
            "words": words,
            "address": self._address(sort=name, start=0),
            "sorted": None if not here else "ascending" if name == "due" else "descending",
        }

    def _filter(self, name: str) -> dict[str, Any]:
        count = sum(_SHOWS[name](deal) for deal in self.answer["deals"])
        words = WORDS["all" if name == "all" else f"show_{name}"].to(self.lang)
        address = self._address(show=name, start=0)
        return {"words": f"{words} {count}", "address": address, "here": name == self.sheet.show}

    def _grouping(self, name: str) -> dict[str, Any]:
        words = WORDS[f"group_{name}"].to(self.lang)
        address = self._address(group=name, start=0)
        return {"words": words, "address": address, "here": name == self.sheet.group}

    def _turned(self, start: int) -> str:
        return self._address(start=start)

    def _address(self, **other: str | int) -> str:
        return self.asked.address("/yomi", **self.sheet.query(**other)) + "#sheet"


def _without(name: str, account: str | None) -> str:
    """A deal's name without its account's, where it begins with it: that stands in the line above.

    >>> _without("三栄工業 生産管理の更新", "三栄工業"), _without("三栄工業", "三栄工業")
    ('生産管理の更新', '三栄工業')
    """
    return (name.removeprefix(account).strip() if account else name) or name


def _day(text: str | None) -> str:
    """A date as a table has it: 12/18."""
    if text is None:
        return MISSING
    day = date.fromisoformat(text)
    return f"{day.month}/{day.day}"
