"""A simulated Japanese B2B sales organisation with planted truths: how is it made, written and replayed?"""

from sancho.crm.world.engine import World, simulate
from sancho.crm.world.oracle import Oracle, oracle
from sancho.crm.world.replay import Replay, replay
from sancho.crm.world.settings import Intervention, WorldSettings
from sancho.crm.world.write import write

__all__ = [
    "Intervention",
    "Oracle",
    "Replay",
    "World",
    "WorldSettings",
    "oracle",
    "replay",
    "simulate",
    "write",
]
