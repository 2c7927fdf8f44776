"""How does a command get its answer, and how is it printed: as the JSON that REST sends, or for reading?"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from crm.i18n import Language
from service.cli.output import note, print_bytes, print_json, print_line, print_warnings
from service.cli.reader import Reader

if TYPE_CHECKING:
    from service.kept_answers import Basis, KeptAnswer
    from service.settings import Settings
    from service.use_cases import UseCases

Answer = dict[str, Any]
Question = tuple[Any, ...]  # a command's name and what it was given, as JSON can tell it


def open_service(settings: Settings, warm: bool = False, lang: Language = "ja") -> UseCases:
    """The use cases of the service, with the champion and the store as they are now.

    Where the registry is out of reach, the model last in service answers, and why is noted.
    """
    from service.logs import configure_logs
    from service.use_cases import UseCases

    configure_logs(logging.WARNING)
    service = UseCases.open(settings)
    service.serving.refresh(warm)
    for reason in service.serving.outages.reasons():
        note(reason.to(lang))
    return service


def print_answer(
    ask: Callable[[UseCases], Answer],
    show: Callable[[Answer, Reader], None],
    as_json: bool,
    lang: Language,
    question: Question | None = None,
    before: Callable[[UseCases], object] = lambda _: None,
    lasts: Callable[[UseCases], bool] = lambda _: True,
) -> int:
    """Asks the service one question, and prints its answer with what to know about it.

    `question` names what is asked: where it was answered a moment ago and nothing has changed since, that
    answer is printed, and the service is not opened. `before`: what else the command does, before it asks.
    `lasts`: whether nothing of that is left to do, so that the answer may be printed again without it.
    """
    from service.settings import read_settings

    settings = read_settings()
    asked = None if question is None else (*question, as_json, lang)
    kept = None if asked is None else _kept_answer_of(settings, asked)
    if kept is not None:
        return _print_kept(kept, show, as_json, lang)
    service = open_service(settings, lang=lang)
    try:
        before(service)
        in_reach = not service.serving.outages.reasons()
        basis = _basis(settings) if asked is not None and in_reach else None
        answer = ask(service)
        reader = reader_of(service, answer, lang)
        if asked is not None and basis is not None and lasts(service):
            _keep(service, basis, asked, answer, reader)
    finally:
        service.close()
    if as_json:
        print_json(answer)
    else:
        show_answer(answer, show, reader)
    return 0


def _kept_answer_of(settings: Settings, asked: Question) -> KeptAnswer | None:
    """The answer given to a question a moment ago; None where there is none, or it may be outdated."""
    from service.kept_answers import basis_of, kept_answer

    basis = basis_of(settings)
    if basis is None:
        return None
    *words, as_json, lang = asked
    kept = kept_answer(settings, basis, asked)
    if kept is None and not as_json:  # of what JSON tells, a table shows less
        kept = kept_answer(settings, basis, (*words, True, lang))
    return kept


def _print_kept(
    kept: KeptAnswer, show: Callable[[Answer, Reader], None], as_json: bool, lang: Language
) -> int:
    import orjson

    for text in kept.notes:
        note(text)
    if as_json:
        print_bytes(kept.body)
    else:
        show_answer(orjson.loads(kept.body), show, Reader(lang, kept.currency, kept.fiscal_start_month))
    return 0


def _basis(settings: Settings) -> Basis | None:
    from service.kept_answers import basis_of

    return basis_of(settings)


def _keep(service: UseCases, basis: Basis, asked: Question, answer: Answer, reader: Reader) -> None:
    """Keeps an answer where it was made from its basis: the same before and after, and all in reach."""
    import orjson

    from service.kept_answers import KeptAnswer, keep_answer

    state, settings = service.serving.current(), service.settings
    if service.serving.outages.reasons() or _basis(settings) != basis:
        return
    if (service.serving.store.revision(), basis.version) != (state.revision, state.info.version):
        return  # imported or promoted after the service was opened
    kept = KeptAnswer(
        body=orjson.dumps(answer),
        now=state.now,
        zone=str(state.log.zone),
        currency=reader.currency,
        fiscal_start_month=reader.fiscal_start_month,
        notes=tuple(_disagreements(service, reader.lang)),
    )
    keep_answer(settings, basis, asked, kept)


def note_disagreements(settings: Settings, lang: Language) -> None:
    """Says where the settings of this terminal differ from the stored organisation, which holds."""
    from service.organisation import disagreements, present_organisation

    for _, text in disagreements(settings, present_organisation(settings)):
        note(text.to(lang))


def reader_of(service: UseCases, answer: Answer, lang: Language) -> Reader:
    """Who reads an answer: by the organisation's currency and fiscal year as of its moment.

    Notes where the settings of this terminal say something else, which does not hold.
    """
    for text in _disagreements(service, lang):
        note(text)
    state = service.serving.current()
    return Reader.of(state.organisation(state.log.instant(answer["as_of"])), lang)


def _disagreements(service: UseCases, lang: Language) -> list[str]:
    from service.organisation import disagreements

    state = service.serving.current()
    return [text.to(lang) for _, text in disagreements(service.settings, state.organisation(state.now))]


def show_answer(answer: Answer, show: Callable[[Answer, Reader], None], reader: Reader) -> None:
    """An answer for reading: its tables, the moment it is of, its warnings."""
    show(answer, reader)
    print_line(reader.as_of(answer["as_of"]))
    print_warnings(answer, reader.lang)
