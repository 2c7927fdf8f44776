"""Do the notebooks run from top to bottom, and do the copies in the project show their figures?"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import sancho
from sancho._rooms import ROOMS

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
FIGURE = "application/vnd.plotly.v1+json"


def outputs(book: Any) -> list[Any]:
    return [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]


def figures(book: Any) -> int:
    return sum(FIGURE in output.get("data", {}) for output in outputs(book))


def kinds(book: Any) -> list[list[str]]:
    """What each cell gives, in order; a kernel may send lines of one stream together or apart."""
    return [
        [
            kind
            for kind, _ in groupby(
                f"{output.output_type} {output.get('name', '')}" for output in cell.outputs
            )
        ]
        for cell in book.cells
        if cell.cell_type == "code"
    ]


def test_the_six_notebooks_are_there():
    assert [path.stem[:2] for path in NOTEBOOKS] == ["01", "02", "03", "04", "05", "06"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_draws_what_its_copy_shows(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SANCHO_NOTEBOOK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shown = nbformat.read(path, nbformat.NO_CONVERT)
    run = nbformat.from_dict(shown)
    for cell in run.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(run, timeout=600, kernel_name="python3", resources=resources).execute()
    assert figures(run) == figures(shown) > 0
    assert kinds(run) == kinds(shown)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_tells_nothing_about_the_machine_it_ran_on(path: Path):
    assert not re.search(r"/(?:tmp|home|root|work|Users)/|C:\\\\", path.read_text("utf-8"))


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """Module and name of each `from MODULE import NAME` of a notebook; `import MODULE` has an empty name."""
    for cell in nbformat.read(path, nbformat.NO_CONVERT).cells:
        if cell.cell_type == "code":
            for node in ast.walk(ast.parse(re.sub(r"^%.*", "", cell.source, flags=re.MULTILINE))):
                if isinstance(node, ast.ImportFrom):
                    yield from ((str(node.module), alias.name) for alias in node.names)
                elif isinstance(node, ast.Import):
                    yield from ((alias.name, "") for alias in node.names)


def public(module: str, name: str) -> bool:
    """Whether a module lists the name, or a package lists the module, which then has it by a plain name."""
    found = importlib.import_module(module)
    if hasattr(found, "__all__"):
        return name in found.__all__
    package, _, last = module.rpartition(".")
    listed = getattr(importlib.import_module(package), "__all__", ()) if package else ()
    return last in listed and not name.startswith("_") and hasattr(found, name)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_imports_the_face_and_what_else_is_public(path: Path):
    used = set(imports(path))
    assert ("sancho", "") in used
    of_rooms = [(module, name) for module, name in used if module.partition(".")[0] in ROOMS]
    assert [one for one in of_rooms if not public(*one)] == []
    assert {name for _, name in of_rooms} & set(sancho.__all__) == set()
