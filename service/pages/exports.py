"""Where does a page lead that its numbers can be taken from: workbook, table, one file, JSON?"""

from __future__ import annotations

from urllib.parse import urlencode

from crm.i18n import Language, Text

_FORMS = (
    ("xlsx", Text("Excel（数式・グラフつき）", "Excel (formulas, charts)")),
    ("csv", Text("CSV", "CSV")),
    ("html", Text("1つのHTML（印刷・送付用）", "One HTML file (to print or send)")),
)
_JSON = Text("JSON", "JSON")


def export_links(
    report: str, period: str, scope: str, as_of: str | None, lang: Language, json_address: str
) -> list[dict[str, str]]:
    """The links beside a page's table, each with its words.

    >>> export_links("yomi", "2026-Q4", "company", None, "en", "/v1/yomi/2026-Q4")[1]["address"]
    '/v1/reports/yomi/2026-Q4?scope=company&format=csv&lang=en'
    """
    past = {} if as_of is None else {"as_of": as_of}
    links = [
        {
            "words": words.to(lang),
            "address": f"/v1/reports/{report}/{period}?"
            + urlencode({"scope": scope, **past, "format": form, "lang": lang}),
        }
        for form, words in _FORMS
    ]
    return [*links, {"words": _JSON.to(lang), "address": json_address}]
