"""Which questions can be answered from what is stored, and which are answered before anybody asks?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING

from crm.i18n import Language
from models.forecast.organisation import COMPANY
from service.deal_insight import DealInsights
from service.deal_search import DealSearch
from service.forecasts import Forecasts
from service.goals import Goals
from service.padding import PaddingQuestions
from service.recommendations import Recommendations
from service.scopes import Scopes
from service.serving_state import ServingState
from service.sight import EVERYTHING, Sight, digest
from service.stored_answers import Question
from service.yomi.sheets import YomiSheets

if TYPE_CHECKING:
    from service.schemas import PlanRequest

_EVERY_DEAL = DealSearch()
_LIMIT = 20  # actions of a list where nobody says how many


def forecast(
    use: Forecasts,
    period: str,
    scope: str,
    as_of: str | None,
    lang: Language,
    sight: Sight = EVERYTHING,
    *,
    parts: tuple[str, ...] | None = None,
) -> Question:
    """The forecast of a scope, or some parts of it."""
    asked, told = (scope,) if parts is None else (scope, parts), sight.of_scopes
    return Question(
        name="forecast", about=(*asked, *sight.part_of(scope)), period=period, as_of=as_of,
        lang=lang, is_slow=True, also=use.stored_days,
        make=lambda: use.forecast(period, scope, as_of, lang, sight=told, parts=parts),
    )  # fmt: skip


def scopes(
    use: Scopes, period: str | None, as_of: str | None, lang: Language, sight: Sight = EVERYTHING
) -> Question:
    """Of whom can be asked."""
    told = sight.of_scopes
    about = (sight.widest, digest(sight.people), digest(sight.teams)) if sight.is_limited else ()
    return Question(
        name="scopes", about=about, period=period, as_of=as_of, lang=lang,
        make=lambda: use.scopes(period, as_of, lang, sight=told),
    )  # fmt: skip


def kpis(
    use: Goals,
    period: str,
    scope: str,
    as_of: str | None,
    lang: Language,
    sight: Sight = EVERYTHING,
) -> Question:
    """The KPIs of a scope."""
    told = sight.of_scopes
    return Question(
        name="kpis", about=(scope, *sight.part_of_goal(scope)), period=period, as_of=as_of, lang=lang,
        is_slow=True, make=lambda: use.kpis(period, scope, as_of, lang, sight=told),
    )  # fmt: skip


def padding(
    use: PaddingQuestions,
    period: str,
    scope: str,
    as_of: str | None,
    lang: Language,
    sight: Sight = EVERYTHING,
) -> Question:
    """What to ask about KPIs of a scope that rise without what should follow."""
    told = sight.of_scopes
    return Question(
        name="padding", about=(scope, *sight.part_of(scope)), period=period, as_of=as_of, lang=lang,
        is_slow=True, make=lambda: use.padding(period, scope, as_of, lang, sight=told),
    )  # fmt: skip


def tree(
    use: Goals,
    period: str,
    scope: str,
    as_of: str | None,
    lang: Language,
    sight: Sight = EVERYTHING,
) -> Question:
    """What leads to the goal of a scope."""
    told = sight.of_scopes
    return Question(
        name="tree", about=(scope, *sight.part_of_goal(scope)), period=period, as_of=as_of, lang=lang,
        is_slow=True, make=lambda: use.tree(period, scope, as_of, lang, sight=told),
    )  # fmt: skip


def people(
    use: Goals,
    period: str,
    scope: str,
    as_of: str | None,
    lang: Language,
    sight: Sight = EVERYTHING,
) -> Question:
    """The comparison of people."""
    told = sight.of_scopes
    return Question(
        name="people", about=(scope, *sight.part_of(scope)), period=period, as_of=as_of, lang=lang,
        is_slow=True, make=lambda: use.people(period, scope, as_of, lang, sight=told),
    )  # fmt: skip


def plan(use: Goals, request: PlanRequest, lang: Language, sight: Sight = EVERYTHING) -> Question:
    """What it takes to reach a probability."""
    told = sight.of_scopes
    return Question(
        name="plan", about=(request.model_dump_json(), *sight.part_of(request.scope)), period=request.period,
        as_of=request.as_of, lang=lang, make=lambda: use.plan(request, lang, sight=told), is_slow=True,
    )  # fmt: skip


def bottlenecks(
    use: Recommendations,
    scope: str,
    period: str | None,
    as_of: str | None,
    lang: Language,
    sight: Sight = EVERYTHING,
    *,
    page: tuple[int | None, str | None] = (None, None),
) -> Question:
    """Where a scope loses deals; a `page` has a limit and the cursor after which it begins."""
    about, told = (scope,) if page == (None, None) else (scope, *page), sight.of_scopes
    return Question(
        name="bottlenecks", about=(*about, *sight.part_of(scope)), period=period, as_of=as_of, lang=lang,
        is_slow=True,
        make=lambda: use.bottlenecks(scope, period, as_of, lang, sight=told, limit=page[0], cursor=page[1]),
    )  # fmt: skip


def actions(
    use: Recommendations,
    scope: str,
    deal_id: str | None,
    period: str | None,
    as_of: str | None,
    limit: int,
    lang: Language,
    sight: Sight = EVERYTHING,
    *,
    cursor: str | None = None,
) -> Question:
    """A page of the next actions of a scope, or of a deal."""
    told = sight if deal_id is not None else sight.of_scopes
    about = (scope, deal_id, limit) if cursor is None else (scope, deal_id, limit, cursor)
    return Question(
        name="actions", about=(*about, *sight.part_of(scope)), period=period, as_of=as_of, lang=lang,
        make=lambda: use.actions(scope, deal_id, period, as_of, limit, lang, sight=told, cursor=cursor),
    )  # fmt: skip


def deals(
    use: DealInsights,
    scope: str,
    as_of: str | None,
    period: str | None,
    sort: str,
    cursor: str | None,
    limit: int | None,
    lang: Language,
    sight: Sight = EVERYTHING,
    *,
    search: DealSearch = _EVERY_DEAL,
) -> Question:
    """A page of the scored open deals of a scope, or of those that are looked for."""
    told = sight.of_scopes if as_of is None else sight
    return Question(
        name="deals", about=(scope, sort, cursor, limit, *search.said, *sight.part_of(scope)), period=period,
        as_of=as_of, lang=lang,
        make=lambda: use.list_deals(
            scope, as_of, period, sort, cursor, limit, lang, sight=told, search=search
        ),
    )  # fmt: skip


def yomi(
    use: YomiSheets,
    period: str,
    scope: str,
    as_of: str | None,
    week: int,
    lang: Language,
    sight: Sight = EVERYTHING,
) -> Question:
    """The deal sheet of a scope."""
    told = sight.of_scopes
    return Question(
        name="yomi", about=(scope, week, *sight.part_of_goal(scope)), period=period, as_of=as_of, lang=lang,
        is_slow=True, also=use.rests_on,
        make=lambda: use.sheet(period, scope, as_of, week, lang, sight=told),
    )  # fmt: skip


def usual_questions(
    serving: ServingState, use: tuple[Forecasts, Goals, Recommendations], first: Language, is_all: bool
) -> list[Question]:
    """What is asked about the current quarter of the company, then of the teams, in both languages.

    The `first` language first; of people, where `is_all`, the KPIs and the forecast.
    """
    state = serving.current()
    period = serving.period(state, None, state.now)
    scopes = serving.context_of(state, state.now, period).forecast.organisation.scopes()
    languages: tuple[Language, Language] = ("ja", "en") if first == "ja" else ("en", "ja")
    teams = [scope for scope in scopes if scope.startswith("team:")]
    persons = [scope for scope in scopes if scope.startswith("person:")]
    groups = [*product(languages, [COMPANY]), *product(languages, teams)]
    questions = [one for lang, scope in groups for one in _of_group(use, period.name, scope, lang)]
    for lang, person in product(languages, persons if is_all else ()):
        questions.append(forecast(use[0], period.name, person, None, lang))
        questions.append(kpis(use[1], period.name, person, None, lang))
    return questions


def _of_group(
    use: tuple[Forecasts, Goals, Recommendations], period: str, scope: str, lang: Language
) -> Iterator[Question]:
    forecasts, goals, recommendations = use
    yield forecast(forecasts, period, scope, None, lang)
    yield kpis(goals, period, scope, None, lang)
    yield actions(recommendations, scope, None, None, None, _LIMIT, lang)
    yield tree(goals, period, scope, None, lang)
    yield people(goals, period, scope, None, lang)
    yield bottlenecks(recommendations, scope, None, None, lang)
