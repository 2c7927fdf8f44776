"""What if deals are won, lost, pushed or repriced, a seller leaves or joins, a target is changed?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from crm.errors import SanchoError
from crm.i18n import Text
from features.arrays import Floats
from models.forecast.attainment import mean_and_quantiles, probability_of
from models.forecast.change_attribution import ForecastState
from models.forecast.organisation import COMPANY
from models.forecast.simulate import Pipeline, round_to_step, simulate


@dataclass(frozen=True)
class JoiningSeller:
    """A seller who joins a team, or the company without one, `days` from the moment."""

    name: str
    team: str | None
    days: float = 0.0


@dataclass(frozen=True)
class Assumptions:
    """What is supposed: open deals by id (`pushed` in days, `repriced` to an amount), people who leave today.

    `targets`: revenue targets by scope that take the place of those known.
    """

    won: frozenset[str] = frozenset()
    lost: frozenset[str] = frozenset()
    pushed: Mapping[str, float] = field(default_factory=dict)
    repriced: Mapping[str, float] = field(default_factory=dict)
    leaving: frozenset[str] = frozenset()
    targets: Mapping[str, float] = field(default_factory=dict)


def apply_assumptions(stand: ForecastState, supposed: Assumptions, days_ahead: Floats) -> ForecastState:
    """The stand as it would be; `days_ahead` (j,) of the dates of the deals' chances.

    A deal pushed by d days is won by a date as likely as it was to be won d days before it. Who leaves
    brings no new business; the open deals stay as likely as they were, in other hands. What is not supposed
    meets the same luck as before. Raises SanchoError for a deal that is not open or a person unknown.
    """
    pipeline, organisation = stand.simulation.pipeline, stand.simulation.organisation
    _check_known(pipeline, organisation.people, supposed)
    place = {str(deal): row for row, deal in enumerate(pipeline.deal_ids)}
    chance, amounts = pipeline.won_by.copy(), pipeline.amounts.copy()
    closed = stand.simulation.closed.copy()
    for deal, value in supposed.repriced.items():
        amounts[place[deal]] = value
    for deal, days in supposed.pushed.items():
        row = place[deal]
        known = np.concatenate([[0.0], days_ahead])
        chance[row] = np.interp(days_ahead - days, known, np.concatenate([[0.0], chance[row]]))
    for deal in supposed.won | supposed.lost:
        chance[place[deal]] = 0.0
    for deal in supposed.won:
        closed[pipeline.person[place[deal]]] += amounts[place[deal]].mean()
    changed = Pipeline(pipeline.deal_ids, pipeline.person, chance, amounts)
    made = simulate(
        organisation, changed, round_to_step(closed), stand.simulation.new, *stand.simulation.sizes
    )
    gone = organisation.person(pd.Index(sorted(supposed.leaving), dtype=object))
    new_draws, new_rate = made.new_draws.copy(), made.new_rate.copy()
    new_draws[gone] = new_rate[gone] = 0.0
    return replace(
        stand,
        simulation=replace(made, new_draws=new_draws, new_rate=new_rate),
        targets={**stand.targets, **supposed.targets},
    )


def add_seller(stand: ForecastState, joining: JoiningSeller, days_ahead: Floats) -> ForecastState:
    """The stand with one seller more, who sells new business like the average one of the team.

    From the day of joining on the newcomer is where others are today: of a stretch of d days ahead comes what
    theirs brings in its first d days. Nobody else's draws change. Raises SanchoError for an unknown team.
    """
    made, organisation = stand.simulation, stand.simulation.organisation
    if joining.team is not None and joining.team not in organisation.teams:
        raise SanchoError(
            Text(
                "チーム「{team}」は見当たりません。teams の team_id を指定してください。",
                "no such team: {team}; give a team_id of teams.",
            ).format(team=joining.team),
            "unknown_team",
        )
    team = -1 if joining.team is None else organisation.teams.index(joining.team)
    nobody = organisation.nobody
    mates = organisation.members(COMPANY if joining.team is None else f"team:{joining.team}")
    mates = mates[(mates != nobody) & (made.new.mean[mates] > 0)]
    known = np.concatenate([[0.0], days_ahead])
    over = len(made.new.by_date) == 0  # a period that is over: nothing to come
    brought_by = np.zeros(len(days_ahead)) if over else made.new.by_date
    part = np.interp(days_ahead[-1] - joining.days, known, np.concatenate([[0.0], brought_by]))
    rate = np.zeros((1, made.new_rate.shape[1]), np.float32)
    if len(mates):
        # The mood that the team shares, without the mates' own noise.
        own = made.new_rate[mates].mean(0)
        rate[0] = own * (part * made.new.mean[mates].mean() / max(float(own.mean()), 1e-9))
    scale = np.array([made.new.scale[mates].mean() if len(mates) else 1.0])
    alone = replace(made.new, mean=rate.mean(1), scale=scale)
    brought = round_to_step(alone.draw_revenue(rate, made.seed + 1 + len(organisation.people))[0])
    grown = replace(
        organisation,
        people=(*organisation.people, joining.name),
        team_of=np.append(organisation.team_of, team),
    )
    person = made.pipeline.person
    new = replace(
        made.new,
        mean=np.insert(made.new.mean, nobody, rate.mean()),
        scale=np.insert(made.new.scale, nobody, scale[0]),
    )
    simulation = replace(
        made,
        organisation=grown,
        pipeline=replace(made.pipeline, person=np.where(person == nobody, nobody + 1, person)),
        closed=np.insert(made.closed, nobody, 0.0),
        open_draws=np.insert(made.open_draws, nobody, 0.0, axis=0),
        new_draws=np.insert(made.new_draws, nobody, brought[0], axis=0),
        new=new,
        new_rate=np.insert(made.new_rate, nobody, rate[0], axis=0),
    )
    return replace(stand, simulation=simulation)


def scope_summary(stand: ForecastState, scope: str) -> dict[str, Any]:
    """Target, probability and revenue of a scope."""
    people = stand.simulation.organisation.members(scope)
    target = stand.targets.get(scope)
    return {
        "target": target,
        "probability": probability_of(stand.simulation, people, target),
        "revenue": mean_and_quantiles(stand.simulation.total(people)),
    }


def _check_known(pipeline: Pipeline, people: tuple[str, ...], supposed: Assumptions) -> None:
    named = supposed.won | supposed.lost | set(supposed.pushed) | set(supposed.repriced)
    strangers = sorted(named - {str(deal) for deal in pipeline.deal_ids})
    if strangers:
        raise SanchoError(
            Text(
                "商談「{ids}」はその時点で進行中ではありません。進行中の商談は sancho score で確認できます。",
                "not open at that time: {ids}; `sancho score` lists the open deals.",
            ).format(ids=", ".join(strangers)),
            "unknown_deal",
        )
    both = sorted(supposed.won & supposed.lost)
    if both:
        raise SanchoError(
            Text(
                "商談「{ids}」に受注と失注の両方が指定されています。どちらか一方にしてください。",
                "supposed both won and lost: {ids}; choose one.",
            ).format(ids=", ".join(both)),
            "contradiction",
        )
    unknown = sorted(supposed.leaving - set(people))
    if unknown:
        raise SanchoError(
            Text(
                "担当者「{ids}」は見当たりません。people の person_id を指定してください。",
                "no such person: {ids}; give a person_id of people.",
            ).format(ids=", ".join(unknown)),
            "unknown_person",
        )
