"""Which commands are there? Each in a module of its own; here they become one command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from crm.i18n import Language, Text
from service.cli import (
    actions,
    alerts,
    audit,
    backtest,
    backup,
    bottlenecks,
    demo,
    doctor,
    erase,
    forecast,
    import_,
    jobs,
    keys,
    kpi_set,
    kpi_set_padding,
    kpis,
    models,
    organisation,
    people,
    plan,
    report,
    score,
    serve,
    simulate,
    targets,
    train,
    tree,
    user,
    webhooks,
    what_if,
)
from service.cli.audited import audited
from service.cli.command import Command, bilingual, in_language
from service.cli.help import HelpfulCommand, HelpfulGroup

_COMMANDS = (
    demo.COMMAND,
    simulate.COMMAND,
    import_.COMMAND,
    organisation.COMMAND,
    train.COMMAND,
    backtest.COMMAND,
    score.COMMAND,
    forecast.COMMAND,
    what_if.COMMAND,
    kpis.COMMAND,
    tree.COMMAND,
    plan.COMMAND,
    people.COMMAND,
    report.COMMAND,
    bottlenecks.COMMAND,
    actions.COMMAND,
    serve.COMMAND,
    doctor.COMMAND,
    backup.BACKUP,
    backup.RESTORE,
    erase.COMMAND,
)
_GROUPS = (
    ("targets", targets.HELP, targets.COMMANDS),
    ("models", models.HELP, models.COMMANDS),
    ("kpi-set", kpi_set.HELP, (*kpi_set.COMMANDS, kpi_set_padding.COMMAND)),
    ("jobs", jobs.HELP, jobs.COMMANDS),
    ("webhooks", webhooks.HELP, webhooks.COMMANDS),
    ("alerts", alerts.HELP, alerts.COMMANDS),
    ("key", keys.HELP, keys.COMMANDS),
    ("user", user.HELP, user.COMMANDS),
    ("audit", audit.HELP, audit.COMMANDS),
)
_HELP = Text(
    "売上目標に届く確率と、その理由と、次にすべきことを、根拠とともに示します。",
    "How likely a sales target is, why, and what to do about it, with proof.",
)


def build(lang: Language) -> Callable[..., Any]:
    """The command line, its help in one language."""
    app = _group(_HELP, _COMMANDS)
    for name, text, commands in _GROUPS:
        app.add_typer(_group(text, commands, f"{name} "), name=name)
    built = typer.main.get_command(app)
    for one in _walk(built):
        one.help = in_language(one.help, lang)
        for parameter in one.params:
            parameter.help = in_language(parameter.help, lang)  # type: ignore[attr-defined]
    return built


def _group(text: Text, commands: tuple[Command, ...], before: str = "") -> typer.Typer:
    made = typer.Typer(
        cls=HelpfulGroup,
        help=bilingual(text),
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for one in commands:
        function = audited(f"{before}{one.name}", one.function)
        made.command(one.name, cls=HelpfulCommand, help=bilingual(one.help))(function)
    return made


def _walk(command: Any) -> Iterator[TyperCommand | TyperGroup]:
    yield command
    for inner in getattr(command, "commands", {}).values():
        yield from _walk(inner)
