"""Does an installed Sancho work beside folders of its packages' names, and is a file that hides one named?

The whole of it (demo, notebook, MLflow, Dask, an environment of its own) is a step of `make release`; here
the wheel and the development install are made without network and borrow the environment's libraries.
"""

from __future__ import annotations

import re
import tomllib
import zipfile
from pathlib import Path

import pytest

from tools.installation import (
    BESIDE_EMPTY_FOLDERS,
    PACKAGES,
    ROOT,
    Installation,
    borrowing_environment,
    build_wheel,
    check_command_line,
    check_intruder_is_named,
    copy_source,
    folder_with_empty_packages,
    folder_with_intruders,
    pip,
)

OFFLINE = ("--no-build-isolation", "--no-index")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    return build_wheel(copy_source(folder / "source"), folder, *OFFLINE)


@pytest.fixture(scope="module", params=["wheel", "development"])
def installation(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    folder = tmp_path_factory.mktemp(request.param)
    made = borrowing_environment(folder / "environment")
    if request.param == "wheel":
        source = [str(request.getfixturevalue("wheel"))]
    else:
        source = ["--editable", str(copy_source(folder / "source"))]
    # The borrowed environment has a Sancho of its own, which is another's to remove.
    pip("install", "--no-deps", "--ignore-installed", *OFFLINE, *source, python=made.python)
    return made


@pytest.mark.parametrize("check", BESIDE_EMPTY_FOLDERS.values(), ids=BESIDE_EMPTY_FOLDERS)
def test_an_installation_works_beside_empty_folders_of_its_packages_names(
    installation: Installation, check, tmp_path: Path
):
    check(installation, folder_with_empty_packages(tmp_path / "here"))


def test_the_command_line_works_where_a_file_hides_a_package(installation: Installation, tmp_path: Path):
    check_command_line(installation, folder_with_intruders(tmp_path / "here"))


def test_import_sancho_names_the_file_that_hides_a_package(installation: Installation, tmp_path: Path):
    check_intruder_is_named(installation, folder_with_intruders(tmp_path / "here"))


def test_a_wheel_holds_the_packages_their_data_and_nothing_else(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == set(PACKAGES)
    source = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert source - set(names) == set(), "a file of a package is missing in the wheel"


def settings() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]


def test_every_package_is_named_wherever_packages_are_listed():
    tool = settings()
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    hooks = (ROOT / ".pre-commit-config.yaml").read_text("utf-8")
    lists = {
        "packages.find": [
            name.removesuffix("*") for name in tool["setuptools"]["packages"]["find"]["include"]
        ],
        "mypy": tool["mypy"]["files"],
        "import-linter": tool["importlinter"]["root_packages"],
        "isort": tool["ruff"]["lint"]["isort"]["known-first-party"],
        "Dockerfile": re.findall(r"^COPY (\w+) \./\1$", dockerfile, re.M),
        ".dockerignore": [name for name in ignored_not() if (ROOT / name).is_dir()],
        **{
            f"hook {name}": pattern.split("|")
            for name, pattern in re.findall(r"id: (\w+),.* files: \^\(([\w|]+)\)/", hooks)
        },
    }
    assert {
        where: set(PACKAGES) ^ set(names) for where, names in lists.items() if set(names) != set(PACKAGES)
    } == {}
    assert len(lists) == 8
    assert set(PACKAGES) <= set(tool["pytest"]["ini_options"]["testpaths"])


def ignored_not() -> list[str]:
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    return [line.removeprefix("!") for line in lines if line.startswith("!")]


def test_the_image_is_built_of_files_that_are_sent_to_it():
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text("utf-8"), re.M)
    assert copied, "the Dockerfile copies something"
    assert set(" ".join(copied).split()) == set(ignored_not())
