"""Which longer checks has this commit passed? Runs those that are missing and writes docs/release.md.

    python -m tools.release                     # every step that this commit has not passed yet
    python -m tools.release wheel soak          # these alone
    python -m tools.release --table             # what there is, nothing run

A step's result is a file in a folder outside the checkout, one folder per commit, so that what was stopped
goes on where it was: a step that passed is not repeated (--again repeats it). A failed step does not keep the
others from running; its whole text is in its result file. docs/release.md shows each step's latest result.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tools import image as images
from tools import installation, soak
from tools.installation import ROOT, CheckError, Installation

PAGE = ROOT / "docs" / "release.md"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "sancho-release"
PASSED, FAILED, LEFT_OUT = "passed", "failed", "left out"
_HEADINGS = ("date", "commit", "step", "result", "seconds")
_MARK = "## Results"
_AUDITOR = "pip-audit>=2.9"  # run by uv in an environment of its own
_PAGE = """\
# Release

`make test` is what every change passes. `make release` is for what takes longer: it runs the steps that this
commit has not passed yet, goes on where it was stopped, and writes their results here.

{steps}
`make release STEPS="wheel soak"` runs these alone. Results are kept by commit in `~/.cache/sancho-release/`,
with all that a failed step printed. A line below is a step's latest result; the commit it is of may be older
than this page.
"""


class LeftOutError(Exception):
    """A step that cannot run here; its text says why."""


@dataclass(frozen=True)
class Choices:
    """What a step is given: an empty folder for its files, and what was asked for on the command line."""

    scratch: Path
    minutes: float
    recorded: Path
    renamed: tuple[str, ...]
    commit: str
    base: str | None = None
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """What became of a step for a commit."""

    step: str
    commit: str
    date: str
    outcome: str
    text: str  # one sentence
    seconds: float
    detail: str = ""  # all that was printed; not on the page

    @classmethod
    def read(cls, path: Path) -> Result | None:
        """The result that an earlier run kept; None where there is none, or half of one."""
        try:
            return cls(**json.loads(path.read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, path: Path) -> None:
        """Keeps it, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        passing = path.with_suffix(".tmp")
        passing.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False), "utf-8")
        passing.replace(path)

    def row(self) -> tuple[str, ...]:
        """Its line of the page's table."""
        text = self.text.replace("|", "/").replace("\n", " ")
        return self.date, self.commit[:12], self.step, f"{self.outcome}: {text}", f"{self.seconds:.0f}"


@dataclass(frozen=True)
class Step:
    """One of the longer checks: its name, what does it and returns one sentence, what it shows."""

    name: str
    work: Callable[[Choices], str]
    shows: str


# The steps


def wheel(choices: Choices) -> str:
    """The wheel, installed with what it requires into an empty environment, in both kinds of folder."""
    source = installation.copy_source(choices.scratch / "source")
    made = installation.bare_environment(choices.scratch / "environment")
    file = installation.build_wheel(source, choices.scratch)
    _install(choices, made, f"{file}[scale]")
    return _in_both_folders(choices, made)


def development(choices: Choices) -> str:
    """The same with a development install of the source."""
    source = installation.copy_source(choices.scratch / "source")
    made = installation.bare_environment(choices.scratch / "environment")
    _install(choices, made, "--editable", f"{source}[scale]")
    return _in_both_folders(choices, made)


def image(choices: Choices) -> str:
    """The image built and run read-only, as its user, from an empty home."""
    try:
        found = images.engine()
    except images.NoEngineError as reason:
        raise LeftOutError(str(reason)) from None
    return images.check(found, choices.base, choices.options)


