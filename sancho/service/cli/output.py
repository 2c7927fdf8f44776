"""How does a result reach the terminal? Tables and JSON on standard output, progress on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from sancho.crm.i18n import Language, Text

Step = Callable[[Text, int, int | None], None]


def print_json(answer: Mapping[str, Any]) -> None:
    """The very bytes that REST would send."""
    sys.stdout.buffer.write(orjson.dumps(answer) + b"\n")
    sys.stdout.buffer.flush()


def print_table(
    title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()
) -> None:
    """A table, numbers to the right."""
    table = Table(title=title or None, title_justify="left", header_style="bold")
    for at, heading in enumerate(headings):
        table.add_column(heading, justify="right" if at in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def say(text: str) -> None:
    """A line on standard output."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """A line on standard error: what is going on, not the result."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def print_warnings(answer: Mapping[str, Any], lang: Language) -> None:
    """The warnings of an answer, so that nobody misses them."""
    for warning in answer["warnings"]:
        note(("注意：" if lang == "ja" else "Note: ") + str(warning["message"]))


@contextmanager
def progress(lang: Language) -> Iterator[Step]:
    """What is being done, on standard error: bars on a terminal, else a line for each thing begun.

    Call with what is being done, how much of it is done, and of how much (None = not known).
    """
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


def percent(share: float | None) -> str:
    """A probability for reading."""
    return "–" if share is None else f"{100 * share:.1f}%"
