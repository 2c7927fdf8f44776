"""What do help and wrong usage look like, in the reader's language and 80 columns?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unicodedata import east_asian_width

from typer.core import TyperCommand, TyperGroup

from crm.i18n import Language, Text

_WIDTH = 80
_USAGE = Text("使い方：", "Usage: ")
_ARGUMENTS = Text("引数：", "Arguments:")
_OPTIONS = Text("オプション：", "Options:")
_COMMANDS = Text("コマンド：", "Commands:")
_SHOWS_HELP = Text("このヘルプを表示します。", "Shows this help.")
_REQUIRED = Text("必須", "required")
_DEFAULT = Text("既定：{value}", "default: {value}")
_BETWEEN = Text("{low}以上{high}以下", "{low} to {high}")
_FROM = Text("{low}以上", "{low} or more")


class HelpfulCommand(TyperCommand):
    """A command whose help is in the reader's language."""

    def get_help(self, ctx: Any) -> str:
        """The page that --help shows."""
        return "\n".join(_page(self, ctx, ctx.obj))


class HelpfulGroup(TyperGroup):
    """A group of commands whose help is in the reader's language."""

    def get_help(self, ctx: Any) -> str:
        """The page that --help shows."""
        lang: Language = ctx.obj
        rows = [(name, command.help or "") for name, command in self.commands.items()]
        return "\n".join([*_page(self, ctx, lang), "", _COMMANDS.to(lang), *_rows(rows)])


def usage_text(fault: Any, typed: str) -> Text:
    """What is wrong with what was typed, from an exception of the parser's."""
    kind = type(fault).__name__
    parameter: Any = getattr(fault, "param", None)
    ask = Text("（`{typed} --help`）", " (`{typed} --help`)").format(typed=typed)
    if kind == "MissingParameter" and parameter.metavar == "PERIOD":
        return Text(
            "期間（PERIOD）を指定してください。例：{typed} 2026-Q4{ask}",
            "Give a period, e.g. {typed} 2026-Q4.{ask}",
        ).format(typed=typed, ask=ask)
    if kind == "MissingParameter":
        return Text("{what}を指定してください。{ask}", "Give {what}.{ask}").format(
            what=_named(parameter), ask=ask
        )
    if kind == "NoSuchOption":
        return Text("オプション {name} はありません。{ask}", "There is no option {name}.{ask}").format(
            name=fault.option_name, ask=ask
        )
    if kind == "BadOptionUsage":
        return Text("{name} の値を指定してください。{ask}", "Give a value for {name}.{ask}").format(
            name=fault.option_name, ask=ask
        )
    if kind == "BadParameter" and parameter is not None:
        return Text("{name} の値が正しくありません。{fine}{ask}", "{name} cannot be used.{fine}{ask}").format(
            name=_typed(parameter), fine=_fine(parameter), ask=ask
        )
    context = getattr(fault, "ctx", None)
    if isinstance(getattr(context, "command", None), TyperGroup):
        return Text(
            "そのようなコマンドはありません。{typed} --help で一覧を表示できます。",
            "There is no such command; `{typed} --help` lists them.",
        ).format(typed=typed)
    return Text("引数が多すぎます。{ask}", "Too many arguments.{ask}").format(ask=ask)


def _page(command: Any, context: Any, lang: Language) -> Iterator[str]:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option"]
    pieces = [Text("[オプション]", "[OPTIONS]").to(lang), *(one.metavar for one in arguments)]
    if isinstance(command, TyperGroup):
        pieces.append(Text("コマンド", "COMMAND").to(lang))
    yield f"{_USAGE.to(lang)}{context.command_path} {' '.join(pieces)}"
    yield ""
    yield from (f"  {line}" for line in _wrapped(command.help or "", _WIDTH - 2))
    if arguments:
        yield from ("", _ARGUMENTS.to(lang))
        yield from _rows([(one.metavar, _described(one, lang)) for one in arguments])
    rows = [(_typed(one, with_value=True), _described(one, lang)) for one in options]
    yield from ("", _OPTIONS.to(lang))
    yield from _rows([*rows, ("-h, --help", _SHOWS_HELP.to(lang))])


def _described(parameter: Any, lang: Language) -> str:
    notes = [_REQUIRED.to(lang)] if parameter.required else []
    shown = parameter.default not in (None, False) and parameter.show_default and not parameter.required
    if shown:
        notes.append(_DEFAULT.format(value=parameter.default).to(lang))
    if limits := _limits(parameter):
        notes.append(limits.to(lang))
    between = "、" if lang == "ja" else ", "
    return f"{parameter.help or ''}" + (f" [{between.join(notes)}]" if notes else "")


def _limits(parameter: Any) -> Text | None:
    low, high = getattr(parameter, "min", None), getattr(parameter, "max", None)
    if low is None:
        return None
    return (_FROM if high is None else _BETWEEN).format(low=low, high=high)


def _typed(parameter: Any, with_value: bool = False) -> str:
    if parameter.param_type_name == "argument":
        return str(parameter.metavar)
    name = ", ".join(parameter.opts)
    return f"{name} {parameter.metavar}" if with_value and not parameter.is_flag else name


def _named(parameter: Any) -> Text:
    """A parameter by the first words of its help, and how it is typed."""
    name, words = _typed(parameter), str(parameter.help or "").split("。")[0].rstrip(".")
    return Text(f"{words}（{name}）", f"{name} ({words[:1].lower()}{words[1:]})")


def _fine(parameter: Any) -> Text:
    limits = _limits(parameter)
    if limits is not None:
        return Text("{limits}の数値を指定してください。", " Give a number, {limits}.").format(limits=limits)
    if "|" in str(parameter.metavar):
        choices = str(parameter.metavar).split("|")
        return Text("、".join(choices) + " のいずれかを指定してください。", f" Give {' or '.join(choices)}.")
    return Text("", "")


def _rows(rows: list[tuple[str, str]]) -> Iterator[str]:
    indent = max(_cells(name) for name, _ in rows) + 4
    for name, text in rows:
        first, *rest = _wrapped(text, _WIDTH - indent) or [""]
        yield "  " + name + " " * (indent - 2 - _cells(name)) + first
        yield from (" " * indent + line for line in rest)


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of at most so many columns: broken at spaces, and in Japanese after a comma or a full stop."""
    lines, line = [], ""
    for piece in _pieces(text):
        if line and _cells(line + piece.rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        line += piece
    return [*lines, line.rstrip()] if line else lines


def _pieces(text: str) -> Iterator[str]:
    piece = ""
    for sign in text:
        piece += sign
        if sign in " 、。：（）":
            yield piece
            piece = ""
    if piece:
        yield piece


def _cells(text: str) -> int:
    return sum(2 if east_asian_width(sign) in "WF" else 1 for sign in text)
