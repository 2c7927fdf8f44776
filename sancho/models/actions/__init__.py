"""Which action helps which deal, how much, and how far can that be believed?"""

from sancho.models.actions.effects import Effects, borne_out, fit_effects, leverage
from sancho.models.actions.kept import ActionEffect, Evidence, kinds_of
from sancho.models.actions.offer import Offer, offers
from sancho.models.actions.policy import PolicyValue, Value, difference, off_policy
from sancho.models.actions.reliability import Believed, believed, e_value, reliability

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
