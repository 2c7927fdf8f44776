"""What stands on the page メンバー? The comparison of people on equal deals, and whom to help with what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from crm.i18n import Language, Text
from crm.periods import parse_period
from pictures.intervals import Intervals, Ranged
from pictures.measure import Measure
from service.language import period_text
from service.pages.asked import Asked
from service.pages.frame import frame
from service.pages.people.words import WORDS
from service.pages.values import cell

Answer = Mapping[str, Any]
PATH = "/people"
_WINS = Measure(1.0, Text("件", "wins"), 1)
_COUNT = Measure(1.0, Text("件", "deals"))
_MOST_HELPED = 5
_MOST_PICTURED = 30


def people_view(
    lang: Language, people: Answer, scopes: Answer, *, asked: Asked, currency: str
) -> dict[str, Any]:
    """The values of the page's template."""
    rows = people["people"]
    shown = _pictured(rows)
    picture = Intervals(
        name="people",
        title=WORDS["picture_title"],
        rows=[_ranged(row) for row in shown],
        measure=_WINS,
    )
    everybody = Intervals(
        name="all", title=WORDS["caption"], rows=[_ranged(row) for row in rows], measure=_WINS
    )
    past = {} if asked.as_of is None else {"as_of": asked.as_of}
    return {
        **frame(lang, PATH, asked, people, scopes, currency),
        "period": period_text(parse_period(people["period"]), lang),
        "scope_name": people["name"] or people["scope"],
        "answer": everybody.sentence.to(lang) if rows else None,
        "year_address": None if asked.period == "this-year" else asked.address(PATH, period="this-year"),
        "picture": picture.figure(lang) if rows else None,
        "pictured": len(shown) if len(shown) < len(rows) else None,
        "helped": [_helped(row) for row in _to_help(rows)],
        "everybody": [_row(row, lang) for row in sorted(rows, key=lambda row: row["name"] or row["scope"])],
        "notices": [warning["message"] for warning in people["warnings"]],
        "json_address": f"/v1{PATH}/{people['period']}?{urlencode({'scope': people['scope'], **past})}",
    }


def sheet_address(scope: str) -> str:
    """Where a person's sheet of the one-on-one is."""
    return f"{PATH}/{quote(scope.partition(':')[2], safe='')}/1on1"


def _name(row: Answer) -> str:
    return str(row["name"] or row["scope"].partition(":")[2])


def _ranged(row: Answer) -> Ranged:
    above = row["wins_above_expected"]
    return Ranged(Text(_name(row), _name(row)), above["p50"], above["p10"], above["p90"])


def _pictured(rows: Sequence[Answer]) -> list[Answer]:
    """Those with the largest differences either way, where there are too many; in the order of the answer."""
    if len(rows) <= _MOST_PICTURED:
        return list(rows)
    largest = sorted(rows, key=lambda row: -abs(row["wins_above_expected"]["p50"]))[:_MOST_PICTURED]
    names = {row["scope"] for row in largest}
    return [row for row in rows if row["scope"] in names]


def _gap(row: Answer) -> float:
    """The largest gap of a stage transition to the top quartile of peers."""
    return max(
        (
            stage["top_quartile_conversion"] - stage["conversion"]
            for stage in row["stages"]
            if stage["top_quartile_conversion"] is not None
        ),
        default=0.0,
    )


def _to_help(rows: Sequence[Answer]) -> list[Answer]:
    """Who is below what was expected first, then who has the largest gaps to peers."""
    found = [row for row in rows if row["verdict"] == "below" or row["coaching_focus"]]
    found.sort(key=lambda row: (row["verdict"] != "below", -_gap(row), row["scope"]))
    return found[:_MOST_HELPED]


def _helped(row: Answer) -> dict[str, str]:
    said = [row["message"]] if row["verdict"] == "below" else []
    if row["coaching_focus"]:
        said.append(row["coaching_focus"])
    return {"name": _name(row), "said": " ".join(said), "sheet": sheet_address(row["scope"])}


def _row(row: Answer, lang: Language) -> dict[str, str]:
    above = row["wins_above_expected"]
    verdict = row["verdict"]
    return {
        "name": _name(row),
        "sheet": sheet_address(row["scope"]),
        "closed": cell(row["deals"], _COUNT, lang),
        "wins": cell(row["wins"], _COUNT, lang),
        "expected": cell(row["expected_wins"], _WINS, lang),
        "above": cell(above["p50"], _WINS, lang, signed=True),
        "low": cell(above["p10"], _WINS, lang, signed=True),
        "high": cell(above["p90"], _WINS, lang, signed=True),
        "verdict": WORDS[f"verdict_{verdict}"].to(lang),
        "style": {"above": "up", "below": "down"}.get(verdict, "quiet"),
    }
