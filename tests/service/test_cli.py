"""Does the command line keep its word: exit statuses, sentences in two languages, quick help?"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.cells import cell_len

from crm.i18n import Text
from service.cli import run
from service.cli.app import build
from service.jobs import JobQueue
from service.settings import read_settings

LATER = {"sync"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANCHO_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SANCHO_LANGUAGE", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path / "home"


def deals_csv(folder: Path, rows: str) -> Path:
    path = folder / "deals.csv"
    path.write_text("deal_id,created_at,stage,amount\n" + rows, "utf-8")
    return path


def test_a_sound_import_ends_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["import", str(deals_csv(tmp_path, "D1,2026-01-05,アポイント,100\n"))]) == 0
    assert "商談" in capsys.readouterr().out


def test_an_import_with_bad_rows_ends_with_3_and_names_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = deals_csv(tmp_path, "D1,2026-01-05,アポイント,100\nD2,2026-01-05,アポイント,plenty\n")
    assert run(["import", str(path), "--lang", "en"]) == 3
    out = capsys.readouterr().out
    assert "plenty" in out
    assert "not a number" in out


@pytest.mark.parametrize(
    ("name", "contents"),
    [
        ("deals.csv", b""),
        ("deals.parquet", b"PAR1garbage"),
        ("deals.csv.gz", b"\x1f\x8b\x08garbage"),
        ("deals.xlsx", b"\xd0\xcf\x11\xe0" + b"\0" * 100),
        ("deals.xlsx", b"PK\x03\x04"),
        ("deals.ndjson", b"not json at all\n"),
        ("deals.ndjson", b""),
    ],
)
def test_an_import_of_which_nothing_can_be_read_ends_with_1_and_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, contents: bytes
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(contents)
    assert run(["import", str(tmp_path / "in"), "--lang", "en"]) == 1
    assert name.split(".")[0] in capsys.readouterr().out
    (tmp_path / "in" / "accounts.csv").write_text("account_id\nA\n", "utf-8")
    assert run(["import", str(tmp_path / "in"), "--lang", "en"]) == 3


def test_a_file_that_is_of_no_table_ends_with_3(tmp_path: Path) -> None:
    (tmp_path / "unknown.csv").write_text("foo,bar\n1,2\n", "utf-8")
    assert run(["import", str(tmp_path / "unknown.csv")]) == 3


def test_a_decimal_mark_other_than_point_or_comma_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = deals_csv(tmp_path, "D1,2026-01-05,アポイント,100\n")
    assert run(["import", str(path), "--decimal", ";", "--lang", "en"]) == 1
    assert "--decimal is . or a comma" in capsys.readouterr().err


def test_an_import_can_tell_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = deals_csv(tmp_path, "D1,2026-01-05,アポイント,100\nD2,someday,アポイント,1\n")
    assert run(["import", str(path), "--json"]) == 3
    told = json.loads(capsys.readouterr().out)
    assert told["tables"]["deals"] == {"read": 2, "imported": 1, "unchanged": 0, "quarantined": 1}
    assert told["errors"][0]["column"] == "created_at"


def test_a_rehearsed_import_keeps_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = deals_csv(tmp_path, "D1,2026-01-05,アポイント,100\n")
    assert run(["import", str(path), "--dry-run"]) == 0
    assert run(["import", str(path), "--json"]) == 0
    out = capsys.readouterr().out
    assert json.loads(out[out.index("{") :])["tables"]["deals"]["imported"] == 1


def test_quarantined_rows_can_be_written_out(tmp_path: Path) -> None:
    path = deals_csv(tmp_path, "D1,2026-01-05,アポイント,plenty\n")
    assert run(["import", str(path), "--quarantine", str(tmp_path / "bad")]) == 3
    assert "plenty" in (tmp_path / "bad" / "deals.csv").read_text("utf-8-sig")


@pytest.mark.parametrize(
    "command",
    [
        ["import", "nowhere.csv"],
        ["train"],
        ["score"],
        ["forecast", "2026-Q4"],
        ["models", "rollback"],
        ["models", "show", "1"],
    ],
)
def test_cli_ends_with_1_and_one_sentence_where_a_command_fails(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for lang in ("ja", "en"):
        assert run([*command, "--lang", lang]) == 1
        told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("sancho: ")]
        assert len(told) == 1
        assert ("。" in told[0]) == (lang == "ja")
        assert "Traceback" not in told[0]
        assert "SANCHO_DEBUG" not in told[0]


@pytest.mark.parametrize(
    "command", [["forecast"], ["nothing"], ["key", "create"], ["score", "--nope"], ["serve", "--port", "x"]]
)
def test_wrong_usage_ends_with_2(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(command) == 2
    assert "--help" in capsys.readouterr().err


def test_help_lists_what_there_is_and_nothing_that_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    listed = {line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith("  ")}
    assert {
        "demo",
        "world",
        "import",
        "train",
        "score",
        "forecast",
        "what-if",
        "kpis",
        "tree",
        "plan",
        "people",
        "serve",
        "models",
        "key",
        "doctor",
        "report",
    } <= listed
    assert not LATER & listed


def test_help_speaks_both_languages(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(["forecast", "--help"])
    assert "期間" in capsys.readouterr().out
    run(["forecast", "--help", "--lang=en"])
    assert "A period such as" in capsys.readouterr().out
    monkeypatch.setenv("SANCHO_LANGUAGE", "en")
    run(["--help"])
    assert "How likely a sales target is" in capsys.readouterr().out


def commands() -> list[list[str]]:
    """Every command of the command line, as it is typed."""
    found: list[list[str]] = [[]]
    for name, command in build("ja").commands.items():
        found.append([name])
        found += [[name, inner] for inner in getattr(command, "commands", {})]
    return found


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_help_is_in_one_language_and_fits_80_columns(
    lang: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANCHO_LANGUAGE", lang)
    theirs = (
        ("使い方", "オプション", "必須") if lang == "en" else ("Usage", "Options", "required", "Shows", "<")
    )
    ours = "Usage: sancho" if lang == "en" else "使い方：sancho"
    typed = commands()
    assert len(typed) > 20
    for command in typed:
        assert run([*command, "--help"]) == 0
        page = capsys.readouterr().out
        assert page.startswith(ours)
        assert not [word for word in theirs if word in page], command
        assert "\x1f" not in page
        assert max(cell_len(line) for line in page.splitlines()) <= 80, command


def test_every_option_and_command_has_help_that_ends_as_a_sentence() -> None:
    for lang, end in (("ja", "。"), ("en", ".")):
        command_line = build(lang)
        for typed in commands():
            command = command_line
            for name in typed:
                command = command.commands[name]
            for one in (command, *command.params):
                assert one.help.endswith(end), (typed, one.name, one.help)


@pytest.mark.parametrize(
    ("typed", "ja", "en"),
    [
        (
            ["kpis"],
            "期間（PERIOD）を指定してください。例：sancho kpis 2026-Q4",
            "Give a period, e.g. sancho kpis 2026-Q4.",
        ),
        (["score", "--nope"], "オプション --nope はありません。", "There is no option --nope."),
        (["nothing"], "そのようなコマンドはありません。", "There is no such command;"),
        (["serve", "--port", "x"], "--port の値が正しくありません。1以上65535以下", "--port cannot be used."),
        (["plan", "2026-Q4", "--probability", "3"], "0.01以上0.99以下の数値", "Give a number, 0.01 to 0.99."),
        (["plan", "2026-Q4", "--probability"], "--probability の値を指定", "Give a value for --probability."),
        (["kpis", "2026-Q4", "2026-Q3"], "引数が多すぎます。", "Too many arguments."),
        (["key", "create"], "名前（--name）を指定してください。", "Give --name (who or what will use it)."),
        (["kpis", "2026-Q4", "--lang", "fr"], "ja、en のいずれか", "Give ja or en."),
    ],
)
def test_wrong_usage_is_explained_in_the_readers_language(
    typed: list[str], ja: str, en: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for lang, words in (("ja", ja), ("en", en)):
        monkeypatch.setenv("SANCHO_LANGUAGE", lang)
        assert run(typed) == 2
        err = capsys.readouterr().err
        if "--lang" not in typed or lang == "ja":
            assert words in err


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from service.cli import run; run(['--help']); "
        "heavy = {'numpy', 'pandas', 'sqlalchemy', 'mlflow', 'lightgbm', 'fastapi', 'pydantic', 'numba'}; "
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_a_wrong_setting_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SANCHO_CURRENCY", "yen")
    assert run(["score", "--lang", "en"]) == 1
    assert capsys.readouterr().err == (
        "sancho: setting SANCHO_CURRENCY: 'yen' cannot be used; "
        "give a three-letter currency code such as JPY.\n"
    )


def test_the_doctor_says_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--json", "--lang", "en"]) == 1
    told = json.loads(capsys.readouterr().out)
    checks = {check["check"]: check for check in told["checks"]}
    assert not told["ok"]
    assert checks["database"]["ok"]
    assert "sancho import" in checks["deals"]["detail"]
    assert "sancho key create" in checks["API keys"]["detail"]
    assert "sancho train" in checks["model"]["detail"]


def test_the_doctor_sees_a_full_disk_and_jobs_that_nobody_does_or_that_failed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def checks() -> dict[str, dict[str, Any]]:
        run(["doctor", "--json", "--lang", "en"])
        return {check["check"]: check for check in json.loads(capsys.readouterr().out)["checks"]}

    well = checks()
    assert well["room on the disk"]["ok"]
    assert well["jobs"]["ok"]
    an_hour_ago = time.time_ns() // 1000 - 3_600_000_000
    with JobQueue(read_settings().store_url, lambda: an_hour_ago) as queue:
        job, _ = queue.add("import", {"file": "deals.csv"})
        assert "sancho jobs work" in checks()["jobs"]["detail"]
        taken = queue.take(["import"])
        assert taken is not None
        assert checks()["jobs"]["ok"], "somebody does it"
        queue.end(job.job_id, taken.attempts, error=("no_files", Text("ない。", "there is no file.")))
    failed = checks()["jobs"]
    assert not failed["ok"]
    assert "there is no file." in failed["detail"]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=5e8))
    full = checks()["room on the disk"]
    assert (full["ok"], full["detail"].startswith("only 0.5 GB")) == (False, True)


def test_a_key_is_printed_alone_and_listed_without_its_secret(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["key", "create", "--name", "crm"]) == 0
    key = capsys.readouterr().out.strip()
    assert key.startswith("sancho_")
    assert run(["key", "list"]) == 0
    listed = capsys.readouterr().out
    assert key.split("_")[1] in listed
    assert key.split("_", 2)[2] not in listed
    assert run(["key", "revoke", key.split("_")[1]]) == 0
    assert run(["key", "revoke", key.split("_")[1]]) == 1


@pytest.mark.parametrize(
    ("option", "ja", "en"),
    [
        (["--seed", str(2**63)], "2^63 未満", "--seed: expected 0 to 2^63 - 1"),
        (["--end", "9999-01-01"], "1970-01-01 から 2080-12-31", "expected a date from 1970-01-01 to 2080"),
        (["--oracle", "2020-01-01"], "2020-01-01 は期間外です", "of the simulated period"),
    ],
)
def test_a_world_that_cannot_be_simulated_is_refused_in_both_languages(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: list[str], ja: str, en: str
) -> None:
    for lang, words in (("ja", ja), ("en", en)):
        assert run(["world", str(tmp_path / "w"), "--deals", "40", *option, "--lang", lang]) == 1
        message = capsys.readouterr().err
        assert words in message
        assert "SANCHO_DEBUG" not in message
    assert not (tmp_path / "w").exists()


def test_the_same_seed_writes_the_same_world(tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert (
            run(["world", str(tmp_path / name), "--deals", "40", "--seed", "5", "--end", "2026-11-20"]) == 0
        )
    assert (tmp_path / "a" / "deals.csv").read_bytes() == (tmp_path / "b" / "deals.csv").read_bytes()


def test_a_demo_does_not_touch_other_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["import", str(deals_csv(tmp_path, "D1,2026-01-05,アポイント,100\n"))])
    assert run(["demo", "--lang", "en"]) == 1
    assert "SANCHO_HOME" in capsys.readouterr().err
