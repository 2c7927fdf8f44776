"""Do the Japanese and the English guides say the same, and does what they show work?"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from service.cli.app import build

ROOT = next(folder for folder in Path(__file__).parents if (folder / "pyproject.toml").is_file())
DOCS = ROOT / "docs"
GUIDES = sorted(path.name for path in (DOCS / "ja").glob("*.md"))
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


def page(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def heading_levels(text: str) -> list[int]:
    return [len(marks) for marks in re.findall(r"^(#+) ", FENCE.sub("", text), re.M)]


def commands(text: str) -> list[list[str]]:
    """The command lines of a page's shell blocks, without comments."""
    blocks = [body for language, body in FENCE.findall(text) if language == "sh"]
    return [
        words
        for block in blocks
        for line in block.splitlines()
        if (words := shlex.split(line, comments=True))
    ]


def other_blocks(text: str) -> list[tuple[str, str]]:
    return [(language, body) for language, body in FENCE.findall(text) if language != "sh"]


def list_items(text: str) -> tuple[int, int]:
    """How many list items and table rows a page has."""
    prose = FENCE.sub("", text)
    return len(re.findall(r"^(?:- |\d+\. )", prose, re.M)), len(re.findall(r"^\|", prose, re.M))


def test_there_are_guides_in_japanese() -> None:
    assert {"operate.md", "reading.md", "start.md"} <= set(GUIDES)


@pytest.mark.parametrize("name", GUIDES)
def test_a_japanese_guide_has_the_structure_of_the_english_one(name: str) -> None:
    ja, en = page(f"ja/{name}"), page(name)
    assert heading_levels(ja) == heading_levels(en)
    assert list_items(ja) == list_items(en)


@pytest.mark.parametrize("name", GUIDES)
def test_a_japanese_guide_shows_the_commands_and_files_of_the_english_one(name: str) -> None:
    ja, en = page(f"ja/{name}"), page(name)
    assert commands(ja) == commands(en)
    assert other_blocks(ja) == other_blocks(en)


@pytest.mark.parametrize("name", GUIDES)
def test_the_guides_of_a_pair_link_to_each_other(name: str) -> None:
    assert f"](ja/{name})" in page(name)
    assert f"](../{name})" in page(f"ja/{name}")


@pytest.mark.parametrize("name", GUIDES)
def test_the_sancho_commands_of_a_guide_are_understood(name: str) -> None:
    command_line: Any = build("en")
    shown = [words[words.index("sancho") + 1 :] for words in commands(page(name)) if words[0] == "sancho"]
    shown += [words[5:] for words in commands(page(name)) if words[:3] == ["docker", "compose", "exec"]]
    for words in shown:
        command, rest = command_line, list(words)
        with command_line.make_context("sancho", [], resilient_parsing=True) as parent:
            parent.resilient_parsing = False
            while hasattr(command, "commands"):
                command = command.commands[rest.pop(0)]
            command.make_context(command.name, rest, parent=parent)


@pytest.mark.parametrize("name", GUIDES)
def test_japanese_prose_has_japanese_punctuation(name: str) -> None:
    prose = re.sub(r"`[^`]*`|\]\([^)]*\)|^English:.*$", "", FENCE.sub("", page(f"ja/{name}")), flags=re.M)
    japanese = r"[\u3040-\u30ff\u4e00-\u9fff]"
    assert re.findall(rf"{japanese}[:,.()]|[(,]{japanese}|～", prose) == []
    assert re.findall(rf"{japanese} [A-Za-z0-9]|[A-Za-z0-9%] {japanese}", prose) == []
