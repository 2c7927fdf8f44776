"""Which action helps which deal, by how much, and how reliable is that?"""

from models.actions.action_effect import ActionEffect, Evidence, effect_codes
from models.actions.candidates import CandidateAction, candidate_actions
from models.actions.chosen import Allowance, HeldOut, allowances, held_out
from models.actions.effects import Effects, effect_scale, fit_effects
from models.actions.off_policy import Estimate, PolicyValue, evaluate_policy, mean_difference
from models.actions.reliability import BiasAdjusted, bias_adjusted, e_value, reliability_of

__all__ = [
    "ActionEffect",
    "Allowance",
    "BiasAdjusted",
    "CandidateAction",
    "Effects",
    "Estimate",
    "Evidence",
    "HeldOut",
    "PolicyValue",
    "allowances",
    "bias_adjusted",
    "candidate_actions",
    "e_value",
    "effect_codes",
    "effect_scale",
    "evaluate_policy",
    "fit_effects",
    "held_out",
    "mean_difference",
    "reliability_of",
]
