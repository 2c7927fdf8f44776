"""Which organisation does the demo show? One whose quarter is open, on whatever day one looks.

It is laid relative to the day. Its fiscal year begins so that the day falls into the middle month of a
quarter. The revenue targets of that quarter are laid where the trained model's forecast leaves them: even for
the company, likely for some teams, unlikely for others. The forecast is the model's, from the records alone.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from crm.i18n import Text

if TYPE_CHECKING:
    from simulator import WorldSettings

SEED = 7
TARGETS = "targets.csv"
COMPANY_CHANCE = 0.5
TEAM_CHANCES = (0.75, 0.2, 0.5, 0.8)  # of the first, second, ... team that sells; then from the start again
_MONTHS_IN = 1  # of the quarter, before the month that holds the day
_STARTS = (4, 3, 2)  # first months of a fiscal year, the usual one first: one of them fits any day
_TENTH = -NormalDist().inv_cdf(0.1)  # standard deviations from p10 to p50, and from p50 to p90
_UNIT = 100_000  # yen to which targets are rounded

Row = dict[str, str]
Step = Callable[[Text, int, int | None], None]


def demo_settings(deals: int, today: date) -> WorldSettings:
    """The organisation as it stands on the morning of a day."""
    from simulator import WorldSettings

    return WorldSettings(
        deals,
        SEED,
        today - timedelta(days=1),
        divisions=False,
        fiscal_start_month=fiscal_start_month(today),
    )


def fiscal_start_month(today: date) -> int:
    """The month in which a fiscal year begins that has the day in the second month of a quarter.

    >>> [fiscal_start_month(date(2027, month, 1)) for month in (1, 2, 3)]
    [3, 4, 2]
    """
    return next(month for month in _STARTS if (today.month - month) % 3 == _MONTHS_IN)


def write_demo_world(folder: Path, waiting: Path, deals: int, today: date, step: Step) -> None:
    """Simulates the organisation and writes it; the revenue targets of the present quarter wait in a file."""
    from simulator import simulate, write

    simulating = Text("営業組織をシミュレーションしています", "Simulating a sales organisation")
    step(simulating, 0, 1)
    settings = demo_settings(deals, today)
    world = simulate(settings)
    step(simulating, 1, 1)
    writing = Text("書き出しています", "Writing")
    step(writing, 0, 1)
    shutil.rmtree(folder, ignore_errors=True)  # half a world of an interrupted run
    write(world, folder)
    rows = _read(folder / TARGETS)
    laid_later = [_is_of(row, today, settings.fiscal_start_month) for row in rows]
    _write(waiting, [row for row, later in zip(rows, laid_later, strict=True) if later])
    _write(folder / TARGETS, [row for row, later in zip(rows, laid_later, strict=True) if not later])
    step(writing, 1, 1)


def lay_targets(waiting: Path, people: Path, forecast: Mapping[str, Any], laid: Path) -> None:
    """Writes the waiting targets with the values that leave a forecast open.

    The company's and each team's are such that the forecast reaches them with the chosen chance; people keep
    their share of their team's.
    """
    rows = _read(waiting)
    set_before = {row["scope"]: float(row["value"]) for row in rows}
    teams = [child for child in forecast["children"] if child["scope"] in set_before]
    teams.sort(key=lambda team: str(team["scope"]))
    values = {"company": value_reached(forecast["revenue"], COMPANY_CHANCE)} | {
        team["scope"]: value_reached(team["revenue"], TEAM_CHANCES[k % len(TEAM_CHANCES)])
        for k, team in enumerate(teams)
    }
    team_of = {f"person:{row['person_id']}": f"team:{row['team_id']}" for row in _read(people)}
    for scope, before in set_before.items():
        team = team_of.get(scope, "")
        if team in values:
            values[scope] = before * values[team] / set_before[team]
    for row in rows:
        value = values.get(row["scope"], set_before[row["scope"]])
        row["value"] = str(max(1, round(value / _UNIT)) * _UNIT)
    laid.parent.mkdir(exist_ok=True)
    _write(laid, rows)


def value_reached(revenue: Mapping[str, float], chance: float) -> float:
    """The value that a forecast reaches with a chance, by its p10, p50 and p90; both halves taken for normal.

    >>> value_reached({"p10": 80.0, "p50": 100.0, "p90": 130.0}, 0.9)
    80.0
    """
    away = NormalDist().inv_cdf(1 - chance) / _TENTH
    half = revenue["p90"] - revenue["p50"] if away > 0 else revenue["p50"] - revenue["p10"]
    return float(revenue["p50"] + away * half)


def _is_of(row: Row, day: date, month: int) -> bool:
    """Whether a target is one of revenue, of the quarter that holds a day."""
    from crm.periods import parse_period

    period = parse_period(row["period"], month)
    return row["metric"] == "revenue" and period.first <= day <= period.last


def _read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _write(path: Path, rows: Sequence[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        written = csv.DictWriter(file, ("metric", "scope", "period", "value", "set_at"))
        written.writeheader()
        written.writerows(rows)
