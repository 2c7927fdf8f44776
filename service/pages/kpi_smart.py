"""How are the findings of the SMART check shown? Marks of five criteria, and what would be better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crm.i18n import Language, Text

CRITERIA = {
    "specific": Text("具体的", "specific"),
    "measurable": Text("測定可能", "measurable"),
    "achievable": Text("達成可能", "achievable"),
    "relevant": Text("目標との関係", "relevant"),
    "time_bound": Text("期限", "time-bound"),
}
SMART_WORDS: Mapping[str, Text] = {
    "met": Text("満たす", "met"),
    "not_met": Text("満たさない", "not met"),
    "to_copy": Text(
        "改善案（枠の中は、クリックすると全体を選択できます。そのままコピーして使えます）",
        "What would be better (a click selects all of a box, to copy it)",
    ),
}


def criteria(lang: Language) -> list[str]:
    """The headings of the five criteria."""
    return [words.to(lang) for words in CRITERIA.values()]


def smart_rows(kpis: Sequence[Mapping[str, Any]], lang: Language) -> list[dict[str, Any]]:
    """A row for each KPI that was checked; `kpis`: rows with `label` and `smart`."""
    return [
        {
            "label": kpi["label"],
            "marks": [kpi["smart"][name]["ok"] for name in CRITERIA],
            "better": [
                {
                    "criterion": words.to(lang),
                    "why": kpi["smart"][name]["why"],
                    "suggestion": kpi["smart"][name]["suggestion"],
                }
                for name, words in CRITERIA.items()
                if not kpi["smart"][name]["ok"]
            ],
        }
        for kpi in kpis
        if kpi["smart"] is not None
    ]
