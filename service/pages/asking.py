"""How does a page ask what REST is asked? In the name of its reader, for what that person may see."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson
from fastapi import Request

from crm.i18n import Language
from crm.periods import Period, period_holding, previous
from service import questions
from service.api.audit_trail import note_scopes
from service.api.pools import pools_of
from service.api.responses import answer_to
from service.api.seen import seen, sight_of
from service.deal_search import DealSearch
from service.language import period_text
from service.pages import site
from service.pages.asked import Asked
from service.sight import Sight
from service.stored_answers import Question
from service.use_cases import UseCases

Answer = dict[str, Any]
_being_made: set[asyncio.Task[Answer]] = set()


@dataclass(frozen=True)
class Asking:
    """A reader's page: what is asked, in which language, about whom, and the use cases that answer."""

    request: Request
    asked: Asked
    cases: UseCases
    lang: Language
    sight: Sight
    scope: str

    @classmethod
    def of(cls, request: Request, asked: Asked) -> Asking:
        """The page of a request; SanchoError where its reader may not see the scope that is asked for."""
        sight = sight_of(request)
        scope = sight.scope(asked.scope)
        note_scopes(request, scope)
        cases: UseCases = request.app.state.use_cases
        return cls(request, asked, cases, site.reader_language(request), sight, scope)

    @property
    def period(self) -> str:
        """The period that is asked about."""
        return self.asked.period

    @property
    def as_of(self) -> str | None:
        """The moment that is asked about; None: now."""
        return self.asked.as_of

    def period_named(self, name: str) -> Period:
        """The period of an answer, by the organisation's fiscal year as of the moment."""
        serving = self.cases.serving
        state = serving.current()
        return serving.period(state, name, serving.moment(state, self.as_of))

    @property
    def currency(self) -> str:
        """The organisation's currency."""
        return self.cases.serving.current().bundle.currency

    def period_words(self, name: str) -> str:
        """The period of an answer in words, by the organisation's fiscal year."""
        return period_text(self.period_named(name), self.lang)

    def period_before(self, name: str) -> str:
        """The period of the same kind before, as it can be asked for."""
        month = self._fiscal_start_month
        first = previous(self.period_named(name))
        is_quarter = (first.days >= 89) and (first.days <= 92)
        return period_holding(first.first, "quarter", month).name if is_quarter else first.name

    @property
    def _fiscal_start_month(self) -> int:
        state = self.cases.serving.current()
        return state.organisation(state.now).fiscal_start_month

    async def ask(self, question: Question, *, is_kept: bool = True) -> Answer:
        """The answer to a question of REST, as its reader sees it; made anew where it is not to be kept."""
        answers = self.cases.answers if is_kept else None
        answer: Answer = orjson.loads((await answer_to(self.request, answers, question)).body)
        return answer

    async def ask_within(self, seconds: float, question: Question) -> Answer | None:
        """The same, or None where it takes longer: it goes on being made, and is there for who asks again.

        Where answers are not kept it is waited for.
        """
        making = asyncio.create_task(self.ask(question))
        await asyncio.wait({making}, timeout=None if self.cases.answers is None else seconds)
        if making.done():
            return making.result()
        _being_made.add(making)  # the loop alone would forget it
        making.add_done_callback(_made)
        return None

    async def deals(
        self,
        sort: str,
        search: DealSearch,
        *,
        scope: str,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Answer:
        """A page of the open deals of a scope, or of those that are looked for."""
        about = (scope, self.as_of, self.asked.named_period, sort, cursor, limit, self.lang, self.sight)
        is_kept = self.as_of is None or not self.sight.is_limited  # else it would keep all deals in memory
        return await self.ask(questions.deals(self.cases.deals, *about, search=search), is_kept=is_kept)

    async def run(self, make: partial[Any], *named: str) -> Answer:
        """The answer of a use case that is not stored, made in a thread; `named`: scopes that it is about."""
        answer = await pools_of(self.request).slow.run(make)
        return dict(orjson.loads(orjson.dumps(seen(self.request, answer, named))))

    async def write(self, change: partial[Any]) -> Answer:
        """What a use case answers that changes something."""
        return dict(orjson.loads(orjson.dumps(await pools_of(self.request).writes.run(change))))

    async def forecast(self) -> Answer:
        """The forecast of the scope and period."""
        cases = self.cases
        return await self.ask(
            questions.forecast(cases.forecasts, self.period, self.scope, self.as_of, self.lang, self.sight)
        )

    async def scopes(self) -> Answer:
        """Of whom can be asked."""
        return await self.ask(
            questions.scopes(self.cases.scopes, self.period, self.as_of, self.lang, self.sight)
        )


def _made(task: asyncio.Task[Answer]) -> None:
    """Forgets what nobody waited for; what went wrong is said to who asks again."""
    _being_made.discard(task)
    if not task.cancelled():
        task.exception()
