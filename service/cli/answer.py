"""How does a command get its answer, and how is it printed: as the JSON that REST sends, or for reading?"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from crm.i18n import Language
from service.cli.output import note, print_json, print_line, print_warnings
from service.cli.reader import Reader

if TYPE_CHECKING:
    from service.settings import Settings
    from service.use_cases import UseCases

Answer = dict[str, Any]


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
    ask: Callable[[UseCases], Answer], show: Callable[[Answer, Reader], None], as_json: bool, lang: Language
) -> int:
    """Asks the service one question, and prints its answer with what to know about it."""
    from service.settings import read_settings

    settings = read_settings()
    service = open_service(settings, lang=lang)
    try:
        answer = ask(service)
        reader = reader_of(service, answer, lang)
    finally:
        service.close()
    if as_json:
        print_json(answer)
    else:
        show_answer(answer, show, reader)
    return 0


def note_disagreements(settings: Settings, lang: Language) -> None:
    """Says where the settings of this terminal differ from the stored organisation, which holds."""
    from service.organisation import disagreements, present_organisation

    for _, text in disagreements(settings, present_organisation(settings)):
        note(text.to(lang))


def reader_of(service: UseCases, answer: Answer, lang: Language) -> Reader:
    """Who reads an answer: by the organisation's currency and fiscal year as of its moment.

    Notes where the settings of this terminal say something else, which does not hold.
    """
    from service.organisation import disagreements

    state = service.serving.current()
    for _, text in disagreements(service.settings, state.organisation(state.now)):
        note(text.to(lang))
    return Reader.of(state.organisation(state.log.instant(answer["as_of"])), lang)


def show_answer(answer: Answer, show: Callable[[Answer, Reader], None], reader: Reader) -> None:
    """An answer for reading: its tables, the moment it is of, its warnings."""
    show(answer, reader)
    print_line(reader.as_of(answer["as_of"]))
    print_warnings(answer, reader.lang)
