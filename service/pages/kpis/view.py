"""What stands on the page KPI? The answers about KPIs, what drives the goal, and questions to ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from crm.i18n import Language, Text
from pictures.bullet import Bullet
from pictures.measure import PERCENT, Measure
from service.language import number_text
from service.pages.asked import Asked
from service.pages.frame import frame
from service.pages.kpi_smart import criteria, smart_rows
from service.pages.kpi_values import effect_words, kpi_measure, kpi_places, style_words, things
from service.pages.kpis.words import WORDS
from service.pages.values import cell, headline_measure

Answer = Mapping[str, Any]
_BULLET_WIDTH = 220.0
_LIKELY = 0.5  # from which probability a target is expected to be reached
_NAMED = 3  # KPIs of the sentence


def kpis_view(
    lang: Language,
    kpis: Answer,
    tree: Answer,
    padding: Answer,
    scopes: Answer,
    *,
    asked: Asked,
    currency: str,
    period: str,
) -> dict[str, Any]:
    """The values of the page's template; `period`: that of the answers, in words."""
    page = _Kpis(lang, kpis, tree, currency, asked)
    past = {} if asked.as_of is None else {"as_of": asked.as_of}
    query = urlencode({"scope": kpis["scope"], **past})
    return {
        **frame(lang, "/kpis", asked, kpis, scopes, currency),
        "places": kpi_places(asked, lang, "kpis"),
        "period": period,
        "scope_name": kpis["name"] or kpis["scope"],
        **page.headline(),
        "groups": page.groups(),
        "tree": page.branches(),
        **page.smart(),
        **page.questions(padding),
        "everything": page.everything(),
        "notices": [warning["message"] for warning in tree["warnings"]],
        "json_address": f"/v1/kpis/{kpis['period']}?{query}",
    }


