"""Is a proposed KPI specific, measurable, achievable, relevant and time-bound (SMART), and if not, how?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from crm.i18n import Text
from models.probability_words import probability_words

if TYPE_CHECKING:
    from models.forecast.undecided import RankedBy

MIN_CHANCE, MAX_CHANCE = 0.3, 0.9  # below: too ambitious; above: likely without further effort
MIN_COMPLETE = 0.8  # share of rows with the columns that the KPI needs
MIN_EFFECT_PP = 1.0  # points of the goal's probability that a KPI must move
MIN_KPIS, MAX_KPIS = 3, 5  # KPIs of a person
PERSON = "person:"
REVIEW_DAYS = 31  # the longest time between two reviews
CRITERIA = ("specific", "measurable", "achievable", "relevant", "time_bound")


_EFFECT: dict[RankedBy, Text] = {
    "attainment": Text(
        "達成すると売上目標の達成確率が{pp:+.1f}ポイント変わります。",
        "Reaching it changes the probability of the revenue target by {pp:+.1f} points.",
    ),
    "revenue": Text(
        "達成すると着地見込みが売上目標の{pp:+.1f}%分変わります。",
        "Reaching it changes the forecast by {pp:+.1f}% of the revenue target.",
    ),
}
_STRONGER: dict[RankedBy, Text] = {
    "attainment": Text(
        "{name}なら{pp:+.1f}ポイント変わります。", "{name} would change it by {pp:+.1f} points."
    ),
    "revenue": Text(
        "{name}なら着地見込みが売上目標の{pp:+.1f}%分変わります。",
        "{name} would change the forecast by {pp:+.1f}% of the target.",
    ),
}


@dataclass(frozen=True)
class KpiProposal:
    """A KPI as someone proposes it; texts as entered, None = not given.

    `last_day` of its period (None = no valid period), `reviewed` the day of the last review.
    """

    kpi: str
    scope: str
    value: float | None
    unit: str | None
    segment: Mapping[str, str]
    period: str | None
    last_day: date | None
    reviewed: date | None


@dataclass(frozen=True)
class KpiFacts:
    """The facts about a proposed KPI; values in its own `unit`, shares and probabilities 0 to 1.

    `unknown_segments`: columns of the segment that no table has. `completeness`: share of the rows behind it
    with all needed columns filled in, None = no rows; `least_complete` the column that is blank most often.
    `probability` of reaching the value, `reachable` values reached with 60 and 30 % probability.
    `goal_pp`: what reaching it adds to the probability of the revenue target; `stronger` the controllable
    KPI with the largest effect on the target, and that effect. `goal_by`, `stronger_by`: by what these are
    told; where the probability is settled they are effects on revenue, in percent of the target. `effect`:
    how the effect is told instead, of what others do too or comes later.
    """

    known: bool
    scope_known: bool
    label: Text
    unit: Text
    unknown_segments: Sequence[str]
    completeness: float | None
    least_complete: str | None
    controllable: bool
    probability: float | None
    reachable: tuple[float, float] | None
    goal_pp: float | None
    stronger: tuple[Text, float] | None
    goal_by: RankedBy = "attainment"
    stronger_by: RankedBy = "attainment"
    effect: Text | None = None


@dataclass(frozen=True)
class SmartFinding:
    """Whether a criterion is met, why, and if not, what would be better."""

    ok: bool
    why: Text
    better: Text | None = None


def check_kpi(proposal: KpiProposal, facts: KpiFacts, today: date) -> dict[str, SmartFinding]:
    """A finding for each of the five criteria."""
    return {
        "specific": _specific(proposal, facts),
        "measurable": _measurable(facts),
        "achievable": _achievable(proposal, facts),
        "relevant": _relevant(facts, MIN_EFFECT_PP),
        "time_bound": _time_bound(proposal, today),
    }


def check_person(proposals: Sequence[tuple[KpiProposal, KpiFacts]]) -> dict[str, SmartFinding]:
    """Findings about all KPIs of one person: how many, and whether they are within that person's control."""
    count = len(proposals)
    several = SmartFinding(
        MIN_KPIS <= count <= MAX_KPIS,
        Text("KPIは{n}個です。", "There are {n} KPIs.").format(n=count),
        None
        if MIN_KPIS <= count <= MAX_KPIS
        else Text(
            "1人{low}〜{high}個にしてください。",
            "Set {low} to {high} per person.",
        ).format(low=MIN_KPIS, high=MAX_KPIS),
    )
    others = [facts.label for _, facts in proposals if facts.known and not facts.controllable]
    names = Text("、".join(label.ja for label in others), ", ".join(label.en for label in others))
    own = SmartFinding(
        not others,
        Text("どれも担当者自身の行動で動かせます。", "Each is within the person's control.")
        if not others
        else Text(
            "{names}は担当者だけでは動かせません。", "{names}: not within the person's control."
        ).format(names=names),
        None
        if not others
        else Text(
            "チームの目標にして、担当者には訪問件数のように自分で動かせるKPIを持たせてください。",
            "Make it the team's target, and give the person a KPI within their control, such as visits.",
        ),
    )
    return {"three_to_five": several, "controllable": own}


