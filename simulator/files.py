"""How is a world written: canonical CSV tables with the truth beside them?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

from simulator.tables import TableBuilder, write_csv
from simulator.truth_files import write_truth
from simulator.world import World


def write(
    world: World,
    folder: str | Path,
    oracle_dates: Iterable[date] = (),
    replays: int = 400,
    periods: Iterable[tuple[date, date]] | None = None,
) -> None:
    """Write deals.csv, deal_events.csv, ... (UTF-8) and truth/ into `folder`, which is made if missing.

    For each of `oracle_dates` the truth as of the end of that day is added: see `oracle`.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    builder = TableBuilder(world)
    for name in builder.names:
        write_csv(builder.slices(name), folder / f"{name}.csv")
    write_truth(builder, folder / "truth", oracle_dates, replays, periods)
