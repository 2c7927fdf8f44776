"""What stands on the page 商談? A page of the open deals, with what to filter and sort them by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from crm.i18n import Language
from crm.periods import Period
from pictures.measure import COUNT, PERCENT, POINTS, Measure
from service.deal_search import ATTENTION
from service.language import known_day, period_text
from service.pages.asked import Asked
from service.pages.deals.naming import FLAGS, WORRIES, deal_address, title
from service.pages.deals.words import WORDS
from service.pages.frame import frame
from service.pages.values import cell, day_cell, money_measure

Answer = Mapping[str, Any]
PATH = "/deals"
ROWS = 40  # of a page: more would not fit into what a page may weigh
_FALLING = {"stage", "owner_name", "planned_close_date"}  # columns that begin with the least
_TEXTS = {"stage", "owner_name"}  # columns of words
_CSV = (
    *("deal_id", "name", "account_name", "owner_name", "stage", "amount", "planned_close_date"),
    *("expected_close_date", "win_by_period_end", "change_pp", "win_probability", "expected_revenue"),
    *("swing_pp", "flags", "next_action"),
)


@dataclass(frozen=True, kw_only=True)
class Sought:
    """What the address looks for and sorts by; empty: everything, by what matters most."""

    sort: str | None = None
    flag: str | None = None
    q: str | None = None
    bottleneck: str | None = None

    def kept(self) -> dict[str, str]:
        """The part of the query that says it."""
        said = {"sort": self.sort, "flag": self.flag, "q": self.q, "bottleneck": self.bottleneck}
        return {name: value for name, value in said.items() if value}


def deals_view(
    lang: Language,
    found: Answer,
    bottlenecks: Answer | None,
    scopes: Answer,
    *,
    asked: Asked,
    sought: Sought,
    sort: str,
    currency: str,
    in_period: Period,
) -> dict[str, Any]:
    """The values of the page's template; `sort` is what the deals are sorted by."""
    page = _Deals(lang, found, asked, sought, sort, currency, in_period)
    rest = asked.kept() | sought.kept()
    query = {"period": found["period"], "scope": found["scope"]} | sought.kept() | {"sort": sort}
    past = {} if asked.as_of is None else {"as_of": asked.as_of}
    return {
        **frame(lang, PATH, asked, found, scopes, currency, sought.kept()),
        **page.heading(),
        "filters": page.filters(),
        "narrowed": page.narrowed(bottlenecks),
        "sought": sought,
        "hidden": {name: value for name, value in rest.items() if name != "q"},
        "columns": page.columns(),
        "by_points": page.by_points,
        "deals": [page.row(deal) for deal in found["deals"]],
        "unit": page.unit.unit.to(lang),
        "legend": page.legend(),
        "pages": page.pages(),
        "json_address": "/v1/deals?" + urlencode({**query, **past}),
        "csv_address": asked.address(f"{PATH}.csv", **{**sought.kept(), "sort": sort}),
    }


def csv_rows(lang: Language, found: Answer) -> list[Sequence[object]]:
    """All that were found as rows under headings, with their exact numbers."""
    headings = [WORDS.get(f"csv_{name}", WORDS.get(name, WORDS["title"])).to(lang) for name in _CSV]
    return [headings, *([_csv_value(deal, name, lang) for name in _CSV] for deal in found["deals"])]


def _csv_value(deal: Answer, name: str, lang: Language) -> object:
    value = deal[name]
    if name == "flags":
        return "、".join(FLAGS[flag["code"]].to(lang) for flag in value)
    if name == "next_action":
        return None if value is None else value["label"]
    return value