def _specific(proposal: KpiProposal, facts: KpiFacts) -> SmartFinding:
    missing: list[tuple[Text, Text]] = []
    if not facts.known:
        missing.append(
            (
                Text("「{kpi}」というKPIはありません", "there is no KPI {kpi!r}").format(kpi=proposal.kpi),
                Text(
                    "sancho kpis に表示されるKPIの名前を使うか、sancho.toml で定義してください。",
                    "Use a name that `sancho kpis` shows, or define it in sancho.toml.",
                ),
            )
        )
    if not facts.scope_known:
        missing.append(
            (
                Text("誰のKPIか（{scope}）がわかりません", "whose it is ({scope}) is not clear").format(
                    scope=proposal.scope
                ),
                Text(
                    "company、team:チームID、person:担当者ID のいずれかを指定してください。",
                    "Give company, team:ID or person:ID.",
                ),
            )
        )
    if proposal.value is None:
        missing.append(
            (
                Text("数値がありません", "it has no number"),
                Text("目標値を決めてください。", "Set a value."),
            )
        )
    if facts.known and proposal.unit is not None and proposal.unit not in (facts.unit.ja, facts.unit.en):
        missing.append(
            (
                Text("単位「{given}」が違います", "its unit is not {given!r}").format(given=proposal.unit),
                Text("単位は{unit}です。", "Its unit is: {unit}.").format(unit=facts.unit),
            )
        )
    for column in facts.unknown_segments:
        missing.append(
            (
                Text("区分「{column}」という項目がありません", "no table has a column {column!r}").format(
                    column=column
                ),
                Text("CRMにある項目で区分してください。", "Choose a column that the CRM has."),
            )
        )
    if not missing:
        return SmartFinding(
            True, Text("誰が、何を、いくつかが決まっています。", "Owner, KPI and value are set.")
        )
    whys, betters = zip(*missing, strict=True)
    return SmartFinding(False, _sentence(whys), _concatenated(betters))


def _measurable(facts: KpiFacts) -> SmartFinding:
    if not facts.known:
        return SmartFinding(
            False, Text("定義がないため測れません。", "Without a definition it cannot be measured.")
        )
    if facts.completeness is None:
        return SmartFinding(
            False,
            Text("元になる記録が1件もありません。", "There are no records behind it."),
            Text(
                "記録を始めるか、記録のあるKPIに替えてください。",
                "Start recording it, or choose a KPI that is recorded.",
            ),
        )
    ok = facts.completeness >= MIN_COMPLETE
    why = Text(
        "元になる記録の{share:.0%}がそろっています。", "{share:.0%} of the records behind it are complete."
    ).format(share=facts.completeness)
    better = Text(
        "「{column}」の入力を徹底してください（{least:.0%}以上が目安）。",
        "Make sure that {column} is filled in (at least {least:.0%}).",
    ).format(column=facts.least_complete or "-", least=MIN_COMPLETE)
    return SmartFinding(ok, why, None if ok else better)


