"""Which rows do a backtest's figures come from? Tables from which anybody can compute each of them again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from crm.errors import SanchoError
from crm.i18n import Text
from crm.instants import iso
from training.backtest import distribution_scores
from training.backtest.deal_scores import QUESTIONS
from training.backtest.run import Backtest

PERIODS = ".periods"  # before the suffix, of the second file
SUFFIXES = (".csv", ".parquet")
CHANCE = "chance."  # before the name of a method


def deal_table(result: Backtest) -> pd.DataFrame:
    """One row for each question, origin and open deal: outcome, weight, and each method's chance."""
    parts = []
    for question in QUESTIONS:
        rows = result.rows(question)
        if not len(rows):
            continue
        frame = pd.DataFrame(
            {
                "question": question,
                "period": rows.period,
                "origin": [iso(int(moment), result.log.zone) for moment in rows.origin],
                "week": rows.week,
                "deal_id": np.asarray(result.deal_ids, object)[rows.deal].astype(str),
                "stage": rows.stage.astype(str),
                "weight": rows.weight,
                "outcome": rows.outcome,
                "still_alive": rows.alive,
            }
        )
        parts.append(frame.assign(**{CHANCE + name: chance for name, chance in rows.chance.items()}))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def period_table(result: Backtest) -> pd.DataFrame:
    """One row for each forecast of a scope by a method: quantiles, actual, target, scores.

    The draws themselves are not in it, so `crps` and `pit` are as the backtest computed them.
    """
    names = [f"p{round(100 * level):02d}" for level in distribution_scores.QUANTILES]
    rows = [
        {
            "period": forecast.period,
            "week": forecast.week,
            "as_of": forecast.as_of,
            "scope": forecast.scope,
            "kind": forecast.kind,
            "closed": forecast.closed,
            "actual": forecast.actual,
            "target": forecast.target,
            "target_from": forecast.target_from,
            "method": name,
            "mean": score.mean,
            **dict(zip(names, score.quantiles.tolist(), strict=True)),
            "crps": score.crps,
            "pit": score.pit,
            "probability": score.target_probability,
        }
        for forecast in result.forecasts
        for name, score in forecast.scores.items()
    ]
    return pd.DataFrame(rows)


def check_rows_file(file: Path) -> None:
    """Raises unless the name tells the format."""
    if file.suffix.lower() not in SUFFIXES:
        raise SanchoError(
            Text(
                "--rows {file}：拡張子は .csv か .parquet にしてください。",
                "--rows {file}: give a name that ends in .csv or .parquet.",
            ).format(file=file),
            "bad_output",
        )


def period_file(file: Path) -> Path:
    """The file beside it with the forecasts of periods."""
    return file.with_name(f"{file.stem}{PERIODS}{file.suffix}")


def write_rows(result: Backtest, file: Path) -> list[Path]:
    """Writes both tables: of deals to the file, of periods beside it; all digits of every number are kept."""
    for path, frame in ((file, deal_table(result)), (period_file(file), period_table(result))):
        if file.suffix.lower() == ".parquet":
            frame.to_parquet(path, index=False)
        else:
            frame.to_csv(path, index=False)
    return [file, period_file(file)]
