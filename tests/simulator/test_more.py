"""Does a replay in which sellers do more of one thing do just that?"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from simulator import Intervention, World, WorldSettings, replay, simulate

AS_OF = date(2026, 6, 30)


@pytest.fixture(scope="module")
def world() -> World:
    return simulate(WorldSettings(deals=400, seed=11, end=AS_OF, days=400))


def funnel(world: World, more: tuple[str, float] | None) -> np.ndarray:
    until = AS_OF + timedelta(60)
    return replay(world, until, 6, 3, Intervention(more=more), to_the_end=False).funnel.sum((0, 1))


def test_once_as_much_is_what_happens_anyway(world: World) -> None:
    for name in ("demo", "visit", "to_proposal"):
        assert (funnel(world, (name, 1.0)) == funnel(world, None)).all()


def test_deals_that_move_sooner_bring_more_proposals(world: World) -> None:
    assert funnel(world, ("to_proposal", 3.0))[3] > funnel(world, None)[3]


def test_what_nobody_can_do_more_of_is_refused() -> None:
    with pytest.raises(ValueError, match="more: expected one of"):
        Intervention(more=("nothing", 2.0))
    with pytest.raises(ValueError, match="1 or more times"):
        Intervention(more=("demo", 0.5))
