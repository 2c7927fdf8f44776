"""What stands on the page 目標の配分? Each one's target and chance, sums, and what can be stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import orjson

from crm.i18n import Language, Text
from models.sharing.ways import CHANCE, EVEN, HISTORY, PIPELINE
from pictures.chances import HOLLOW, SHAPES, Chances, Mark
from pictures.measure import COUNT, PERCENT, Measure
from service.pages.asked import Asked
from service.pages.frame import frame
from service.pages.kpi_values import kpi_places
from service.pages.target_sharing.wanted import BASES, PATH, TOTAL, Wanted, typed_name
from service.pages.target_sharing.words import WORDS
from service.pages.values import cell, headline_measure, money_measure

Answer = Mapping[str, Any]
_ORDER = (CHANCE, EVEN, HISTORY, PIPELINE)  # of the marks of a row
_PICTURE_WIDTH = 180.0
_ROUNDINGS = {"JPY": (1e4, 1e5, 1e6)}
_OTHER_ROUNDINGS = (100.0, 1e3, 1e4)
_UNITS = {"JPY": "man"}  # in which amounts are typed where the address asks for no unit
_KINDS = ("", "committed", "stretch", "budget")


def usual_rounding(currency: str) -> float:
    """Of what targets are multiples where nobody says so."""
    return _ROUNDINGS.get(currency, _OTHER_ROUNDINGS)[1]


def mark_of(shared: Answer) -> str:
    """A mark of the targets that a page has shown: the form that stores them is about these alone."""
    shown = [shared["period"], shared["total"], [(row["scope"], row["value"]) for row in shared["targets"]]]
    return sha256(orjson.dumps(shown)).hexdigest()[:16]


def sharing_view(
    lang: Language,
    shared: Answer,
    levels: Answer,
    scopes: Answer,
    *,
    wanted: Wanted,
    asked: Asked,
    currency: str,
    may_store: bool,
    period: str,
    is_first_guess: bool = False,
) -> dict[str, Any]:
    """The values of the page's template."""
    page = _Sharing(lang, shared, currency, asked, wanted)
    return {
        **frame(lang, PATH, asked, shared, scopes, currency, wanted.said()),
        "places": kpi_places(asked, lang, "targets"),
        **page.answer(),
        "period": period,
        "is_first_guess": is_first_guess,
        "guide": page.guide(levels),
        "form": page.form(),
        "rows": page.rows(),
        "sums": page.sums(),
        "legend": page.legend(),
        "unit": page.unit.unit.to(lang),
        "compare": page.compare(),
        "compare_said": page.compare_said(),
        "save": page.save() if may_store and asked.as_of is None else None,
        "refusal": ""
        if may_store and asked.as_of is None
        else WORDS["may_not" if not may_store else "past_not"].to(lang),
        "left_out": shared["left_out"],
        "assumptions": shared["assumptions"],
        "differences": [one["message"] for one in shared["differences"]],
        "notices": [warning["message"] for warning in shared["warnings"]],
    }


