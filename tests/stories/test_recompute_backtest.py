"""Does a script without any code of the project get every figure of a backtest from its exported rows?"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from crm.errors import SanchoError
from tests.support.small_backtest import small_backtest
from training.backtest import Backtest, to_json
from training.backtest.rows_table import check_rows_file, period_file, write_rows

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "recompute_backtest.py"


@pytest.fixture(scope="module")
def found(of_all_workers: Path) -> Backtest:
    return small_backtest(of_all_workers).found


def recomputed(rows: Path, result: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), str(rows), str(result)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_every_figure_is_equal_when_computed_from_the_rows(found: Backtest, tmp_path: Path, suffix: str):
    rows, result = tmp_path / f"rows{suffix}", tmp_path / "result.json"
    told = to_json(found)
    assert told["deals"]["ever"]["overall"]["still_open"] > 0, "bounds are computed, too"
    result.write_text(json.dumps(told), "utf-8")
    assert write_rows(found, rows) == [rows, tmp_path / f"rows.periods{suffix}"]
    done = recomputed(rows, result)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 differ" in done.stdout


def test_a_figure_that_is_not_what_the_rows_say_is_printed(found: Backtest, tmp_path: Path):
    rows, result = tmp_path / "rows.parquet", tmp_path / "result.json"
    told = to_json(found)
    told["deals"]["by_period_end"]["overall"]["methods"]["sancho"]["auc"] += 1e-6
    told["periods"]["company"]["overall"]["methods"]["run_rate"]["crps"]["mean"] *= 1.0001
    result.write_text(json.dumps(told), "utf-8")
    write_rows(found, rows)
    done = recomputed(rows, result)
    assert done.returncode == 1
    lines = [line for line in done.stdout.splitlines() if line.startswith(".")]
    assert [line.split(":")[0] for line in lines] == [
        ".deals.by_period_end.overall.methods.sancho.auc",
        ".periods.company.overall.methods.run_rate.crps.mean",
    ]


def test_a_row_has_what_each_method_said_of_a_deal_and_what_became_of_it(found: Backtest, tmp_path: Path):
    rows = tmp_path / "rows.parquet"
    write_rows(found, rows)
    deals, periods = pd.read_parquet(rows), pd.read_parquet(period_file(rows))
    known = {"question", "period", "origin", "week", "deal_id", "stage", "weight", "outcome", "still_alive"}
    assert known <= set(deals.columns)
    assert {"chance.sancho", "chance.base_rate", "chance.lightgbm_ripe"} <= set(deals.columns)
    assert len(deals) == sum(len(found.rows(question)) for question in ("ever", "by_period_end"))
    assert set(periods["method"]) == {"sancho", "stage_weighted", "run_rate", "last_year"}


def test_a_file_of_rows_is_csv_or_parquet():
    with pytest.raises(SanchoError, match="csv or"):
        check_rows_file(Path("rows.xlsx"))
