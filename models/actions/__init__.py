"""Which action helps which deal, how much, and how far can that be believed?"""

from models.actions.action_effect import ActionEffect, Evidence, kinds_of
from models.actions.candidates import Offer, offers
from models.actions.effects import Effects, borne_out, fit_effects, leverage
from models.actions.off_policy import PolicyValue, Value, difference, off_policy
from models.actions.reliability import Believed, believed, e_value, reliability

__all__ = [
    "ActionEffect",
    "Believed",
    "Effects",
    "Evidence",
    "Offer",
    "PolicyValue",
    "Value",
    "believed",
    "borne_out",
    "difference",
    "e_value",
    "fit_effects",
    "kinds_of",
    "leverage",
    "off_policy",
    "offers",
    "reliability",
]
