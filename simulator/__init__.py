"""A simulated Japanese B2B sales organisation whose truth is known: how is it made, written and replayed?

`simulate` makes a world from `WorldSettings`; `crm_tables` gives what its CRM would have recorded and `write`
puts that into CSV files; `ground_truth_dict` and `action_signs` say what was planted; `replay` and `oracle`
continue the world many times from its true state, under an `Intervention` if one is given.
"""

from simulator.files import write
from simulator.oracles import Oracle, oracle
from simulator.replays import Replay, replay
from simulator.settings import FIELD_HEAVY, INSIDE_HEAVY, Intervention, WorldSettings
from simulator.simulation import advance, simulate
from simulator.tables import crm_tables
from simulator.truth_files import action_signs, ground_truth_dict
from simulator.world import World

__all__ = [
    "FIELD_HEAVY",
    "INSIDE_HEAVY",
    "Intervention",
    "Oracle",
    "Replay",
    "World",
    "WorldSettings",
    "action_signs",
    "advance",
    "crm_tables",
    "ground_truth_dict",
    "oracle",
    "replay",
    "simulate",
    "write",
]
