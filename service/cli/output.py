"""How does a result reach the terminal? Tables and JSON on standard output, progress on standard error."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, TextIO

from crm.i18n import Language, Text

if TYPE_CHECKING:
    from rich.progress import TaskID

Step = Callable[[Text, int, int | None], None]
_NOTE = Text("注意：{text}", "Note: {text}")
_BARE = "attributes_not_used"  # a warning that reads as a line of its own
_BARE_BOX = "\n".join(" ━  " if line == 2 else "    " for line in range(8)) + "\n"  # a line below headings


def print_json(answer: Mapping[str, Any]) -> None:
    """The very bytes that REST would send."""
    import orjson

    print_bytes(orjson.dumps(answer))


def print_bytes(body: bytes) -> None:
    """An answer that is JSON already."""
    sys.stdout.buffer.write(body + b"\n")
    sys.stdout.buffer.flush()


def print_table(
    title: str,
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    right: Sequence[int] = (),
    whole: Sequence[int] = (),
) -> None:
    """A table under its title; numbers stand to the right.

    Neither numbers nor `whole` columns wrap, unless the terminal is too narrow for them.
    """
    from rich.box import HEAVY_HEAD, Box
    from rich.console import Console
    from rich.table import Table

    from service.cli.layout import fitted

    if title:
        print_line(title)
    console = Console(markup=False, emoji=False, highlight=False)
    (shown, *lines), framed = fitted(headings, rows, console.width, {*right, *whole})
    table = Table(
        box=HEAVY_HEAD if framed else Box(_BARE_BOX),
        show_edge=framed,
        pad_edge=framed,
        collapse_padding=not framed,
        header_style="bold",
        show_header=any(headings),
    )
    for at, heading in enumerate(shown):
        side: Literal["left", "right"] = "right" if at in right else "left"
        table.add_column(heading, justify=side, overflow="fold", no_wrap=True)
    for row in lines:
        table.add_row(*row)
    console.print(table)


def print_line(text: str) -> None:
    """A line on standard output."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def print_prose(text: str) -> None:
    """A sentence on standard output; on a terminal it goes on in the next line between two words."""
    print_line(_for_terminal(text, sys.stdout))


def note(text: str) -> None:
    """A line on standard error: what is going on, not the result."""
    sys.stderr.write(_for_terminal(text, sys.stderr) + "\n")
    sys.stderr.flush()


def _for_terminal(text: str, stream: TextIO) -> str:
    columns = shutil.get_terminal_size().columns
    if not stream.isatty() or len(text) * 2 <= columns:
        return text
    from service.cli.layout import broken

    return broken(text, columns)


def print_warnings(answer: Mapping[str, Any], lang: Language) -> None:
    """The warnings of an answer, so that nobody misses them."""
    for warning in answer["warnings"]:
        text = warning["message"]
        note(text if warning["code"] == _BARE else _NOTE.format(text=text).to(lang))


@contextmanager
def progress(lang: Language) -> Iterator[Step]:
    """What is being done, on standard error: bars on a terminal, else a line for each thing begun.

    Call with what is being done, how much of it is done, and of how much (None = not known).
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        SpinnerColumn,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    console = Console(stderr=True)
    if not console.is_terminal:
        begun: set[str] = set()

        def tell(what: Text, done: int, total: int | None) -> None:  # noqa: ARG001 - a step's signature
            words = what.to(lang)
            if words not in begun:
                begun.add(words)
                note(words)

        yield tell
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bar:
        tasks: dict[str, TaskID] = {}

        def step(what: Text, done: int, total: int | None) -> None:
            words = what.to(lang)
            if words not in tasks:
                for task in tasks.values():  # one thing after another: what came before is done
                    known = bar.tasks[task].total
                    bar.update(task, total=known or 1, completed=known or 1)
                    bar.stop_task(task)
                tasks[words] = bar.add_task(words, total=total)
            bar.update(tasks[words], completed=done, total=total)

        yield step
        for task in tasks.values():
            bar.update(task, total=bar.tasks[task].total or 1, completed=bar.tasks[task].total or 1)
