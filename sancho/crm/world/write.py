"""How does a world become files: canonical CSV tables, with the truth beside them?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

from sancho.crm.world.engine import World
from sancho.crm.world.tables import TABLES, Writer, write_csv
from sancho.crm.world.truth import write_truth


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
    writer = Writer(world)
    for name in TABLES:
        write_csv(writer.slices(name), folder / f"{name}.csv")
    write_truth(writer, folder / "truth", oracle_dates, replays, periods)