def _achievable(proposal: KpiProposal, facts: KpiFacts) -> SmartFinding:
    if proposal.value is None or facts.probability is None or facts.reachable is None:
        return SmartFinding(
            False,
            Text("達成確率を計算できません。", "Its probability cannot be computed."),
            Text("数値と期間を決めてください。", "Set a value and a period."),
        )
    chance = facts.probability
    why = Text("達成確率は{p}です。", "The probability of reaching it is {p}.").format(
        p=probability_words(chance, 0)
    )
    fair, hard = (_number(value) for value in facts.reachable)
    if chance < MIN_CHANCE:
        return SmartFinding(
            False,
            why,
            Text(
                "目標が高すぎます。達成確率は{fair}{unit}なら60%、{hard}{unit}なら30%です。",
                "Too ambitious: {fair} {unit} is reached with 60%, {hard} {unit} with 30%.",
            ).format(fair=fair, hard=hard, unit=facts.unit),
        )
    if chance > MAX_CHANCE:
        return SmartFinding(
            False,
            why,
            Text(
                "現状のペースでも達成できます。{fair}{unit}（達成確率60%）を目安に目標を見直してください。",
                "Already likely at the current pace: aim for about {fair} {unit}, reached with 60%.",
            ).format(fair=fair, unit=facts.unit),
        )
    return SmartFinding(True, why)


def _relevant(facts: KpiFacts, least: float) -> SmartFinding:
    if facts.goal_pp is None and facts.stronger is not None:
        return SmartFinding(
            False,
            Text(
                "売上目標への影響を記録から確認できません。",
                "The records do not show its effect on the revenue target.",
            ),
            _stronger(*facts.stronger, facts.stronger_by),
        )
    if facts.goal_pp is None:
        return SmartFinding(
            False,
            Text(
                "売上目標への影響を計算できません。", "Its effect on the revenue target cannot be computed."
            ),
            Text(
                "売上目標（targets の revenue）を登録してください。", "Import the revenue target (targets)."
            ),
        )
    why = _EFFECT[facts.goal_by].format(pp=facts.goal_pp) if facts.effect is None else facts.effect
    if facts.goal_pp >= least:
        return SmartFinding(True, why)
    if facts.stronger is None:
        return SmartFinding(False, why)
    return SmartFinding(False, why, _stronger(*facts.stronger, facts.stronger_by))


def _stronger(name: Text, points: float, by: RankedBy) -> Text:
    return _STRONGER[by].format(name=name, pp=points)


def _time_bound(proposal: KpiProposal, today: date) -> SmartFinding:
    if proposal.last_day is None:
        return SmartFinding(
            False,
            Text("期限がありません。", "It has no due date."),
            Text(
                "2026-Q4 や 2026-11 のように期間を決めてください。",
                "Give it a period such as 2026-Q4 or 2026-11.",
            ),
        )
    if proposal.last_day < today:
        return SmartFinding(
            False,
            Text("期限（{day}）を過ぎています。", "Its due date, {day}, has passed.").format(
                day=proposal.last_day
            ),
            Text("次の期間で設定し直してください。", "Set a new period."),
        )
    left = (proposal.last_day - today).days
    why = Text("期限は{day}、残り{n}日です。", "It is due on {day}, in {n} days.").format(
        day=proposal.last_day, n=left
    )
    due = None if proposal.reviewed is None else proposal.reviewed + timedelta(days=REVIEW_DAYS)
    if due is not None and due < today:
        return SmartFinding(
            False,
            Text("最後の見直しは{day}でした。", "It was last reviewed on {day}.").format(
                day=proposal.reviewed
            ),
            Text("今週のうちに見直してください。", "Review it this week."),
        )
    return SmartFinding(True, why)


def _number(value: float) -> str:
    return f"{value:,.2f}".rstrip("0").rstrip(".")


def _sentence(parts: Sequence[Text]) -> Text:
    english = "; ".join(part.en for part in parts)
    return Text("、".join(part.ja for part in parts) + "。", english[:1].upper() + english[1:] + ".")


def _concatenated(parts: Sequence[Text]) -> Text:
    return Text("".join(part.ja for part in parts), " ".join(part.en for part in parts))
