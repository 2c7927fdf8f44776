"""What stands around the content of a page about a period and a scope? The choice, and the foot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from crm.i18n import Language, Text
from service.language import as_of_text, day_text, moment_text
from service.pages.asked import Asked
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
    return {
        "choice": {
            "path": path,
            "periods": _periods(asked.period, lang),
            "period": asked.period,
            "scopes": _scopes(scopes["scopes"]),
            "scope": about.get("scope") or asked.scope,
            "as_of": "" if asked.as_of is None else asked.as_of[:10],
            "units": [{"name": name, "words": words} for name, words in unit_choices(currency, lang).items()],
            "unit": asked.unit or "",
            "also": dict(also or {}),
        },
        "past": None
        if asked.as_of is None
        else {"words": as_of_text(about["as_of"], lang), "now": asked.address(path, as_of=None)},
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
