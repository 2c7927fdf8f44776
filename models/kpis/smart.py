"""Is a proposed KPI specific, measurable, achievable, relevant and time-bound (SMART), and what would be?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from crm.i18n import Text

MIN_CHANCE, MAX_CHANCE = 0.3, 0.9  # below: out of reach; above: it will come by itself
MIN_COMPLETE = 0.8  # share of rows that say what the KPI counts
MIN_EFFECT_PP = 1.0  # points of the goal's probability that a KPI must move
MIN_KPIS, MAX_KPIS = 3, 5  # KPIs of a person
REVIEW_DAYS = 31  # the longest time between two reviews
CRITERIA = ("specific", "measurable", "achievable", "relevant", "time_bound")


@dataclass(frozen=True)
class KpiProposal:
    """A KPI as someone proposes it; texts as they were written, None = not said.

    `last_day` of its period (None = no period that can be read), `reviewed` the last review's day.
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
    """What the data say of a proposed KPI; values in its own `unit`, shares and probabilities 0 to 1.

    `unknown_segments`: columns of the segment that no table has. `completeness`: share of the rows behind it
    that say what it needs, None = there are no rows; `least_complete` the column that is blank most often.
    `probability` of reaching the value, `reachable` values reached with 60 and 30 % probability.
    `goal_pp`: what reaching it adds to the probability of the revenue goal; `stronger` the controllable KPI
    that moves the goal most, and by how much.
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


@dataclass(frozen=True)
class SmartFinding:
    """Whether a criterion is met, why, and where it is not what would be better."""

    ok: bool
    why: Text
    better: Text | None = None


def check_kpi(proposal: KpiProposal, facts: KpiFacts, today: date) -> dict[str, SmartFinding]:
    """A finding for each of the five criteria."""
    return {
        "specific": _specific(proposal, facts),
        "measurable": _measurable(facts),
        "achievable": _achievable(proposal, facts),
        "relevant": _relevant(facts),
        "time_bound": _time_bound(proposal, today),
    }


def check_person(proposals: Sequence[tuple[KpiProposal, KpiFacts]]) -> dict[str, SmartFinding]:
    """Findings about all KPIs of one person: how many, and whether they are in that person's own hands."""
    count = len(proposals)
    several = SmartFinding(
        MIN_KPIS <= count <= MAX_KPIS,
        Text("KPIは{n}個です。", "There are {n} KPIs.").format(n=count),
        None
        if MIN_KPIS <= count <= MAX_KPIS
        else Text(
            "1人{low}～{high}個に絞るか増やしてください。",
            "Have {low} to {high} per person.",
        ).format(low=MIN_KPIS, high=MAX_KPIS),
    )
    others = [facts.label for _, facts in proposals if facts.known and not facts.controllable]
    names = Text("、".join(one.ja for one in others), ", ".join(one.en for one in others))
    own = SmartFinding(
        not others,
        Text("どれも担当者自身の行動で動かせます。", "Each can be moved by the person's own doing.")
        if not others
        else Text("{names}は担当者だけでは動かせません。", "{names}: not in the person's own hands.").format(
            names=names
        ),
        None
        if not others
        else Text(
            "チームの目標にして、担当者には訪問件数のように自分で動かせるKPIを持たせてください。",
            "Make it the team's, and give the person what they can do themselves, such as visits.",
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
                    "sancho kpis に出るKPIの名前を使うか、sancho.toml で定義してください。",
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
                    "Say company, team:ID or person:ID.",
                ),
            )
        )
    if proposal.value is None:
        missing.append(
            (
                Text("数値がありません", "it has no number"),
                Text("いくつにするかを決めてください。", "Say how many."),
            )
        )
    if facts.known and proposal.unit is not None and proposal.unit not in (facts.unit.ja, facts.unit.en):
        missing.append(
            (
                Text("単位「{said}」が違います", "its unit is not {said!r}").format(said=proposal.unit),
                Text("単位は{unit}です。", "Its unit is: {unit}.").format(unit=facts.unit),
            )
        )
    for column in facts.unknown_segments:
        missing.append(
            (
                Text("区分「{column}」という項目がありません", "no table has a column {column!r}").format(
                    column=column
                ),
                Text("CRMにある項目で区分してください。", "Divide by a column that the CRM has."),
            )
        )
    if not missing:
        return SmartFinding(
            True, Text("誰が、何を、いくつかが決まっています。", "Who, what and how many are said.")
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
            Text("元になる記録が1件もありません。", "Nothing that it counts is on record."),
            Text(
                "記録を始めるか、記録のあるKPIに替えてください。",
                "Start recording it, or take a KPI that is on record.",
            ),
        )
    ok = facts.completeness >= MIN_COMPLETE
    why = Text(
        "元になる記録の{share:.0%}がそろっています。", "{share:.0%} of what it counts is on record in full."
    ).format(share=facts.completeness)
    better = Text(
        "「{column}」の入力を徹底してください（{least:.0%}以上が目安）。",
        "See that {column} is filled in ({least:.0%} at least).",
    ).format(column=facts.least_complete or "-", least=MIN_COMPLETE)
    return SmartFinding(ok, why, None if ok else better)


