"""Do the maintainers' pages name what exists: files, functions, terms, other pages?"""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

ROOT = next(folder for folder in Path(__file__).parents if (folder / "pyproject.toml").is_file())
ROOMS = ("sancho", "crm", "pictures", "simulator", "features", "models", "training", "service")
PAGES = [
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
    if path.name != "LICENSE.md" and ".venv" not in path.parts
]
NAMING = [
    path for path in PAGES if path.name in ("architecture.md", "CONTRIBUTING.md") or "decisions" in path.parts
]
FENCE = re.compile(r"^```.*?^```$", re.M | re.S)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def code_words(page: Path) -> list[str]:
    """What a page has between backticks, fenced blocks left out."""
    return re.findall(r"`([^`\n]+)`", FENCE.sub("", page.read_text("utf-8")))


def is_path(word: str) -> bool:
    """Whether a word names a file or folder of the repository."""
    head = word.split("/")[0]
    in_a_folder = (
        "/" in word and bool(head) and (ROOT / head).is_dir() and re.fullmatch(r"[\w./-]+", word) is not None
    )
    return in_a_folder or re.fullmatch(r"[a-zA-Z][\w-]*\.(py|md|toml|yaml|lock)", word) is not None


def resolve(dotted: str) -> Any:
    """The module, or what stands in it, that a dotted name means."""
    parts = dotted.split(".")
    for count in range(len(parts), 0, -1):
        try:
            value: Any = import_module(".".join(parts[:count]))
        except ModuleNotFoundError as missing:
            if missing.name is None or not dotted.startswith(missing.name):
                raise
            continue
        for part in parts[count:]:
            fields = getattr(value, "__annotations__", {})
            value = fields[part] if part in fields and not hasattr(value, part) else getattr(value, part)
        return value
    raise ModuleNotFoundError(dotted)


@pytest.mark.parametrize("page", NAMING, ids=name_of)
def test_the_paths_a_page_names_exist(page: Path) -> None:
    paths = [word for word in code_words(page) if is_path(word)]
    elsewhere = {"sancho.toml", "models.py"}  # a user's files
    missing = [path for path in paths if path not in elsewhere and not (ROOT / path).exists()]
    assert not missing


@pytest.mark.parametrize("page", NAMING, ids=name_of)
def test_the_functions_a_page_names_exist(page: Path) -> None:
    dotted = re.compile(rf"({'|'.join(ROOMS)})(\.\w+)+")
    names = {word for word in code_words(page) if dotted.fullmatch(word) and not is_path(word)}
    missing = []
    for name in sorted(names):
        try:
            resolve(name)
        except (ImportError, AttributeError, KeyError):
            missing.append(name)
    assert not missing


def test_the_architecture_page_names_functions_and_files() -> None:
    words = code_words(ROOT / "docs" / "architecture.md")
    assert sum(is_path(word) for word in words) > 50
    assert sum(word.startswith("models.") for word in words) > 20


@pytest.mark.parametrize("page", NAMING, ids=name_of)
def test_the_single_words_of_code_on_a_page_occur_in_the_code(page: Path) -> None:
    words = {word for word in code_words(page) if re.fullmatch(r"_?[A-Z]\w+|[a-z]+_\w+", word)}
    words -= {"allow_pickle"} | {word for word in words if word.startswith("test_")}
    assert not words - words_of_the_code()


def test_a_name_that_does_not_exist_is_not_resolved() -> None:
    assert resolve("crm.periods.parse_period").__name__ == "parse_period"
    with pytest.raises(AttributeError):
        resolve("crm.periods.no_such_function")
    with pytest.raises(AttributeError):
        resolve("crm.no_such_module.parse_period")


@cache
def words_of_the_code() -> frozenset[str]:
    """Every word of the rooms' Python files, identifiers and texts alike."""
    files = (path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
    return frozenset(word for path in files for word in re.findall(r"\w+", path.read_text("utf-8")))


def test_the_terms_of_the_glossary_occur_in_the_code() -> None:
    rows = re.findall(r"^\| (?!-)(.+) \|$", (ROOT / "docs" / "glossary.md").read_text("utf-8"), re.M)
    cells = [[cell.strip() for cell in row.split(" | ")] for row in rows]
    terms = {term for row in cells for term in re.findall(r"`([^`]+)`", row[-1])}
    assert len(terms) > 60
    missing = []
    for term in sorted(terms):
        if is_path(term):
            exists = (ROOT / term).exists()
        elif term.split(".")[0] in ROOMS and "." in term:
            exists = bool(resolve(term))
        else:
            exists = set(re.findall(r"\w+", term)) <= words_of_the_code()
        if not exists:
            missing.append(term)
    assert not missing


def headings_of(page: Path) -> set[str]:
    """The anchors that a page's headings have on the web."""
    lines = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text("utf-8")), re.M)
    return {re.sub(r"[^\w\- ]", "", line.strip().lower()).replace(" ", "-") for line in lines}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", page.read_text("utf-8")))
    broken = []
    for link in links:
        if re.match(r"\w+:", link):
            continue
        path, _, anchor = link.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in headings_of(file)):
            broken.append(link)
    assert not broken