def postgresql(choices: Choices) -> str:
    """Every test, with all stores on an embedded PostgreSQL."""
    line = ["-m", "pytest", "-p", "tools.on_postgresql", "-n", "2", "--dist", "loadfile", "-q", "-ra"]
    done = subprocess.run(
        [sys.executable, *line, f"--basetemp={choices.scratch / 'pytest'}"],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    closing = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else "nothing printed"
    if done.returncode != 0:
        raise CheckError(f"{closing}\n{done.stdout}\n{done.stderr}")
    return re.sub(r"^=+ | in [\d.]+s.*$| =+$", "", closing)


def steady_load(choices: Choices) -> str:
    """The service under requests for some minutes."""
    return soak.soak(choices.scratch / "home", choices.minutes)


def recorded_answers(choices: Choices) -> str:
    """The answers of today beside those that were kept of an earlier commit."""
    if not choices.recorded.is_dir():
        raise LeftOutError(
            "no answers are kept; take them at the commit to compare with "
            "(benchmarks/recorded_answers.py take FOLDER) and name the folder by --recorded"
        )
    script, now = str(ROOT / "benchmarks" / "recorded_answers.py"), str(choices.scratch / "answers")
    for line in (["take", now], ["compare", str(choices.recorded), now, *choices.renamed]):
        done = subprocess.run(
            [sys.executable, script, *line],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            cwd=choices.scratch,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        if done.returncode != 0:
            raise CheckError(f"{line[0]} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    files = len(done.stdout.splitlines())
    return f"the same digit for digit ({files} lines of comparison)"


def audit(choices: Choices) -> str:
    """The locked versions, beside the advisories there are; it needs PyPI and its advisories."""
    given = ("--requirement", str(ROOT / "requirements.lock"), "--require-hashes", "--disable-pip")
    told = choices.scratch / "audit.json"
    line = ("tool", "run", "--from", _AUDITOR, "pip-audit", *given, "--format", "json", "--output", str(told))
    done = _quiet(str(Path(sys.executable).with_name("uv")), *line)
    try:
        found = json.loads(told.read_text("utf-8"))["dependencies"]
    except (OSError, ValueError, KeyError):
        last = (done.stderr.strip().splitlines() or ["nothing printed"])[-1]
        raise LeftOutError(f"pip-audit or the advisories are out of reach: {last}") from None
    return audited(found)


def audited(found: Sequence[Mapping[str, Any]]) -> str:
    """What an audit says of the packages that it looked at; raises where there is an advisory, or none was.

    >>> audited([{"name": "a", "version": "1", "vulns": []}])
    'no advisory for any of 1 locked packages'
    """
    advised = [
        f"{one['name']} {one['version']}: {', '.join(each['id'] for each in one['vulns'])}"
        for one in found
        if one.get("vulns")
    ]
    unknown = [str(one["name"]) for one in found if "vulns" not in one]
    if advised or unknown or not found:
        what = [*advised, *(f"{name}: not looked at" for name in unknown)] or ["no package was looked at"]
        raise CheckError("; ".join(what))
    return f"no advisory for any of {len(found)} locked packages"


STEPS = (
    Step(
        "audit",
        audit,
        "no advisory is known for a locked package (pip-audit, by uv; left out where PyPI is out of reach)",
    ),
    Step(
        "wheel",
        wheel,
        "`pip wheel .` in an empty environment: beside empty folders `models/` and `training/` everything "
        "works, beside `models.py` and `features/__init__.py` the command line works and `import sancho` "
        "names them",
    ),
    Step("development", development, "the same with a development install"),
    Step(
        "image",
        image,
        "the image built (docker, podman, or buildah and a chroot) and run with a read-only root: its user, "
        "what it may write to, a lean MLflow server, import, training, time until ready with an empty home",
    ),
    Step("postgresql", postgresql, "the whole suite, with every store on an embedded PostgreSQL"),
    Step(
        "soak",
        steady_load,
        "the service under a steady load on the loopback address: errors, p99, growth of memory",
    ),
    Step(
        "recorded answers",
        recorded_answers,
        "answers are those of an earlier commit, or each difference is named",
    ),
)


def _install(choices: Choices, made: Installation, *what: str) -> None:
    """Installs with the locked versions; what else a check needs (a notebook's kernel) comes with it."""
    locked = choices.scratch / "constraints.txt"
    locked.write_text(pinned((ROOT / "requirements-dev.lock").read_text("utf-8")), "utf-8")
    installation.pip("install", "--constraint", str(locked), *what, python=made.python)
    for name, check in installation.BESIDE_EMPTY_FOLDERS.items():  # before anything else is installed
        folder = installation.folder_with_empty_packages(choices.scratch / "bare" / name.replace(" ", "_"))
        check(made, folder)
    kernel = ("ipykernel", "nbclient", "nbformat")
    installation.pip("install", "--constraint", str(locked), *kernel, python=made.python)


def pinned(lock: str) -> str:
    r"""A lock's versions without its hashes, which pip does not take as constraints of a folder.

    >>> pinned("a[b]==1 ; extra == 'c' \\\n    --hash=sha256:00 \\\n    --hash=sha256:01\n    # via d\n")
    "a==1 ; extra == 'c'\n"
    """
    lines = [line.rstrip(" \\") for line in lock.splitlines() if line[:1].isalnum()]
    return "".join(re.sub(r"\[.*?\]", "", line, count=1) + "\n" for line in lines)


def _in_both_folders(choices: Choices, made: Installation) -> str:
    empty = installation.folder_with_empty_packages(choices.scratch / "beside empty folders")
    hidden = installation.folder_with_intruders(choices.scratch / "beside intruders")
    checks = {**installation.BESIDE_EMPTY_FOLDERS, **installation.BESIDE_EMPTY_FOLDERS_LONGER}
    del checks["command line"]  # done where nothing is imported yet; a demo wants an empty store
    for check in checks.values():
        check(made, empty)
    for check in installation.BESIDE_INTRUDERS.values():
        check(made, hidden)
    return (
        f"beside empty folders: {', '.join(['command line', *checks])}; "
        f"beside intruders: {', '.join(installation.BESIDE_INTRUDERS)}"
    )


def _quiet(*line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(line, capture_output=True, encoding="utf-8", check=False)


def _must(*line: str) -> str:
    done = _quiet(*line)
    if done.returncode != 0:
        raise CheckError(f"{' '.join(line[:2])} ended with {done.returncode}:\n{done.stderr.strip()}")
    return done.stdout


# Running them, and the page


def run(step: Step, choices: Choices) -> Result:
    """A step's result; an error of any kind is a result too."""
    shutil.rmtree(choices.scratch, ignore_errors=True)  # half a step of an interrupted run
    choices.scratch.mkdir(parents=True)
    began = time.perf_counter()
    detail = ""
    try:
        outcome, text = PASSED, step.work(choices)
    except LeftOutError as reason:
        outcome, text = LEFT_OUT, str(reason)
    except CheckError as fault:
        outcome, detail = FAILED, str(fault)
        text = detail.splitlines()[0].rstrip(":")
    except Exception as fault:
        outcome, text, detail = FAILED, type(fault).__name__, traceback.format_exc()
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
    seconds = round(time.perf_counter() - began, 1)
    if outcome == PASSED:
        shutil.rmtree(choices.scratch, ignore_errors=True)
    return Result(step.name, choices.commit, now, outcome, text, seconds, detail)


def stored_results(folder: Path, steps: Iterable[Step]) -> dict[str, Result]:
    """The results of a commit's folder, by step."""
    found = {step.name: Result.read(_file(folder, step.name)) for step in steps}
    return {name: result for name, result in found.items() if result is not None}


def _file(folder: Path, step: str) -> Path:
    return folder / f"{step.replace(' ', '_')}.json"


def page(before: str, results: Mapping[str, Result], steps: Iterable[Step]) -> str:
    """The page with these results; a step without one keeps the line that it had."""
    lines = {
        cells[2]: cells
        for line in before.partition(_MARK)[2].splitlines()
        if len(cells := tuple(cell.strip() for cell in line.strip("|").split("|"))) == len(_HEADINGS)
    }
    lines |= {name: result.row() for name, result in results.items()}
    rows = [lines[step.name] for step in steps if step.name in lines]
    about = _table(("step", "what it shows"), [(step.name, step.shows) for step in steps])
    return f"{_PAGE.format(steps=about)}\n{_MARK}\n\n{_table(_HEADINGS, rows)}"


def _table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [tuple(headings), *(tuple(row) for row in rows)]
    lines.insert(1, tuple("---" for _ in lines[0]))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def commit() -> str:
    """The newest commit that changed anything but the page; the checkout must be that commit's."""
    changed = _must("git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no", *_but_the_page())
    if changed.strip():
        raise SystemExit("commit first: a result is a commit's, and files differ from it:\n" + changed)
    return _must("git", "-C", str(ROOT), "rev-list", "-1", "HEAD", *_but_the_page()).strip()


def _but_the_page() -> tuple[str, ...]:
    return "--", ".", f":(exclude){PAGE.relative_to(ROOT).as_posix()}"


def main(arguments: list[str] | None = None) -> int:
    """Exit status 1 where a step of those asked for has failed."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.release",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("steps", nargs="*", metavar="STEP", help=", ".join(step.name for step in STEPS))
    parser.add_argument("--table", action="store_true", help="print what there is; run nothing")
    parser.add_argument("--again", action="store_true", help="repeat steps that passed, too")
    parser.add_argument("--folder", type=Path, default=CACHE, help="where results are kept")
    parser.add_argument("--minutes", type=float, default=10.0, help="of the soak (10)")
    parser.add_argument("--recorded", type=Path, help="kept answers to compare with (FOLDER/answers)")
    parser.add_argument("--base", help="the image to build on (the Dockerfile's PYTHON_IMAGE)")
    parser.add_argument("--option", action="append", default=[], help="of the image's build, as it stands")
    parser.add_argument("--renamed", action="append", default=[], metavar="OLD=NEW", help="a renamed field")
    chosen = parser.parse_args(arguments)
    known = {step.name: step for step in STEPS}
    unknown = [name for name in chosen.steps if name not in known]
    if unknown:
        parser.error(f"no step {unknown[0]!r}; there are: {', '.join(known)}")
    wanted = [known[name] for name in chosen.steps] or list(STEPS)
    now = commit()
    folder = chosen.folder / now
    if not chosen.table:
        recorded = chosen.recorded or chosen.folder / "answers"
        for step in wanted:
            earlier = Result.read(_file(folder, step.name))
            if earlier is not None and earlier.outcome == PASSED and not chosen.again:
                continue
            print(f"{step.name} ...", flush=True)
            choices = Choices(
                scratch=folder / "scratch" / step.name.replace(" ", "_"),
                minutes=chosen.minutes,
                recorded=recorded.absolute(),
                renamed=tuple(chosen.renamed),
                commit=now,
                base=chosen.base,
                options=tuple(chosen.option),
            )
            run(step, choices).write(_file(folder, step.name))
    results = stored_results(folder, STEPS)
    if results and not chosen.table:
        before = PAGE.read_text("utf-8") if PAGE.exists() else ""
        PAGE.write_text(page(before, results, STEPS), "utf-8")
    print(_table(_HEADINGS, [result.row() for result in results.values()]), end="")
    return int(any(results[step.name].outcome == FAILED for step in wanted if step.name in results))


if __name__ == "__main__":
    sys.exit(main())
