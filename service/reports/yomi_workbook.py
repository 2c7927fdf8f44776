"""How does the deal sheet (ヨミ表) stand in a workbook? Its formulas follow its table and its chances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from xlsxwriter.utility import xl_col_to_name, xl_rowcol_to_cell
from xlsxwriter.worksheet import Worksheet

from crm.i18n import Language, Text
from service.reports.workbook import DAY, MONEY, POINTS, SHARE, Book, workbook_bytes
from service.reports.yomi_words import WORDS

Answer = Mapping[str, Any]
TABLE = Text("明細", "Deals")
_TOP = 3  # row of the summary's headings, from 0
_COLUMNS = (
    "rep", "account", "deal", "product", "stage", "rank", "due", "month", "amount", "chance", "agreed",
    "difference", "revenue", "swing", "reason", "step", "contact", "updated", "state",
)  # fmt: skip
_WIDTHS = (10, 22, 22, 14, 12, 6, 8, 9, 12, 8, 8, 8, 12, 7, 26, 18, 8, 8, 8)
_KINDS = {
    "due": DAY, "contact": DAY, "updated": DAY, "amount": MONEY, "revenue": MONEY, "chance": SHARE,
    "agreed": SHARE, "difference": POINTS, "swing": POINTS,
}  # fmt: skip


def yomi_workbook(answer: Answer, lang: Language, currency: str, title: str) -> bytes:
    """The workbook of an answer of `GET /v1/yomi`; `title`: period and scope in words."""
    return workbook_bytes(lang, lambda book: _Yomi(book, answer, currency, title).write())


@dataclass
class _Yomi:
    book: Book
    answer: Answer
    currency: str
    title: str

    @property
    def ranks(self) -> Sequence[Answer]:
        """The ranks, none where no column holds them."""
        found: Sequence[Answer] = self.answer["ranks"] if self.answer["rank_column"] is not None else []
        return found

    def words(self, name: str, **filled: object) -> str:
        """Words in the book's language."""
        return WORDS[name].format(**filled).to(self.book.lang)

    def write(self) -> None:
        """All sheets: the summary first, which reads the table of the second."""
        summary = self.book.sheet(WORDS["summary"])
        deals = self.book.sheet(TABLE)
        self._deals(deals)
        self._summary(summary)
        self._chart(summary)
        self._how_to_read()

    # the table

    def _deals(self, sheet: Worksheet) -> None:
        book, rows = self.book, self.answer["deals"]
        heads = [self.words(name) for name in _COLUMNS]
        last = max(len(rows), 1)
        sheet.add_table(
            0, 0, last, len(heads) - 1,
            {"name": TABLE.to(book.lang), "columns": [{"header": head} for head in heads],
             "style": "Table Style Light 1"},
        )  # fmt: skip
        for at, (width, head) in enumerate(zip(_WIDTHS, heads, strict=True)):
            sheet.set_column(at, at, width)
            sheet.write_string(0, at, head, book.format("head"))
        for number, deal in enumerate(rows, 1):
            for at, name in enumerate(_COLUMNS):
                self._cell(sheet, number, at, name, deal)
        place = {name: at for at, name in enumerate(_COLUMNS)}
        sheet.freeze_panes(1, 3)
        sheet.repeat_rows(0)
        sheet.conditional_format(
            1, place["chance"], last, place["chance"],
            {"type": "data_bar", "min_type": "num", "min_value": 0, "max_type": "num", "max_value": 1,
             "bar_color": "#8FBBDD"},
        )  # fmt: skip
        if self.ranks:
            choices = [rank["rank"] for rank in self.ranks]
            rule = {"validate": "list", "source": choices, "ignore_blank": True, "error_type": "warning"}
            sheet.data_validation(1, place["rank"], last, place["rank"], rule)

    def _cell(self, sheet: Worksheet, row: int, at: int, name: str, deal: Answer) -> None:
        book, value = self.book, self._value(name, deal)
        kind = book.format(_KINDS.get(name, "text"))
        if name in ("agreed", "difference") and deal["state"] == "open" and self.ranks:
            rank, chance = (xl_rowcol_to_cell(row, _COLUMNS.index(one)) for one in ("rank", "chance"))
            looked_up = f"VLOOKUP({rank},{self.words('agreed_name')},2,FALSE)"
            formula = looked_up if name == "agreed" else f"100*({chance}-{looked_up})"
            sheet.write_formula(row, at, f'=IFERROR({formula},"")', kind, "" if value is None else value)
        elif value is None:
            sheet.write_blank(row, at, None, kind)
        elif name in ("due", "contact", "updated"):
            sheet.write_datetime(row, at, date.fromisoformat(value), kind)
        elif isinstance(value, str):
            book.text(sheet, row, at, value)
        else:
            sheet.write_number(row, at, value, kind)

    def _value(self, name: str, deal: Answer) -> Any:
        lang = self.book.lang
        if name == "reason":
            separator = "・" if lang == "ja" else "; "
            said = [flag["label"] for flag in deal["flags"]] or [one["label"] for one in deal["reasons"][:1]]
            return separator.join(said[:2])
        if name == "step":
            return None if deal["next_action"] is None else deal["next_action"]["label"]
        if name == "state":
            return self.words(deal["state"])
        field = {
            "rep": "owner_name", "account": "account_name", "deal": "name", "due": "expected_close_date",
            "chance": "by_period_end", "difference": "difference_pp", "swing": "swing_pp",
            "contact": "last_contact",
        }  # fmt: skip
        value = deal[field.get(name, name)]
        return deal["deal_id"] if value is None and name == "deal" else value

    # the summary

    def _summary(self, sheet: Worksheet) -> None:
        book, months = self.book, self.answer["months"]
        book.text(sheet, 0, 0, self.title, "title")
        book.text(sheet, 1, 0, self.words("unit", unit=self.currency))
        sheet.set_column(0, 0, 30)
        sheet.set_column(1, len(months) + 1, 14)
        sheet.freeze_panes(_TOP + 1, 1)
        for at, head in enumerate([self.words("row"), *months, self.words("total")]):
            sheet.write_string(_TOP, at, head, book.format("head"))
        for number, row in enumerate(self.rows(), _TOP + 1):
            self._row(sheet, number, row)
        self._agreed(sheet, len(months) + 3)

    def rows(self) -> list[Answer]:
        """The answer's rows that a workbook has, and those of its own."""
        has_ranks = bool(self.ranks)
        rows = [
            row
            for row in self.answer["summary"]
            if has_ranks or row["code"] not in ("rank", "unranked", "counted_on")
        ]
        if has_ranks:
            rows.insert(-1, self._as_agreed())
        revenue, none = self.answer["revenue"], [None] * len(self.answer["months"])
        also = [("p50", self.words("middle"))]
        if revenue["p10"] is not None:
            also += [("p10", self.words("low")), ("p90", self.words("high"))]
        return [
            *rows,
            *({"code": name, "label": label, "months": none, "total": revenue[name]} for name, label in also),
        ]

    def _as_agreed(self) -> Answer:
        """What would come if the ranks held what is agreed: won deals, and each rank times its chance."""
        of = {row["rank"]: row for row in self.answer["summary"] if row["code"] == "rank"}
        won = next(row for row in self.answer["summary"] if row["code"] == "won")
        months = [
            sums + sum(of[rank["rank"]]["months"][at] * rank["agreed"] for rank in self.ranks)
            for at, sums in enumerate(won["months"])
        ]
        return {"code": "as_agreed", "label": self.words("as_agreed"), "months": months, "total": sum(months)}

    def place(self, code: str, rank: str | None = None) -> int:
        """The row (from 0) of a code."""
        rows = self.rows()
        return (
            _TOP
            + 1
            + next(
                at for at, row in enumerate(rows) if row["code"] == code and rank in (None, row.get("rank"))
            )
        )

    def _row(self, sheet: Worksheet, number: int, row: Answer) -> None:
        book, strong = self.book, row["code"] in ("counted_on", "gap", "expected")
        label = self.words("rank_row", rank=row["rank"]) if row["code"] == "rank" else row["label"]
        book.text(sheet, number, 0, label, "strong" if strong else "text")
        kind = book.format(SHARE if row["code"] == "attained" else "strong_money" if strong else MONEY)
        last = len(row["months"])
        for at, value in enumerate([*row["months"], row["total"]], 1):
            formula = self._formula(row, number, at, is_total=at == last + 1)
            if formula is not None:
                sheet.write_formula(number, at, formula, kind, "" if value is None else value)
            elif row["code"] == "target":
                shown = book.format("input")
                if value is None:
                    sheet.write_blank(number, at, None, shown)
                else:
                    sheet.write_number(number, at, value, shown)
            elif value is not None:
                sheet.write_number(number, at, value, kind)

    def _formula(self, row: Answer, number: int, at: int, *, is_total: bool) -> str | None:
        """The formula of a cell; None for what is typed in or comes from the simulation."""
        code, column, table = row["code"], xl_col_to_name(at), TABLE.to(self.book.lang)
        first, last = xl_rowcol_to_cell(number, 1), xl_rowcol_to_cell(number, at - 1)
        if code in ("target", "p10", "p50", "p90") or (code == "expected" and not is_total):
            return None
        target, won = (f"{column}{self.place(one) + 1}" for one in ("target", "won"))
        if code == "attained":
            return f'=IF(N({target})=0,"",{won}/{target})'
        if code == "gap":
            codes = [one["code"] for one in self.rows()]
            counted = (
                len(codes) - 1 - codes[::-1].index("counted_on")
                if "counted_on" in codes
                else codes.index("won")
            )
            return f'=IF(N({target})=0,"",{column}{_TOP + 2 + counted}-{target})'
        if is_total:
            return f"=SUM({first}:{last})"
        month = f"{column}${_TOP + 1}"
        amount, months, state = (f"{table}[{self.words(one)}]" for one in ("amount", "month", "state"))
        sums = f"{amount},{months},{month},{state},"
        still_open = f'{sums}"{self.words("open")}"'
        if code == "won":
            return f'=SUMIFS({sums}"{self.words("won")}")'
        if code == "rank":
            return f'=SUMIFS({still_open},{table}[{self.words("rank")}],"{row["rank"]}")'
        ranks = [f"{column}{self.place('rank', rank['rank']) + 1}" for rank in self.ranks]
        if code == "unranked":
            return f"=SUMIFS({still_open})-{'-'.join(ranks)}"
        if code == "counted_on":
            upto = [rank["rank"] for rank in self.ranks].index(row["rank"]) + 1
            return f"={won}+{'+'.join(ranks[:upto])}"
        agreed = [self.agreed_name(rank["rank"]) for rank in self.ranks]
        return f"={won}+" + "+".join(f"{cell}*{name}" for cell, name in zip(ranks, agreed, strict=True))

    def agreed_name(self, rank: str) -> str:
        """The name of the cell with the chance agreed for a rank."""
        at = [one["rank"] for one in self.ranks].index(rank)
        return f"{self.words('agreed_name')}_{rank if rank.isalnum() and rank.isascii() else at + 1}"

    def _agreed(self, sheet: Worksheet, left: int) -> None:
        """The ranks with their agreed chances as named cells, and what past ranks were worth."""
        if not self.ranks:
            return
        book, name = self.book, sheet.get_name()
        sheet.set_column(left, left + 4, 11)
        heads = ("rank", "agreed", "deals", "won_in", "actual")
        for at, head in enumerate(heads):
            sheet.write_string(_TOP, left + at, self.words(head), book.format("head"))
        checked = self.answer["answer_check"]["ranks"]
        for number, row in enumerate(checked, _TOP + 1):
            book.text(sheet, number, left, row["rank"])
            sheet.write_number(number, left + 1, row["agreed"], book.format("input_share"))
            sheet.write_number(number, left + 2, row["deals"], book.format(MONEY))
            sheet.write_number(number, left + 3, row["won"], book.format(MONEY))
            fewest = self.answer["answer_check"]["fewest"]
            deals, wins = (xl_rowcol_to_cell(number, left + at) for at in (2, 3))
            few = self.words("few")
            formula = f'=IF({deals}<{fewest},"{few}",{wins}/{deals})'
            value = few if row["share"] is None else row["share"]
            sheet.write_formula(number, left + 4, formula, book.format(SHARE), value)
            cell = xl_rowcol_to_cell(number, left + 1, row_abs=True, col_abs=True)
            book.workbook.define_name(self.agreed_name(row["rank"]), f"='{name}'!{cell}")
        first = xl_rowcol_to_cell(_TOP + 1, left, row_abs=True, col_abs=True)
        last = xl_rowcol_to_cell(_TOP + len(checked), left + 1, row_abs=True, col_abs=True)
        book.workbook.define_name(self.words("agreed_name"), f"='{name}'!{first}:{last}")
        sheet.write_comment(_TOP + 1, left + 1, self.words("agreed_note"))

    # the chart

    def _chart(self, summary: Worksheet) -> None:
        """Won deals and ranks added up from month to month, against the target of the period as a line."""
        book, months = self.book, self.answer["months"]
        sheet = book.sheet(WORDS["chart"])
        name = summary.get_name()
        rows = [("won", None, self.words("won_so_far"))]
        rows += [("rank", one["rank"], self.words("rank_row", rank=one["rank"])) for one in self.ranks]
        heads = [self.words("month"), *(label for *_, label in rows), self.words("target")]
        for at, head in enumerate(heads):
            sheet.write_string(0, at, head, book.format("head"))
        sums = {(row["code"], row.get("rank")): row["months"] for row in self.rows()}
        target_row = xl_rowcol_to_cell(self.place("target"), len(months) + 1, row_abs=True, col_abs=True)
        for below, month in enumerate(months, 1):
            sheet.write_string(below, 0, month)
            for at, (code, rank, _) in enumerate(rows, 1):
                place = self.place(code, rank)
                first, last = (xl_rowcol_to_cell(place, one, col_abs=one == 1) for one in (1, below))
                value = sum(sums[code, rank][:below])
                sheet.write_formula(below, at, f"=SUM('{name}'!{first}:{last})", book.format(MONEY), value)
            target = self.answer["target"]
            if target is not None:
                sheet.write_formula(
                    below, len(heads) - 1, f"='{name}'!{target_row}", book.format(MONEY), target
                )
        sheet.set_column(0, len(heads), 14)
        self._draw(sheet, heads, len(months), has_target=self.answer["target"] is not None)

    def _draw(self, sheet: Worksheet, heads: Sequence[str], count: int, *, has_target: bool) -> None:
        drawn = self.book.workbook.add_chart({"type": "column", "subtype": "stacked"})
        name = sheet.get_name()
        looks = [
            {"fill": {"color": "#525B66"}},
            {"fill": {"color": "#0B62A8"}},
            {"fill": {"color": "#8FBBDD"}},
        ]
        looks += [{"fill": {"color": "#FFFFFF"}, "border": {"color": "#808892"}}] * len(heads)
        for at in range(1, len(heads) - 1):
            drawn.add_series(_series(name, at, count) | looks[at - 1])
        if has_target:
            line = self.book.workbook.add_chart({"type": "line"})
            line.add_series(_series(name, len(heads) - 1, count) | {"line": {"color": "#1B1F24", "width": 2}})
            drawn.combine(line)
        drawn.set_title({"name": self.words("chart_title"), "name_font": {"size": 12}})
        drawn.set_y_axis({"num_format": "#,##0"})
        drawn.set_legend({"position": "bottom"})
        drawn.set_size({"width": 760, "height": 380})
        sheet.insert_chart(count + 2, 0, drawn, {"description": self.words("chart_title")})

    def _how_to_read(self) -> None:
        """As of when, by which model, in which unit, and what each number is."""
        book, answer = self.book, self.answer
        sheet = book.sheet(WORDS["reading"], landscape=False)
        sheet.set_column(0, 0, 20)
        sheet.set_column(1, 1, 80)
        check = answer["answer_check"]
        lines = [
            ("as_of", answer["as_of"]),
            ("data_until", answer["data_as_of"] or ""),
            ("model", f"{answer['model']['name']} {answer['model']['version']}"),
            ("unit_row", self.currency),
            ("rank_column", answer["rank_column"] or self.words("none")),
            ("month", self.words("read_month")),
            ("chance", self.words("read_chance")),
            ("difference", self.words("read_difference")),
            ("swing", self.words("read_swing")),
            ("expected_row", answer["no_range_by_month"]),
            ("range_row", self.words(f"interval_{answer['revenue']['interval']}")),
            ("colours", self.words("read_input")),
        ]
        if check is not None:
            quarters = ", ".join(one["period"] for one in check["quarters"])
            lines.append(("actual", self.words("read_check", week=check["week"], quarters=quarters)))
        lines += [("notice", warning["message"]) for warning in answer["warnings"]]
        for number, (name, said) in enumerate(lines):
            book.text(sheet, number, 0, self.words(name), "head")
            book.text(sheet, number, 1, said, "said")


def _series(sheet: str, column: int, count: int) -> dict[str, Any]:
    return {
        "name": [sheet, 0, column],
        "categories": [sheet, 1, 0, count, 0],
        "values": [sheet, 1, column, count, column],
    }
