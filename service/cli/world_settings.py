"""Which organisation does the user want simulated, and can it be?"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from crm.errors import SanchoError
from crm.i18n import Text

if TYPE_CHECKING:
    from simulator import WorldSettings


def world_settings(deals: int, seed: int, end: date | None, oracle: list[date]) -> WorldSettings:
    """The simulator's settings; refuses a seed or a day that it cannot simulate, before anything is written.

    end: the last day, None = yesterday. oracle: days as of which true probabilities are asked for.
    """
    from simulator import WorldSettings
    from simulator.settings import FIRST_END, LAST_END

    if not 0 <= seed < 2**63:
        raise _refused(
            Text(
                "--seed には 0 以上 2^63 未満の整数を指定してください（{seed} は使えません）。",
                "--seed: expected 0 to 2^63 - 1, got {seed}.",
            ).format(seed=seed)
        )
    if end is not None and not FIRST_END <= end <= LAST_END:
        raise _refused(
            Text(
                "--end には {first} から {last} までの日付を指定してください（{day} は使えません）。",
                "--end: expected a date from {first} to {last}, got {day}.",
            ).format(first=FIRST_END, last=LAST_END, day=end)
        )
    settings = WorldSettings(deals, seed) if end is None else WorldSettings(deals, seed, end)
    for day in oracle:
        if not settings.start <= day <= settings.end:
            raise _refused(
                Text(
                    "--oracle は模擬する期間（{first} から {last}）の日付です。{day} は期間外です。",
                    "--oracle: expected a date of the simulated period, {first} to {last}, got {day}.",
                ).format(first=settings.start, last=settings.end, day=day)
            )
    return settings


def _refused(text: Text) -> SanchoError:
    return SanchoError(text, "bad_world_settings")