@dataclass(frozen=True)
class _Sharing:
    lang: Language
    shared: Answer
    currency: str
    asked: Asked
    wanted: Wanted

    @property
    def unit(self) -> Measure:
        """The one unit of the table and of what is typed into it."""
        usual = _UNITS.get(self.currency, "k") if self.lang == "ja" else "k"
        return money_measure([self.shared["total"]], self.currency, self.lang, self.asked.unit or usual)

    def money(self, value: float) -> str:
        """An amount in a sentence."""
        return headline_measure(value, self.currency, self.lang).text(value, self.lang)

    def people(self) -> list[Answer]:
        """Those at the last level: people, or the scopes right below where there are none."""
        rows = self.shared["targets"]
        return [row for row in rows if row["scope"].startswith("person:")] or list(rows)

    def answer(self) -> dict[str, Any]:
        """The question, and how far chances are apart."""
        shared, lang = self.shared, self.lang
        by_way = {one["way"]: one for one in shared["ways"]}
        chosen = by_way[shared["way"]]
        if chosen["lowest"] is None:
            said = WORDS["nobody"].to(lang)
        else:
            is_even = shared["way"] == CHANCE
            said = (
                WORDS["alike" if is_even else "apart"]
                .format(n=len(self.people()), way=chosen["label"], **_ends(chosen))
                .to(lang)
            )
            other = by_way[EVEN if is_even else CHANCE]
            between = "" if lang == "ja" else " "
            said += between + WORDS["even_instead" if is_even else "chance_instead"].format(
                **_ends(other)
            ).to(lang)
        quiet = [WORDS["whole_chance"].format(p=PERCENT.words(shared["probability"])).to(lang)]
        if shared["growth"] is not None:
            growth = PERCENT.text(shared["growth"], lang, signed=True)
            quiet.append(WORDS["growth"].format(g=growth).to(lang))
        if self.wanted.fixed:
            quiet.append(WORDS["fixed_count"].format(n=len(self.wanted.fixed)).to(lang))
        return {
            "scope_name": shared["name"] or shared["scope"],
            "total": self.money(shared["total"]),
            "said": said,
            "quiet": quiet,
        }

    def guide(self, levels: Answer) -> list[dict[str, str]]:
        """Amounts to compare the whole with: what is reached how likely, and last year's."""
        lang = self.lang
        found = [
            (
                WORDS["level"].format(label=one["label"], p=PERCENT.words(one["confidence"])).to(lang),
                one["value"],
            )
            for one in levels["levels"]
        ]
        if levels["last_year"] is not None:
            found.append((WORDS["last_year"].to(lang), levels["last_year"]["value"]))
        return [{"words": words, "amount": cell(value, self.unit, lang)} for words, value in found]

    def form(self) -> dict[str, Any]:
        """What the targets are shared out by, to be changed."""
        lang, wanted, unit = self.lang, self.wanted, self.unit.unit
        sizes = _ROUNDINGS.get(self.currency, _OTHER_ROUNDINGS)
        rounding = wanted.round_to or usual_rounding(self.currency)
        return {
            "kept": self.asked.kept(),
            "size": f"{self.unit.size:g}",
            "ways": [
                {"name": one["way"], "words": one["label"], "is_chosen": one["is_chosen"]}
                for one in self.shared["ways"]
            ],
            "bases": [
                {
                    "name": name,
                    "words": WORDS[f"base_{name}"].format(unit=unit).to(lang),
                    "is_chosen": name == wanted.base,
                }
                for name in BASES
            ],
            "amount": ""
            if wanted.amount is None
            else _typed(wanted.amount / (self.unit.size if wanted.base == TOTAL else 0.01)),
            "roundings": [
                {
                    "name": f"{size:g}" if size < 1e6 else f"{size:.0f}",
                    "words": self.money(size),
                    "is_chosen": size == rounding,
                }
                for size in sorted({*sizes, rounding})
            ],
        }

    def rows(self) -> list[dict[str, Any]]:
        """A row for each team and person, a team before its people."""
        return [self._row(number, row) for number, row in enumerate(self.shared["targets"])]

    def _row(self, number: int, row: Answer) -> dict[str, Any]:
        lang, unit, name = self.lang, self.unit, row["name"] or row["scope"]
        chances = {one["way"]: one["probability"] for one in row["ways"]}
        labels = {one["way"]: one["label"] for one in self.shared["ways"]}
        picture = Chances(
            name=f"ways-{number}",
            title=_both(WORDS["ways_of"].format(name=name).to(lang)),
            marks=[Mark(_both(labels[way]), chances[way]) for way in _ORDER],
            chosen=_ORDER.index(self.shared["way"]),
        )
        is_low = row["probability"] is not None and row["probability"] < 0.5
        marks = [WORDS["is_fixed"].to(lang)] if row["is_bound"] else []
        if row["is_new"]:
            marks.append(WORDS["is_new"].to(lang))
        if row["away"]:
            marks.append(WORDS["away"].format(p=PERCENT.words(row["away"])).to(lang))
        fixed = self.wanted.fixed.get(row["scope"])
        return {
            "name": name,
            "is_team": not row["scope"].startswith("person:"),
            "marks": marks,
            "field": typed_name(row["scope"]),
            "label": WORDS["fixed_of"].format(name=name, unit=unit.unit).to(lang),
            "fixed": "" if fixed is None else _typed(fixed / unit.size),
            "target": cell(row["value"], unit, lang),
            "chance": cell(row["probability"], PERCENT, lang, style="down" if is_low else ""),
            "ways": picture.svg(lang, _PICTURE_WIDTH),
            "expected": cell(row["expected"], unit, lang),
            "stored": cell(row["stored"], unit, lang),
        }

    def sums(self) -> dict[str, Any]:
        """What the people's targets add up to, beside the whole."""
        lang, people = self.lang, self.people()
        total = sum(row["value"] for row in people)
        apart = total - self.shared["total"]
        stored = [row["stored"] for row in people]
        return {
            "label": WORDS["sum"].format(n=len(people)).to(lang),
            "target": cell(total, self.unit, lang),
            "chance": cell(self.shared["probability"], PERCENT, lang),
            "said": WORDS["sum_same"].to(lang)
            if abs(apart) < 0.01
            else WORDS["sum_apart"].format(d=self.unit.text(apart, lang, signed=True)).to(lang),
            "stored": cell(None if None in stored or not stored else sum(stored), self.unit, lang),
        }

    def legend(self) -> str:
        """Which mark is which way."""
        labels = {one["way"]: one["label"] for one in self.shared["ways"]}
        marks = (
            f"{(SHAPES if way == self.shared['way'] else HOLLOW)[number]} {labels[way]}"
            for number, way in enumerate(_ORDER)
        )
        return WORDS["legend"].format(marks=("、" if self.lang == "ja" else ", ").join(marks)).to(self.lang)

    def compare(self) -> list[dict[str, Any]]:
        """How far chances are apart under each way; each is a link to it."""
        lang = self.lang
        rows = []
        for one in self.shared["ways"]:
            rows.append(
                {
                    "label": one["label"],
                    "address": replace(self.wanted, way=one["way"]).address(self.asked),
                    "is_chosen": one["is_chosen"],
                    **{name: cell(one[name], PERCENT, lang) for name in ("lowest", "median", "highest")},
                    "spread": cell(one["spread_pp"], COUNT, lang),
                }
            )
        return rows

    def compare_said(self) -> str:
        """The way under which chances are closest."""
        known: Sequence[Answer] = [one for one in self.shared["ways"] if one["spread_pp"] is not None]
        if not known:
            return ""
        best = min(known, key=lambda one: one["spread_pp"])
        return (
            WORDS["compare_said"]
            .format(way=best["label"], spread=COUNT.number(best["spread_pp"]))
            .to(self.lang)
        )

    def save(self) -> dict[str, Any]:
        """The form that stores what is shown."""
        lang, asked = self.lang, self.asked
        fields = {**asked.kept(), "period": asked.period, "mark": mark_of(self.shared), **self.wanted.said()}
        return {
            "fields": fields,
            "said": WORDS["save_said"].format(n=len(self.shared["targets"])).to(lang),
            "kinds": [{"name": kind, "words": WORDS[f"kind_{kind or 'none'}"].to(lang)} for kind in _KINDS],
        }


def _ends(way: Answer) -> dict[str, Text]:
    return {"low": PERCENT.words(way["lowest"]), "high": PERCENT.words(way["highest"])}


def _typed(value: float) -> str:
    """A number as a field holds it."""
    return f"{value:.10g}"


def _both(words: str) -> Text:
    """Words that are already in the reader's language."""
    return Text(words, words)