@dataclass(frozen=True)
class _Deals:
    lang: Language
    found: Answer
    asked: Asked
    sought: Sought
    sort: str
    currency: str
    in_period: Period

    @property
    def by_points(self) -> bool:
        """Whether deals matter by points of a goal, or by revenue."""
        return bool(self.found["ranked_by"] == "attainment")

    @property
    def unit(self) -> Measure:
        """The one unit of the table."""
        amounts = [deal["amount"] for deal in self.found["deals"]]
        return money_measure(amounts, self.currency, self.lang, self.asked.unit)

    @property
    def period(self) -> str:
        return period_text(self.in_period, self.lang)

    @property
    def scope(self) -> str:
        return str(self.found["name"] or self.found["scope"])

    def heading(self) -> dict[str, Any]:
        """The question and its answer."""
        lang, found = self.lang, self.found
        attention, every = found["attention_deals"], found["open_deals"]
        said = "some_need" if attention else "none_need" if every else "no_deals"
        means = "what_attention" if self.by_points else "what_attention_revenue"
        return {
            "question": WORDS["question"].format(scope=self.scope, period=self.period).to(lang),
            "answer": WORDS[said].format(n=f"{attention:,}", all=f"{every:,}").to(lang),
            "means": WORDS[means].to(lang) if every else "",
        }

    def filters(self) -> list[dict[str, Any]]:
        """All deals, those that need attention, those with each flag; with counts."""
        lang, found = self.lang, self.found
        counts = {one["code"]: one["deals"] for one in found["flag_counts"]}
        rows = [
            ("", WORDS["all"], found["open_deals"]),
            (ATTENTION, WORDS["attention"], found["attention_deals"]),
        ]
        rows += [(code, words, counts[code]) for code, words in FLAGS.items() if counts.get(code)]
        return [
            {
                "words": words.to(lang),
                "deals": cell(count, COUNT, lang),
                "address": self._address(flag=code or None, cursor=None),
                "is_here": (self.sought.flag or "") == code,
            }
            for code, words, count in rows
        ]

    def narrowed(self, bottlenecks: Answer | None) -> dict[str, str] | None:
        """The bottleneck that the deals are in, and the way back to all."""
        if bottlenecks is None:
            return None
        labels = {one["id"]: one["label"] for one in bottlenecks["bottlenecks"]}
        label = labels.get(self.sought.bottleneck, self.sought.bottleneck)
        words = WORDS["in_bottleneck"].format(label=label).to(self.lang)
        return {"words": words, "address": self._address(bottleneck=None)}

    def columns(self) -> list[dict[str, Any]]:
        """The columns that can be sorted by, each with the address that does so."""
        last = "swing_pp" if self.by_points else "expected_revenue"
        named = (
            "owner_name",
            "stage",
            "amount",
            "planned_close_date",
            "win_by_period_end",
            "change_pp",
            last,
        )
        return [self._column(name) for name in named]

    def _column(self, name: str) -> dict[str, Any]:
        column, is_down = self.sort.removeprefix("-"), self.sort.startswith("-")
        if name == column:
            order, other = "descending" if is_down else "ascending", name if is_down else f"-{name}"
        else:
            order, other = "", name if name in _FALLING else f"-{name}"
        words = WORDS[name].to(self.lang)
        return {
            "words": words,
            "order": order,
            "is_text": name in _TEXTS,
            "address": self._address(sort=other),
        }

    def row(self, deal: Answer) -> dict[str, Any]:
        """A deal as a row of the table."""
        lang, action, change = self.lang, deal["next_action"], deal["change_pp"]
        year = known_day(self.found["as_of"]).year
        style = "" if change is None or abs(change) < 1 else "up" if change > 0 else "down"
        matters = (
            cell(None if deal["swing_pp"] is None else deal["swing_pp"] / 100, POINTS, lang)
            if self.by_points
            else cell(deal["expected_revenue"], self.unit, lang)
        )
        flags = sorted(deal["flags"], key=lambda flag: list(FLAGS).index(flag["code"]))
        return {
            "title": title(deal),
            "account": deal["account_name"] or "",
            "address": deal_address(self.asked, deal["deal_id"]),
            "owner": deal["owner_name"] or deal["owner_id"] or "–",
            "stage": deal["stage"],
            "amount": cell(deal["amount"], self.unit, lang),
            "planned": day_cell(deal["planned_close_date"], lang, year),
            "chance": cell(deal["win_by_period_end"], PERCENT, lang),
            "share": f"{deal['win_by_period_end']:.2f}",
            "change": cell(None if change is None else change / 100, POINTS, lang, signed=True, style=style),
            "matters": matters,
            "flags": [
                {"words": FLAGS[flag["code"]].to(lang), "is_worry": flag["code"] in WORRIES} for flag in flags
            ],
            "action": "" if action is None else action["label"],
        }

    def legend(self) -> list[str]:
        """What the columns and the flags mean."""
        lang = self.lang
        said = [WORDS["means_chance"].format(period=self.period).to(lang), WORDS["means_planned"].to(lang)]
        if self.by_points:
            said.append(WORDS["means_swing"].format(scope=self.scope).to(lang))
        labels = {one["code"]: one["label"] for one in self.found["flag_counts"]}
        colon = "：" if lang == "ja" else ": "
        return [*said, *(FLAGS[code].to(lang) + colon + labels[code] for code in FLAGS if code in labels)]

    def pages(self) -> dict[str, Any]:
        """Where this page stands among all, and the pages beside it."""
        lang, found = self.lang, self.found
        before, count, every = found["rows_before"], len(found["deals"]), found["deals_found"]
        words = {"first": f"{before + 1:,}", "last": f"{before + count:,}", "all": f"{every:,}"}
        left = every - before - count
        return {
            "shown": WORDS["shown"].format(**words).to(lang) if count else "",
            "previous": self._address(cursor=found["previous_cursor"]) if before else None,
            "previous_words": WORDS["previous"].format(n=min(before, ROWS)).to(lang),
            "next": self._address(cursor=found["next_cursor"]) if found["next_cursor"] else None,
            "next_words": WORDS["next"].format(n=min(left, ROWS)).to(lang),
        }

    def _address(self, **other: str | None) -> str:
        """The address of the same page, but for what is told; another order begins at its first page."""
        return self.asked.address(PATH, **{**self.sought.kept(), **other})


def first_sort(found: Answer) -> str:
    """By what deals are sorted where nobody says: points of the goal, or revenue where that is settled."""
    return "-swing_pp" if found["ranked_by"] == "attainment" else "-expected_revenue"
