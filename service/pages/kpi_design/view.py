"""What stands on the page on which KPIs are set? Five steps, from the goal to the decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crm.i18n import Language, Text
from crm.kpi_units import MONEY
from pictures.measure import PERCENT, Measure
from service.language import moment_text
from service.pages.asked import Asked
from service.pages.frame import frame
from service.pages.funnel import funnel_of
from service.pages.kpi_design.form import ADDED
from service.pages.kpi_design.words import WORDS
from service.pages.kpi_smart import criteria, smart_rows
from service.pages.kpi_values import effect_words, kpi_measure, kpi_places, names_of_people
from service.pages.values import cell, headline_measure, money_measure

Answer = Mapping[str, Any]
_STEPS = ("goal", "process", "factors", "candidates", "decision")


@dataclass(frozen=True, kw_only=True)
class DesignAnswers:
    """What REST answers of the five steps; `proposal` is that of a person alone."""

    levels: Answer
    funnel: Sequence[Answer]
    tree: Answer
    candidates: Answer
    current: Answer
    proposal: Answer | None
    scopes: Answer


def design_view(
    lang: Language,
    answers: DesignAnswers,
    *,
    asked: Asked,
    currency: str,
    period: str,
    can_accept: bool,
) -> dict[str, Any]:
    """The values of the page's template."""
    page, levels = _Design(lang, answers, asked, currency), answers.levels
    return {
        **frame(lang, "/kpis/design", asked, levels, answers.scopes, currency),
        "places": kpi_places(asked, lang, "kpi_design"),
        "period": period,
        "scope_name": levels["name"] or levels["scope"],
        "answer": page.answer(),
        "steps": page.steps(),
        "goal": page.goal(),
        "share_address": asked.address("/targets"),
        "process_address": asked.address("/process"),
        "funnel": page.funnel(),
        "factors": page.factors(),
        **page.candidates(),
        "decision": page.decision() if can_accept else None,
        "refused": None if can_accept else WORDS["only_now" if asked.as_of else "no_right"].to(lang),
        "current": page.current(),
        "versions": page.versions(),
        "smart_criteria": criteria(lang),
        "people": page.people(),
        "notices": [warning["message"] for warning in answers.candidates["warnings"]],
    }


