"""What moves the target's probability, by how much, and what is the smallest plan that reaches it?"""

from models.levers.effect import STRETCHES, LeverModel, OpenDeals, new_wins_of
from models.levers.levels import LEVERS, Level, Lever, levels_of
from models.levers.plan import Plan, plan_at, smallest_plan

__all__ = [
    "LEVERS",
    "STRETCHES",
    "Level",
    "Lever",
    "LeverModel",
    "OpenDeals",
    "Plan",
    "levels_of",
    "new_wins_of",
    "plan_at",
    "smallest_plan",
]
