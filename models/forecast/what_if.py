"""What if deals are won, lost, pushed back or repriced, a seller leaves or joins, or a target changes?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from crm.errors import SanchoError
from crm.i18n import Text
from features.arrays import Floats
from models.forecast.attainment import mean_and_quantiles, probability_of
from models.forecast.attainment_interval import attainment_intervals
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
    """What is assumed: open deals by id (`pushed` in days, `repriced` to an amount), people who leave today.

    `targets`: revenue targets by scope that replace the known ones.
    """

    won: frozenset[str] = frozenset()
    lost: frozenset[str] = frozenset()
    pushed: Mapping[str, float] = field(default_factory=dict)
    repriced: Mapping[str, float] = field(default_factory=dict)
    leaving: frozenset[str] = frozenset()
    targets: Mapping[str, float] = field(default_factory=dict)


def as_written(deal: str) -> Text:
    """A deal called by its id."""
    return Text(deal, deal)


def apply_assumptions(
    state: ForecastState,
    assumptions: Assumptions,
    days_ahead: Floats,
    called: Callable[[str], Text] = as_written,
) -> ForecastState:
    """The forecast state under the assumptions; `days_ahead` (j,) of the dates of the deals' probabilities.

    A deal pushed by d days has on a date the probability it had d days before it. People who leave bring no
    new business; their open deals keep their probabilities under other owners. Everything else has the same
    draws as before. Raises SanchoError for a deal that is not open, by what it is `called`,
    or an unknown person.
    """
    pipeline, organisation = state.simulation.pipeline, state.simulation.organisation
    _check_known(pipeline, organisation.people, assumptions, called)
    row_of = {str(deal): row for row, deal in enumerate(pipeline.deal_ids)}
    chance, amounts = pipeline.won_by.copy(), pipeline.amounts.copy()
    closed = state.simulation.closed.copy()
    for deal, value in assumptions.repriced.items():
        amounts[row_of[deal]] = value
    for deal, days in assumptions.pushed.items():
        row = row_of[deal]
        known = np.concatenate([[0.0], days_ahead])
        chance[row] = np.interp(days_ahead - days, known, np.concatenate([[0.0], chance[row]]))
    for deal in assumptions.won | assumptions.lost:
        chance[row_of[deal]] = 0.0
    for deal in assumptions.won:
        closed[pipeline.person[row_of[deal]]] += amounts[row_of[deal]].mean()
    changed_pipeline = Pipeline(pipeline.deal_ids, pipeline.person, chance, amounts)
    new, (company_sd, team_sd, degrees) = state.simulation.new, state.simulation.sizes
    simulation = simulate(
        organisation, changed_pipeline, round_to_step(closed), new, company_sd, team_sd, degrees=degrees
    )
    leaving = organisation.person(pd.Index(sorted(assumptions.leaving), dtype=object))
    new_draws, new_rate = simulation.new_draws.copy(), simulation.new_rate.copy()
    new_draws[leaving] = new_rate[leaving] = 0.0
    return replace(
        state,
        simulation=replace(simulation, new_draws=new_draws, new_rate=new_rate),
        targets={**state.targets, **assumptions.targets},
    )


def add_seller(state: ForecastState, joining: JoiningSeller, days_ahead: Floats) -> ForecastState:
    """The forecast state with one more seller, who sells new business like the team's average seller.

    From the joining day on, the newcomer sells like the others from today on: with d days left, the expected
    revenue is that of the others' first d days. No other draws change. Raises SanchoError for an unknown
    team.
    """
    base, organisation = state.simulation, state.simulation.organisation
    if joining.team is not None and joining.team not in organisation.teams:
        raise unknown_team(joining.team)
    team = -1 if joining.team is None else organisation.teams.index(joining.team)
    nobody = organisation.nobody
    teammates = organisation.members(COMPANY if joining.team is None else f"team:{joining.team}")
    teammates = teammates[(teammates != nobody) & (base.new.mean[teammates] > 0)]
    known = np.concatenate([[0.0], days_ahead])
    over = len(base.new.by_date) == 0  # a period that is over has no future dates
    share_by_date = np.zeros(len(days_ahead)) if over else base.new.by_date
    share = np.interp(days_ahead[-1] - joining.days, known, np.concatenate([[0.0], share_by_date]))
    rate = np.zeros((1, base.new_rate.shape[1]), np.float32)
    if len(teammates):
        # The factor that the team shares, without its members' own noise.
        own = base.new_rate[teammates].mean(0)
        rate[0] = own * (share * base.new.mean[teammates].mean() / max(float(own.mean()), 1e-9))
    scale = np.array([base.new.scale[teammates].mean() if len(teammates) else 1.0])
    alone = replace(base.new, mean=rate.mean(1), scale=scale)
    new_revenue = round_to_step(alone.draw_revenue(rate, base.seed + 1 + len(organisation.people))[0])
    with_seller = replace(
        organisation,
        people=(*organisation.people, joining.name),
        team_of=np.append(organisation.team_of, team),
    )
    person = base.pipeline.person
    new = replace(
        base.new,
        mean=np.insert(base.new.mean, nobody, rate.mean()),
        scale=np.insert(base.new.scale, nobody, scale[0]),
    )
    simulation = replace(
        base,
        organisation=with_seller,
        pipeline=replace(base.pipeline, person=np.where(person == nobody, nobody + 1, person)),
        closed=np.insert(base.closed, nobody, 0.0),
        open_draws=np.insert(base.open_draws, nobody, 0.0, axis=0),
        new_draws=np.insert(base.new_draws, nobody, new_revenue[0], axis=0),
        new=new,
        new_rate=np.insert(base.new_rate, nobody, rate[0], axis=0),
        new_size=None if base.new_size is None else np.insert(base.new_size, nobody, 1.0),
    )
    return replace(state, simulation=simulation)


def scope_summary(state: ForecastState, scope: str) -> dict[str, Any]:
    """Target, probability with its intervals, and revenue of a scope."""
    people = state.simulation.organisation.members(scope)
    target = state.targets.get(scope)
    probability = probability_of(state.simulation, people, target)
    return {
        "target": target,
        "probability": probability,
        "probability_intervals": attainment_intervals(probability),
        "revenue": mean_and_quantiles(state.simulation.total(people)),
    }


def _check_known(
    pipeline: Pipeline, people: tuple[str, ...], assumptions: Assumptions, called: Callable[[str], Text]
) -> None:
    named = assumptions.won | assumptions.lost | set(assumptions.pushed) | set(assumptions.repriced)
    not_open = sorted(named - {str(deal) for deal in pipeline.deal_ids})
    if not_open:
        raise not_open_deals(map(called, not_open))
    both = sorted(assumptions.won & assumptions.lost)
    if both:
        raise SanchoError(
            Text(
                "商談「{ids}」に受注と失注の両方が指定されています。どちらか一方にしてください。",
                "assumed both won and lost: {ids}; choose one.",
            ).format(ids=_in_a_row(map(called, both))),
            "contradiction",
        )
    unknown = sorted(assumptions.leaving - set(people))
    if unknown:
        raise unknown_people(unknown)


def not_open_deals(called: Iterable[Text]) -> SanchoError:
    """The error of deals that are not open, by what they are called."""
    text = Text(
        "商談「{ids}」はその時点で進行中ではありません。進行中の商談は sancho score で確認できます。",
        "not open at that time: {ids}; `sancho score` lists the open deals.",
    )
    return SanchoError(text.format(ids=_in_a_row(called)), "unknown_deal")


def unknown_people(ids: Iterable[str]) -> SanchoError:
    """The error of people that do not exist."""
    text = Text(
        "担当者「{ids}」が見つかりません。people の person_id を指定してください。",
        "no such person: {ids}; give a person_id of people.",
    )
    return SanchoError(text.format(ids=_in_a_row(map(as_written, ids))), "unknown_person")


def unknown_team(team: str) -> SanchoError:
    """The error of a team that does not exist."""
    text = Text(
        "チーム「{team}」が見つかりません。teams の team_id を指定してください。",
        "no such team: {team}; give a team_id of teams.",
    )
    return SanchoError(text.format(team=team), "unknown_team")


def _in_a_row(names: Iterable[Text]) -> Text:
    every = list(names)
    return Text("、".join(name.ja for name in every), ", ".join(name.en for name in every))