@dataclass(frozen=True)
class _Design:
    lang: Language
    answers: DesignAnswers
    asked: Asked
    currency: str

    @property
    def own_set(self) -> Sequence[Answer]:
        """The KPIs that are accepted, else those that are proposed."""
        current, proposal = self.answers.current["current"], self.answers.proposal
        if current is not None:
            return list(current["kpis"])
        sets = [] if proposal is None else proposal["sets"]
        return list(sets[0]["kpis"]) if sets else []

    def answer(self) -> str:
        """Which KPIs are decided, or proposed, in one line."""
        lang, rows = self.lang, self.own_set
        if not rows:
            is_person = str(self.answers.levels["scope"]).startswith("person:")
            return WORDS["nothing" if is_person else "choose_person"].to(lang)
        names = ("、" if lang == "ja" else ", ").join(row["label"] for row in rows)
        is_decided = self.answers.current["current"] is not None
        return WORDS["decided" if is_decided else "proposed"].format(names=names).to(lang)

    def steps(self) -> list[dict[str, Any]]:
        """The steps with their states."""
        answers = self.answers
        done = {
            "goal": answers.levels["target"] is not None,
            "process": bool(answers.funnel),
            "factors": bool(answers.tree["branches"]),
            "candidates": any(one["proposable"] for one in answers.candidates["candidates"]),
            "decision": answers.current["current"] is not None,
        }
        return [
            {"name": name, "words": WORDS[f"step_{name}"].to(self.lang), "is_done": done[name]}
            for name in _STEPS
        ]

    def goal(self) -> dict[str, Any]:
        """The levels of the goal beside last year."""
        levels, lang, last = self.answers.levels, self.lang, self.answers.levels["last_year"]
        values = [one["value"] for one in levels["levels"]]
        unit = money_measure([*values, levels["target"]], self.currency, lang, self.asked.unit)
        rows = [
            _goal_row(one["label"], one["confidence"], one["value"], one["growth"], unit, lang)
            for one in levels["levels"]
        ]
        if levels["target"] is not None:
            growth = None if not (last and last["value"]) else levels["target"] / last["value"] - 1
            stored = WORDS["stored"].to(lang)
            rows.append(_goal_row(stored, levels["probability"], levels["target"], growth, unit, lang))
        if last is not None:
            rows.append(_goal_row(WORDS["last_year"].to(lang), None, last["value"], None, unit, lang))

        def money(value: float) -> Text:
            return headline_measure(value, self.currency, lang).words(value)

        if levels["target"] is not None:
            said = WORDS["goal_said"].format(
                target=money(levels["target"]), p=PERCENT.words(levels["probability"])
            )
        else:
            by_chance = {one["confidence"]: one["value"] for one in levels["levels"]}
            said = WORDS["goal_none"].format(safe=money(by_chance[0.8]), likely=money(by_chance[0.5]))
        differences = [one["message"] for one in levels["differences"]]
        return {
            "said": said.to(lang),
            "rows": rows,
            "unit": unit.unit.to(lang),
            "differences": differences,
        }

    def funnel(self) -> str | None:
        """The stages, with the share that goes on."""
        found = funnel_of(self.answers.funnel, WORDS["funnel_title"])
        return None if found is None else found.figure(self.lang)

    def factors(self) -> dict[str, Any]:
        """What moves the goal."""
        tree, by_points = self.answers.tree, self.answers.tree["ranked_by"] != "revenue"
        rows = [
            {
                "label": one["label"],
                "ksf": one["ksf"],
                "exact": repr(one["attainment_pp"] if by_points else one["revenue"]),
                "effect": self._effect(one, by_points),
            }
            for one in tree["branches"]
        ]
        said = None
        if rows:
            said = WORDS["factors_said"].format(lever=rows[0]["label"], effect=rows[0]["effect"])
        return {"rows": rows, "said": None if said is None else said.to(self.lang)}

    def candidates(self) -> dict[str, Any]:
        """Those with an estimated effect, ranked, and the others."""
        every = self.answers.candidates["candidates"]
        known = [one for one in every if one["strength"] is not None]
        said = WORDS["candidates_said"].format(n=len(known), k=sum(one["proposable"] for one in known))
        return {
            "candidates_said": said.to(self.lang),
            "candidates": [self._candidate(one) for one in known],
            "others": [
                {"label": one["label"], "reason": one["reason"]} for one in every if one["strength"] is None
            ],
        }

    def _candidate(self, one: Answer) -> dict[str, Any]:
        lang, by_points = self.lang, one["ranked_by"] != "revenue"
        measure = self._measure(one, one["value"], one["expected"])
        exact = one["attainment_pp"] if by_points else one["revenue"]
        return {
            "label": one["label"],
            "effect": f'<data value="{exact!r}">{self._effect(one, by_points)}</data>',
            "value": _named(one["value"], measure, lang),
            "expected": _named(one["expected"], measure, lang),
            "chance": cell(one["probability"], PERCENT, lang),
            "in_hand": one["in_hand"],
            "is_easy": one["padding"] == "easy",
            "proposable": one["proposable"],
            "reason": one["reason"],
        }

    def decision(self) -> dict[str, Any] | None:
        """The form in which a set is taken, changed, or replaced."""
        taken = self.own_set
        known = {row["kpi"] for row in taken}
        others = [one for one in self.answers.candidates["candidates"] if one["kpi"] not in known]
        return {
            "rows": [
                {
                    "kpi": row["kpi"],
                    "label": row["label"],
                    "unit": self.currency if row["unit"] == MONEY.to(self.lang) else row["unit"],
                    "value": _typed(row["value"]),
                    "said": row.get("sentence") or self._accepted(row),
                }
                for row in taken
            ],
            "added": ADDED,
            "others": [{"kpi": one["kpi"], "label": one["label"]} for one in others],
        }

    def _accepted(self, row: Answer) -> str:
        """An accepted KPI in words: its value and the chance that was foreseen."""
        measure = self._measure(row, row["value"])
        said = f"{row['label']} {measure.text(row['value'], self.lang)}"
        if row["probability"] is None:
            return said
        chance = Text("{said}（届く確率 {p}）", "{said} (chance {p})")
        return chance.format(said=said, p=PERCENT.words(row["probability"])).to(self.lang)

    def current(self) -> dict[str, Any] | None:
        """The accepted set with what the SMART check says of it."""
        current = self.answers.current["current"]
        if current is None:
            return None
        findings = [one for one in current["findings"].values() if not one["ok"]]
        return {
            "title": WORDS["current"].format(version=current["version"]).to(self.lang),
            "said": WORDS["current_said"].format(**self._who(current)).to(self.lang),
            "rows": smart_rows(current["kpis"], self.lang),
            "findings": [" ".join(filter(None, (one["why"], one["suggestion"]))) for one in findings],
        }

    def versions(self) -> list[dict[str, Any]]:
        """Every version, the newest first."""
        between = "、" if self.lang == "ja" else ", "
        return [
            {
                "version": one["version"],
                **self._who(one),
                "reason": one["reason"] or "–",
                "contents": between.join(self._accepted(row) for row in one["kpis"]),
            }
            for one in self.answers.current["versions"]
        ]

    def _who(self, version: Answer) -> dict[str, str]:
        names = names_of_people(self.answers.scopes)
        who = str(version["accepted_by"])
        return {"who": str(names.get(who, who)), "at": moment_text(version["accepted_at"], self.lang)}

    def people(self) -> list[dict[str, str]]:
        """The people below the scope that is asked about."""
        rows, wanted = self.answers.scopes["scopes"], self.answers.levels["scope"]
        inside = {wanted}
        for row in rows:  # a team comes before its people
            if row["parent"] in inside:
                inside.add(row["scope"])
        return [
            {
                "name": row["name"] or row["scope"],
                "address": self.asked.address("/kpis/design", scope=row["scope"]),
            }
            for row in rows
            if row["kind"] == "person" and row["scope"] in inside and row["scope"] != wanted
        ]

    def _effect(self, row: Answer, by_points: bool) -> str:
        return effect_words(row["attainment_pp"], row["revenue"], by_points, self.currency, self.lang)

    def _measure(self, row: Answer, *values: float | None) -> Measure:
        return kpi_measure(row["unit"], values, self.currency, self.lang, self.asked.unit)


def _goal_row(
    label: str,
    confidence: float | None,
    value: float,
    growth: float | None,
    unit: Measure,
    lang: Language,
) -> dict[str, str]:
    return {
        "label": label,
        "confidence": cell(confidence, PERCENT, lang),
        "value": cell(value, unit, lang),
        "growth": cell(growth, Measure(0.01, PERCENT.unit, 1), lang, signed=True)
        + ("" if growth is None else "%"),
    }


def _named(value: float | None, measure: Measure, lang: Language) -> str:
    return "–" if value is None else f'<data value="{value!r}">{measure.text(value, lang)}</data>'


def _typed(value: float | None) -> str:
    """A number as it stands in a field."""
    return "" if value is None else f"{value:.0f}" if value == round(value) else repr(value)