@dataclass(frozen=True)
class _Kpis:
    lang: Language
    kpis: Answer
    tree: Answer
    currency: str
    asked: Asked

    @property
    def with_target(self) -> list[Answer]:
        """The KPIs whose target has a probability, the least likely first."""
        found = [kpi for kpi in self.kpis["kpis"] if kpi["probability"] is not None]
        return sorted(found, key=lambda kpi: kpi["probability"])

    def measure(self, kpi: Answer, *values: float | None) -> Measure:
        """In what the numbers of a KPI are written."""
        return kpi_measure(kpi["unit"], values, self.currency, self.lang, self.asked.unit)

    def headline(self) -> dict[str, Any]:
        """How many are likely to miss, and which are hardest."""
        lang, rows, days = self.lang, self.with_target, number_text(self.kpis["business_days_left"])
        if not rows:
            return {"answer": WORDS["no_targets"].to(lang), "missing": None, "hardest": None}
        hard = [kpi for kpi in rows if kpi["probability"] < _LIKELY]
        count, missing = len(rows), len(hard)
        if count == 1:
            name = "one_misses" if missing else "one_reaches"
        else:
            name = "none_misses" if not missing else "all_miss" if missing == count else "some_miss"
        said = WORDS["days_left"].format(days=days).to(lang)
        if hard:
            between = "、" if lang == "ja" else ", "
            named = Text("{label}（{p}）", "{label} ({p})")
            names = between.join(
                named.format(label=kpi["label"], p=PERCENT.words(kpi["probability"])).to(lang)
                for kpi in hard[:_NAMED]
            )
            said = WORDS["hardest"].format(names=names, days=days).to(lang)
        return {
            "answer": WORDS[name].format(n=things(count), k=things(missing)).to(lang),
            "missing": missing,
            "hardest": said,
        }

    def groups(self) -> list[dict[str, Any]]:
        """The KPIs with a target by selling style, each group with one scale per unit."""
        by_style: dict[tuple[str, ...], list[Answer]] = {}
        for kpi in self.kpis["kpis"]:
            if kpi["target"] is not None:
                by_style.setdefault(tuple(kpi["style"]), []).append(kpi)
        return [
            {
                "title": style_words(styles, self.lang),
                "rows": [self._row(kpi, _end(kpi, rows)) for kpi in rows],
            }
            for styles, rows in by_style.items()
        ]

    def _row(self, kpi: Answer, end: float) -> dict[str, str]:
        lang, forecast = self.lang, kpi["forecast"] or dict.fromkeys(("p10", "p50", "p90"))
        measure = self.measure(kpi, kpi["value"], kpi["target"], forecast["p50"])
        needed = kpi["required_per_business_day"]
        pace = self.measure(kpi, needed)
        bullet = Bullet(
            name=f"bullet-{kpi['kpi']}",
            title=_both(kpi["label"]),
            measure=measure,
            value=kpi["value"],
            **forecast,
            target=kpi["target"],
            end=end,
        )
        short = kpi["probability"] is not None and kpi["probability"] < _LIKELY
        return {
            "label": _with_unit(kpi["label"], measure, lang),
            "chance": cell(kpi["probability"], PERCENT, lang, style="down" if short else ""),
            "bullet": bullet.svg(lang, _BULLET_WIDTH),
            "so_far": cell(kpi["value"], measure, lang),
            "middle": cell(forecast["p50"], measure, lang),
            "target": cell(kpi["target"], measure, lang),
            "per_day": "–"
            if needed is None
            else f'<data value="{needed!r}">{pace.text(needed, lang)}</data>',
        }

    def branches(self) -> dict[str, Any]:
        """The tree from the goal to its KPIs."""
        goal, by_points, lang = self.tree["goal"], self.tree["ranked_by"] != "revenue", self.lang
        target = goal["target"]
        title = WORDS["goal_none"]
        if target is not None:
            money = headline_measure(target, self.currency, lang)
            title = WORDS["goal"].format(target=money.text(target, lang))
        rows = [self._branch(branch, by_points) for branch in self.tree["branches"]]
        best = next(iter(rows), None)
        return {
            "goal": title.to(lang),
            "chance": None if goal["probability"] is None else cell(goal["probability"], PERCENT, lang),
            "by_points": by_points,
            "rows": rows,
            "sentence": None
            if best is None
            else WORDS["tree_sentence"].format(lever=best["label"], effect=best["effect"]).to(lang),
        }

    def _branch(self, branch: Answer, by_points: bool) -> dict[str, Any]:
        lang, ends = self.lang, (branch["from"], branch["to"])
        measure = self.measure(branch, *ends)
        was, then = (measure.text(end, lang) for end in ends)
        return {
            "label": branch["label"],
            "ksf": branch["ksf"],
            "effect": effect_words(
                branch["attainment_pp"], branch["revenue"], by_points, self.currency, lang
            ),
            "exact": repr(branch["attainment_pp"] if by_points else branch["revenue"]),
            "ends": WORDS["from_to"].format(a=was, b=then).to(lang),
            "kpis": [self._leaf(kpi) for kpi in branch["kpis"]],
        }

    def _leaf(self, kpi: Answer) -> dict[str, str | None]:
        lang, measure = self.lang, self.measure(kpi, kpi["value"], kpi["target"])

        def named(value: float | None) -> str | None:
            return None if value is None else f'<data value="{value!r}">{measure.text(value, lang)}</data>'

        return {
            "label": kpi["label"],
            "value": named(kpi["value"]),
            "target": named(kpi["target"]),
            "chance": None if kpi["probability"] is None else cell(kpi["probability"], PERCENT, lang),
        }

    def smart(self) -> dict[str, Any]:
        """What the check found of each target."""
        rows = smart_rows(self.kpis["kpis"], self.lang)
        open_ones = sum(bool(row["better"]) for row in rows)
        name = ("smart_one" if len(rows) == 1 else "smart_said") + ("" if open_ones else "_all")
        said = WORDS[name].format(n=things(len(rows)), k=things(open_ones))
        return {
            "smart_rows": rows,
            "smart_criteria": criteria(self.lang),
            "smart_sentence": said.to(self.lang),
        }

    def questions(self, padding: Answer) -> dict[str, Any]:
        """What to ask whom, as questions."""
        return {
            "padding": [
                {
                    "name": one["name"] or one["scope"],
                    "label": one["label"],
                    "question": one["question"],
                    "one_in": WORDS["padding_one_in"].format(n=number_text(one["one_in"], 0)).to(self.lang),
                }
                for one in padding["questions"]
            ],
            "padding_compared": padding["compared"],
        }

    def everything(self) -> list[dict[str, str]]:
        """All KPIs that are known."""
        known = [kpi for kpi in self.kpis["kpis"] if kpi["value"] is not None or kpi["forecast"] is not None]
        return [self._known(kpi) for kpi in known]

    def _known(self, kpi: Answer) -> dict[str, str]:
        forecast = kpi["forecast"] or dict.fromkeys(("p10", "p50", "p90"))
        before = kpi["trend"][-1]["value"] if kpi["trend"] else None
        measure = self.measure(kpi, kpi["value"], before, forecast["p50"])
        values = {"so_far": kpi["value"], "before": before, **forecast}
        cells = {name: cell(value, measure, self.lang) for name, value in values.items()}
        return {"label": _with_unit(kpi["label"], measure, self.lang), **cells}


def _end(kpi: Answer, rows: Sequence[Answer]) -> float:
    """The end of the axis that the KPIs of one unit share."""
    ends = [0.0]
    for one in rows:
        if one["unit"] == kpi["unit"]:
            forecast = one["forecast"] or {"p90": None}
            ends += [value for value in (one["value"], one["target"], forecast["p90"]) if value is not None]
    return max(ends)


def _with_unit(label: str, measure: Measure, lang: Language) -> str:
    """A KPI with the unit of the numbers in its row."""
    unit = measure.unit.to(lang)
    return Text(f"{label}（{unit}）", f"{label} ({unit})").to(lang) if unit else label


def _both(words: str) -> Text:
    """Words that are already in the reader's language."""
    return Text(words, words)
