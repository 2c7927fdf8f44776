"""Which actions could be taken on the open deals of a period, and with what effect? Found once per moment."""

from __future__ import annotations

from features import ActionEvents, action_events_of
from models.actions import CandidateAction, candidate_actions
from service.model_state import AnswerContext, ModelState


def candidates_of(context: AnswerContext) -> list[CandidateAction]:
    """Every action with its effect on every open deal."""

    def compute() -> list[CandidateAction]:
        state, scored = context.state, context.forecast.scored
        return candidate_actions(
            state.bundle.actions,
            scored.x,
            state.catalogue,
            state.bundle.levels,
            scored.ever,
            action_events(state),
            scored.deals,
            context.moment,
        )

    return context.state.caches.candidate_actions.get(context.key, compute)


def action_events(state: ModelState) -> list[ActionEvents]:
    """When each action was done on which deal."""
    return state.caches.action_events.get(None, lambda: list(action_events_of(state.history)))
