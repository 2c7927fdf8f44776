"""How is a target shared out? By equal chances, and in the usual ways; who is away, who is new."""

from models.sharing.curves import Curve, Proportion, Quantiles
from models.sharing.parts import Infeasible, Part, share_out

__all__ = ["Curve", "Infeasible", "Part", "Proportion", "Quantiles", "share_out"]
