"""What stands around the content of a page about a period and a scope? The choice, and the foot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from crm.i18n import Language, Text
from service.language import day_text, moment_text
from service.pages.asked import Asked
from service.pages.states import bars
from service.pages.values import unit_choices
from service.pages.words import WORDS

_PERIODS = {
    "this-quarter": Text("今四半期", "This quarter"),
    "next-quarter": Text("来四半期", "Next quarter"),
    "this-month": Text("今月", "This month"),
    "this-year": Text("今年度", "This fiscal year"),
}


def frame(
    lang: Language,
    path: str,
    asked: Asked,
    about: Mapping[str, Any],
    scopes: Mapping[str, Any],
    currency: str,
    also: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The values of base.html.j2 for a page about a period and a scope.

    `about`: an answer with `as_of`, `model` and `data_as_of`; `scopes`: that of /v1/scopes; `also`: further
    fields of the page's address (sorting, filters), which the form keeps.
    """
    periods, units = _periods(asked.period, lang), unit_choices(currency, lang)
    return {
        "choice": {
            "path": path,
            "said": _said(asked, periods, about, scopes["scopes"], units.get(asked.unit or ""), lang),
            "periods": periods,
            "period": asked.period,
            "scopes": _scopes(scopes["scopes"]),
            "scope": about.get("scope") or asked.scope,
            "as_of": "" if asked.as_of is None else asked.as_of[:10],
            "units": [{"name": name, "words": words} for name, words in units.items()],
            "unit": asked.unit or "",
            "also": dict(also or {}),
        },
        "bars": bars(about, asked, path, lang),
        "kept": asked.kept(),
        "foot": foot(about, lang),
    }


def foot(about: Mapping[str, Any], lang: Language) -> str:
    """As of when, by which model, from which data."""
    model, data = about["model"], about.get("data_as_of")
    trained = day_text(datetime.fromisoformat(model["trained_at"]).date(), lang)
    values = {"as_of": moment_text(about["as_of"], lang), "version": model["version"], "trained": trained}
    if data is None:
        return WORDS["foot_no_data"].format(**values).to(lang)
    return WORDS["foot"].format(**values, data=moment_text(data, lang)).to(lang)


def _said(
    asked: Asked,
    periods: Sequence[Mapping[str, str]],
    about: Mapping[str, Any],
    scopes: Sequence[Mapping[str, Any]],
    unit: str | None,
    lang: Language,
) -> str:
    """The choice in one line, as a phone shows it."""
    scope = about.get("scope") or asked.scope
    names = (row["name"] or row["scope"] for row in scopes if row["scope"] == scope)
    period = next(row["words"] for row in periods if row["name"] == asked.period)
    moment = WORDS["present"].to(lang) if asked.as_of is None else asked.as_of[:10]
    joint = "・" if lang == "ja" else " · "
    return joint.join(filter(None, (period, next(names, None), moment, unit)))


def _periods(asked: str, lang: Language) -> list[dict[str, str]]:
    rows = [{"name": name, "words": words.to(lang)} for name, words in _PERIODS.items()]
    return rows if asked in _PERIODS else [*rows, {"name": asked, "words": asked}]


def _scopes(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """The scopes of the choice, those below others further to the right."""
    depth: dict[str, int] = {}
    shown = []
    for row in rows:
        depth[row["scope"]] = depth.get(row["parent"] or "", -1) + 1
        shown.append(
            {"scope": row["scope"], "words": "　" * depth[row["scope"]] + (row["name"] or row["scope"])}
        )
    return shown
