"""Does a release go on where it was stopped, and does its page say what was shown, when, of which commit?"""

from __future__ import annotations

import doctest
import json
import subprocess
from pathlib import Path

import pytest

from tools import release, soak
from tools.installation import CheckError
from tools.on_postgresql import LEFT_OUT, LEFT_OUT_FILES
from tools.release import Choices, LeftOutError, Step, page
from tools.soak import Load

COMMIT = "0123456789abcdef"


class Steps:
    """Steps that count how often they run and end as they are asked to."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.faults: dict[str, Exception] = {}

    def of(self, *names: str) -> tuple[Step, ...]:
        return tuple(
            Step(name, lambda choices, name=name: self.work(name, choices), f"shows {name}") for name in names
        )

    def work(self, name: str, choices: Choices) -> str:
        self.ran.append(name)
        assert list(choices.scratch.iterdir()) == [], "a step begins with an empty folder"
        (choices.scratch / "half").write_text("", "utf-8")
        if name in self.faults:
            raise self.faults[name]
        return f"{name} is fine"


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Steps:
    found = Steps()
    monkeypatch.setattr(release, "STEPS", found.of("one", "two words", "three"))
    monkeypatch.setattr(release, "PAGE", tmp_path / "release.md")
    monkeypatch.setattr(release, "commit", lambda: COMMIT)
    return found


def make_release(tmp_path: Path, *arguments: str) -> int:
    return release.main(["--folder", str(tmp_path / "kept"), *arguments])


def test_a_release_repeats_no_step_that_passed_and_every_one_that_did_not(steps: Steps, tmp_path: Path):
    steps.faults = {"two words": CheckError("no:\n all of it"), "three": LeftOutError("no daemon")}
    assert make_release(tmp_path) == 1
    steps.faults = {}
    assert make_release(tmp_path) == 0
    assert make_release(tmp_path) == 0
    assert steps.ran == ["one", "two words", "three", "two words", "three"]
    assert make_release(tmp_path, "one", "--again") == 0
    assert steps.ran[-1] == "one"


def test_a_release_that_is_stopped_goes_on_with_the_step_it_was_in(steps: Steps, tmp_path: Path):
    steps.faults = {"two words": KeyboardInterrupt()}  # type: ignore[dict-item]
    with pytest.raises(KeyboardInterrupt):
        make_release(tmp_path)
    steps.faults = {}
    assert make_release(tmp_path) == 0
    assert steps.ran == ["one", "two words", "two words", "three"]


def test_a_step_of_another_commit_is_run_again(steps: Steps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    make_release(tmp_path, "one")
    monkeypatch.setattr(release, "commit", lambda: "fedcba9876543210")
    make_release(tmp_path, "one")
    assert steps.ran == ["one", "one"]


def test_the_page_shows_each_steps_latest_result_and_keeps_the_others(
    steps: Steps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    steps.faults = {
        "two words": CheckError("it fails:\n/a/path/of/this/machine"),
        "three": LeftOutError("no a|b"),
    }
    make_release(tmp_path)
    printed = capsys.readouterr().out
    monkeypatch.setattr(release, "commit", lambda: "fedcba9876543210")
    steps.faults = {}
    make_release(tmp_path, "one")
    rows = release.PAGE.read_text("utf-8").partition("## Results")[2].strip().splitlines()[2:]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert [(row[1], row[2], row[3]) for row in cells] == [
        ("fedcba987654", "one", "passed: one is fine"),
        ("0123456789ab", "two words", "failed: it fails"),
        ("0123456789ab", "three", "left out: no a/b"),
    ]
    assert "two words" in printed


def test_a_table_runs_nothing_and_writes_no_page(steps: Steps, tmp_path: Path):
    assert make_release(tmp_path, "--table") == 0
    assert steps.ran == []
    assert not release.PAGE.exists()


def test_an_unknown_step_is_refused_with_those_there_are(
    steps: Steps, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit):
        make_release(tmp_path, "tow")
    assert "no step 'tow'; there are: one, two words, three" in capsys.readouterr().err


def test_an_error_that_no_step_expects_is_a_failure_with_its_trace_kept(steps: Steps, tmp_path: Path):
    steps.faults = {"one": ZeroDivisionError("division by zero")}
    assert make_release(tmp_path, "one") == 1
    kept = release.Result.read(tmp_path / "kept" / COMMIT / "one.json")
    assert kept is not None
    assert (kept.outcome, kept.text) == ("failed", "ZeroDivisionError")
    assert "division by zero" in kept.detail


def test_the_committed_page_names_every_step_and_no_other():
    steps = release.STEPS
    text = release.PAGE.read_text("utf-8")
    assert text == page(text, {}, steps), "make release writes it"


def test_memory_grows_by_what_the_last_third_has_more_than_the_middle():
    assert Load(memory=[100, 150, 200, 200, 260, 260]).growth() == 60
    assert Load(memory=[1, 2]).growth() == 0


def test_a_percentile_is_over_the_answers_to_all_questions():
    load = Load(seconds={"a": [0.1] * 98, "b": [0.5, 0.9]})
    assert (load.percentile(0.5), load.percentile(0.98), load.percentile(0.99)) == (0.1, 0.5, 0.9)
    assert load.requests == 100


def test_what_is_left_out_on_postgresql_is_a_test_that_there_is():
    tests = "".join(path.read_text("utf-8") for path in (release.ROOT / "tests").rglob("test_*.py"))
    assert [name for name in LEFT_OUT if f"def {name}(" not in tests] == []
    assert [name for name in LEFT_OUT_FILES if not list((release.ROOT / "tests").rglob(name))] == []


@pytest.mark.parametrize("module", [release, soak])
def test_examples_in_the_tools_run(module):
    results = doctest.testmod(module)
    assert (results.failed, results.attempted > 0) == (0, True)


def choices(folder: Path) -> Choices:
    return Choices(scratch=folder, minutes=1, recorded=folder / "none", renamed=(), commit=COMMIT)


def test_an_image_is_left_out_where_nothing_builds_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LeftOutError, match="neither docker nor podman"):
        release.image(choices(tmp_path))


def test_recorded_answers_are_left_out_where_none_are_kept(tmp_path: Path):
    with pytest.raises(LeftOutError, match="--recorded"):
        release.recorded_answers(choices(tmp_path))


# The audit


def audited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str | None, said: str = "") -> str:
    def run(*line: str) -> subprocess.CompletedProcess[str]:
        if written is not None:
            Path(line[-1]).write_text(written, "utf-8")
        return subprocess.CompletedProcess(line, 1, "", said)

    monkeypatch.setattr(release, "_quiet", run)
    choices = Choices(
        scratch=tmp_path, minutes=0, recorded=tmp_path, renamed=(), commit=COMMIT, base=None, options=()
    )
    return release.audit(choices)


def test_an_audit_names_each_package_with_an_advisory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    fine, bad = (
        {"name": "a", "version": "1", "vulns": []},
        {"name": "b", "version": "2", "vulns": [{"id": "X-1"}]},
    )
    assert audited(tmp_path, monkeypatch, json.dumps({"dependencies": [fine]})).endswith(
        "of 1 locked packages"
    )
    with pytest.raises(CheckError, match=r"^b 2: X-1$"):
        audited(tmp_path, monkeypatch, json.dumps({"dependencies": [fine, bad]}))
    with pytest.raises(CheckError, match="c: not looked at"):
        audited(tmp_path, monkeypatch, json.dumps({"dependencies": [{"name": "c", "skip_reason": "?"}]}))


def test_an_audit_that_reaches_nobody_is_left_out_and_not_passed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with pytest.raises(LeftOutError, match=r"out of reach: no route"):
        audited(tmp_path, monkeypatch, None, "a\nno route")
