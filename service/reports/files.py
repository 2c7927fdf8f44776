"""Which reports are there, what does each ask, and how is it written in each form?"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crm.i18n import Language, Text
from crm.periods import parse_period
from service import questions
from service.csv_cells import csv_text
from service.interval_proof import IntervalProof, interval_proof
from service.kept_backtests import newest_backtest
from service.language import period_text
from service.pages.asked import Asked
from service.pages.outlook.view import OutlookParts, outlook_view
from service.pages.outlook.words import WORDS as OUTLOOK_WORDS
from service.pages.yomi.asked import AskedSheet
from service.pages.yomi.view import yomi_view
from service.pages.yomi.words import WORDS as YOMI_WORDS
from service.reports.page_file import page_file
from service.reports.quarter_workbook import quarter_workbook
from service.reports.yomi_workbook import yomi_workbook
from service.sight import EVERYTHING, Sight
from service.stored_answers import Question
from service.use_cases import UseCases
from service.yomi.past_ranks import WEEK

XLSX, HTML, CSV = "xlsx", "html", "csv"
MEDIA: Mapping[str, str] = {
    XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    HTML: "text/html; charset=utf-8",
    CSV: "text/csv; charset=utf-8",
}
YOMI, QUARTER = "yomi", "quarter"
_ACTIONS = 20
_ALL = 1_000_000  # rows of a page in a file
_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"  # before a CSV, so that Excel reads UTF-8
_QUARTER = Text("{period}の見通し（{scope}）", "Outlook of {period} ({scope})")
_DEALS = (
    "deal_id", "name", "account_name", "owner_id", "owner_name", "product", "stage", "state",
    "rank", "agreed", "expected_close_date", "month", "amount", "by_period_end", "difference_pp",
    "revenue", "swing_pp", "last_contact", "updated",
)  # fmt: skip
_PARTS = ("scope", "name", "target", "probability", "closed", "p10", "p50", "p90", "mean")
Answers = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class AskedReport:
    """What a report is about, for whom, in which language."""

    period: str
    scope: str
    as_of: str | None
    lang: Language
    currency: str
    fiscal_start_month: int
    sight: Sight = EVERYTHING

    @classmethod
    def of(
        cls,
        cases: UseCases,
        period: str,
        scope: str,
        as_of: str | None,
        lang: Language,
        sight: Sight = EVERYTHING,
    ) -> AskedReport:
        """With the organisation's currency and fiscal year."""
        state = cases.serving.current()
        return cls(
            period=period,
            scope=scope,
            as_of=as_of,
            lang=lang,
            currency=state.bundle.currency,
            fiscal_start_month=state.organisation(state.now).fiscal_start_month,
            sight=sight,
        )

    @property
    def page(self) -> Asked:
        """The same as a page is asked."""
        return Asked(period=self.period, scope=self.scope, as_of=self.as_of)

    def in_words(self, period: str) -> str:
        """A period by its name, in words."""
        return period_text(parse_period(period, self.fiscal_start_month), self.lang)

    def title(self, words: Text, answer: Mapping[str, Any]) -> str:
        """What a report is called."""
        about = {"period": self.in_words(answer["period"]), "scope": answer["name"] or answer["scope"]}
        return words.format(**about).to(self.lang)


def questions_of(cases: UseCases, report: str, asked: AskedReport) -> dict[str, Question]:
    """The questions of a report, by the name of their answers."""
    period, scope, as_of, lang, sight = asked.period, asked.scope, asked.as_of, asked.lang, asked.sight
    scopes = questions.scopes(cases.scopes, period, as_of, lang, sight)
    if report == YOMI:
        return {"yomi": questions.yomi(cases.yomi, period, scope, as_of, WEEK, lang, sight), "scopes": scopes}
    use = cases.recommendations
    return {
        "forecast": questions.forecast(cases.forecasts, period, scope, as_of, lang, sight),
        "actions": questions.actions(use, scope, None, period, as_of, _ACTIONS, lang, sight),
        "bottlenecks": questions.bottlenecks(use, scope, period, as_of, lang, sight),
        "scopes": scopes,
    }


def written(cases: UseCases, report: str, form: str, answers: Answers, asked: AskedReport) -> bytes:
    """A report in a form, of the answers to its questions."""
    if report == YOMI:
        return _yomi(form, answers, asked)
    intervals = interval_proof(None, newest_backtest(cases.settings))
    return _quarter(form, answers, asked, intervals)


def file_name(report: str, answers: Answers, form: str) -> str:
    """What a report's file is called: by its period and scope.

    >>> file_name("yomi", {"yomi": {"period": "2026-Q4", "scope": "team:T1"}}, "xlsx")
    'sancho-yomi-2026-Q4-team-T1.xlsx'
    """
    about = answers["yomi" if report == YOMI else "forecast"]
    parts = re.sub(r"[^A-Za-z0-9.]+", "-", f"{about['period']}-{about['scope']}").strip("-.")
    return f"sancho-{report}-{parts}.{form}"


def _yomi(form: str, answers: Answers, asked: AskedReport) -> bytes:
    answer, lang = answers["yomi"], asked.lang
    if form == CSV:
        return _csv(_DEALS, answer["deals"], lambda deal, name: deal[name])
    if form == XLSX:
        return yomi_workbook(answer, lang, asked.currency, asked.title(YOMI_WORDS["heading"], answer))
    view = yomi_view(
        lang,
        answer,
        answers["scopes"],
        asked=asked.page,
        sheet=AskedSheet(show="all", rows=_ALL),
        currency=asked.currency,
        may_choose=False,
        here="/yomi",
        in_words=asked.in_words,
    )
    return page_file("yomi.html.j2", lang, YOMI_WORDS, view)


def _quarter(form: str, answers: Answers, asked: AskedReport, intervals: IntervalProof) -> bytes:
    forecast, lang = answers["forecast"], asked.lang
    if form == CSV:
        return _csv(_PARTS, [forecast, *forecast["children"]], _of_part)
    if form == XLSX:
        parts = OutlookParts(lang, forecast, asked.currency, asked.page, intervals)
        return quarter_workbook(parts, asked.title(_QUARTER, forecast))
    view = outlook_view(
        lang,
        forecast,
        answers["actions"],
        answers["bottlenecks"],
        answers["scopes"],
        asked=asked.page,
        currency=asked.currency,
        period=parse_period(forecast["period"], asked.fiscal_start_month),
        intervals=intervals,
    )
    of_the_page = {"calls": [], "can_call": False, "few": None, "record": None}  # alone
    return page_file("outlook.html.j2", lang, OUTLOOK_WORDS, {**view, **of_the_page})


def _of_part(part: Mapping[str, Any], name: str) -> object:
    return part["revenue"][name] if name in part["revenue"] else part[name]


def _csv(
    names: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    value: Callable[[Mapping[str, Any], str], object],
) -> bytes:
    """Rows under the names of REST, with exact values."""
    return (_MARK + csv_text([names, *([value(row, name) for name in names] for row in rows)])).encode()
