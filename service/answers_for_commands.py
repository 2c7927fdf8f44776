"""Which answers of a running service may a command read? Those about the company's quarter, kept in the home.

Commands on the same machine, with the same home and settings, find them under the same name as their own
(`service.kept_answers`); who may not read the home cannot.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from models.forecast.organisation import COMPANY
from service.kept_answers import Basis, KeptAnswer, basis_of, keep_answer
from service.organisation import disagreements
from service.serving_state import ModelState, ServingState

if TYPE_CHECKING:
    from service.settings import Settings
    from service.stored_answers import Question

_QUARTER = "this-quarter"


class AnswersForCommands:
    """Keeps what a service answers, where a command would answer the same."""

    def __init__(self, settings: Settings, serving: ServingState) -> None:
        self._settings, self._serving = settings, serving

    def make_and_keep(self, question: Question, make: Callable[[], bytes]) -> bytes:
        """The answer to a question, made; kept where nothing that it is made from changed meanwhile."""
        state = self._serving.current()
        asked = self._commands_that_ask(question, state)
        before = basis_of(self._settings) if asked else None
        body = make()
        if before is not None and self._is_of(state, before):
            self._keep(body, asked, state, before, question)
        return body

    def _commands_that_ask(self, question: Question, state: ModelState) -> list[tuple[Any, ...]]:
        """What is typed to ask it: a command and what it is given; empty where no command asks that."""
        if question.as_of is not None or question.about[:1] != (COMPANY,):
            return []
        scope, *more = question.about
        quarter = self._serving.period(state, None, state.now).name
        match question.name:
            case "forecast" if question.period == quarter and not more:
                return [("forecast", period, scope, None, None) for period in (_QUARTER, quarter)]
            case "kpis" | "tree" | "people" if question.period == quarter:
                return [(question.name, period, scope, None) for period in (_QUARTER, quarter)]
            case "bottlenecks" if not more:
                return [("bottlenecks", question.period, scope, None)]
            case "actions" if len(more) == len(("deal", "limit")):
                return [("actions", scope, more[0], question.period, None, more[1])]
        return []

    def _is_of(self, state: ModelState, basis: Basis) -> bool:
        """Whether a state was in service all the while, and is of the rows and the model of a basis."""
        serving = self._serving
        return (
            serving.current() is state
            and not serving.outages.reasons()
            and basis.version == state.info.version
            and serving.store.revision() == state.revision
            and basis_of(self._settings) == basis
        )

    def _keep(
        self,
        body: bytes,
        asked: list[tuple[Any, ...]],
        state: ModelState,
        basis: Basis,
        question: Question,
    ) -> None:
        organisation = state.organisation(state.now)
        notes = [text.to(question.lang) for _, text in disagreements(self._settings, organisation)]
        answer = KeptAnswer(
            body=body,
            now=state.now,
            zone=str(state.log.zone),
            currency=organisation.currency,
            fiscal_start_month=organisation.fiscal_start_month,
            notes=tuple(notes),
        )
        for words in asked:
            keep_answer(self._settings, basis, (*words, True, question.lang), answer)