def _achievable(proposal: KpiProposal, facts: KpiFacts) -> SmartFinding:
    if proposal.value is None or facts.probability is None or facts.reachable is None:
        return SmartFinding(
            False,
            Text("届く確率を計算できません。", "How likely it is cannot be computed."),
            Text("数値と期間を決めてください。", "Give it a number and a period."),
        )
    chance = facts.probability
    why = Text("届く確率は{p:.0%}です。", "It is reached with a probability of {p:.0%}.").format(p=chance)
    fair, hard = (_number(value) for value in facts.reachable)
    if chance < MIN_CHANCE:
        return SmartFinding(
            False,
            why,
            Text(
                "厳しすぎます。{fair}{unit}なら60%、{hard}{unit}なら30%の確率で届きます。",
                "Too demanding: {fair} {unit} is reached with 60 %, {hard} {unit} with 30 %.",
            ).format(fair=fair, hard=hard, unit=facts.unit),
        )
    if chance > MAX_CHANCE:
        return SmartFinding(
            False,
            why,
            Text(
                "今のままでも届きます。{fair}{unit}（60%）を目安に厳しくしてください。",
                "It will come by itself; make it about {fair} {unit}, reached with 60 %.",
            ).format(fair=fair, unit=facts.unit),
        )
    return SmartFinding(True, why)


def _relevant(facts: KpiFacts) -> SmartFinding:
    if facts.goal_pp is None and facts.stronger is not None:
        return SmartFinding(
            False,
            Text(
                "売上目標への影響を、記録からは確かめられません。",
                "The records do not show what it does to the revenue goal.",
            ),
            _stronger(*facts.stronger),
        )
    if facts.goal_pp is None:
        return SmartFinding(
            False,
            Text(
                "売上目標への影響を計算できません。", "What it does to the revenue goal cannot be computed."
            ),
            Text(
                "売上目標（targets の revenue）を登録してください。", "Import the revenue target (targets)."
            ),
        )
    why = Text(
        "達成すると売上目標の達成確率が{pp:+.1f}ポイント動きます。",
        "Reaching it moves the probability of the revenue goal by {pp:+.1f} points.",
    ).format(pp=facts.goal_pp)
    if facts.goal_pp >= MIN_EFFECT_PP:
        return SmartFinding(True, why)
    if facts.stronger is None:
        return SmartFinding(False, why)
    return SmartFinding(False, why, _stronger(*facts.stronger))


def _stronger(name: Text, points: float) -> Text:
    return Text("{name}なら{pp:+.1f}ポイント動きます。", "{name} would move it by {pp:+.1f} points.").format(
        name=name, pp=points
    )


def _time_bound(proposal: KpiProposal, today: date) -> SmartFinding:
    if proposal.last_day is None:
        return SmartFinding(
            False,
            Text("期限がありません。", "It has no end."),
            Text(
                "2026-Q4 や 2026-11 のように期間を決めてください。",
                "Give it a period such as 2026-Q4 or 2026-11.",
            ),
        )
    if proposal.last_day < today:
        return SmartFinding(
            False,
            Text("期限（{day}）を過ぎています。", "Its end, {day}, is past.").format(day=proposal.last_day),
            Text("次の期間で設定し直してください。", "Set it anew for the next period."),
        )
    left = (proposal.last_day - today).days
    why = Text("期限は{day}、残り{n}日です。", "It ends on {day}, {n} days from now.").format(
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
    said = "; ".join(part.en for part in parts)
    return Text("、".join(part.ja for part in parts) + "。", said[:1].upper() + said[1:] + ".")


def _concatenated(parts: Sequence[Text]) -> Text:
    return Text("".join(part.ja for part in parts), " ".join(part.en for part in parts))
