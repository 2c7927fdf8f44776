"""How much of an effect is left on deals that did not help to choose it?

The largest of several noisy effects is overstated: what made it the largest is partly luck (the winner's
curse). Four fifths of the deals choose, where an action would be recommended; on the last fifth the outcomes
show what is left of the effect believed (five times, each fifth once). The share left is shrunk towards that
of all actions together, and theirs towards 1, where deals are few.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from features.arrays import Floats, Ints
from models.actions.effects import fit_effects
from models.actions.reliability import bias_adjusted
from models.crossfit import FOLDS, folds_of

# Prior sd of the share left: of all actions together, around 1; of one action, around theirs.
SHARE_SD, ACTION_SD = 0.5, 0.4


@dataclass(frozen=True)
class Allowance:
    """The share of an action's effects that is left where they were chosen, 0 to 1, and its sd."""

    share: float = 1.0
    sd: float = 0.0


@dataclass(frozen=True)
class HeldOut:
    """Sums over deals where effects learned from other deals were chosen, of precision-weighted products.

    `product` of the effect believed and the deal's residual, `square` of the effect believed with itself.
    """

    product: float
    square: float


def held_out(
    residual: Floats,
    chance: Floats,
    codes: Mapping[str, Ints],
    levels: Mapping[str, int],
    deal: Ints,
    weight: Floats,
) -> HeldOut:
    """What residuals (n,) say of effects chosen on other deals; rows of one `deal` (n,) stay together."""
    product = square = 0.0
    fold = folds_of(np.unique(deal, return_inverse=True)[1])
    for part in range(FOLDS):
        judged = fold == part
        if not judged.any() or judged.all():
            continue
        learned = fit_effects(
            residual[~judged],
            chance[~judged],
            {column: code[~judged] for column, code in codes.items()},
            levels,
            weight[~judged],
        )
        usual = chance[judged]
        believed, variance = learned.of({column: code[judged] for column, code in codes.items()}, usual)
        chosen = bias_adjusted(believed, variance, np.zeros(len(believed))).low > 0
        precision = weight[judged] / np.clip(usual * (1 - usual), 0.02, None) * chosen
        product += float(precision @ (believed * residual[judged]))
        square += float(precision @ believed**2)
    return HeldOut(product, square)


def allowances(found: Sequence[HeldOut]) -> list[Allowance]:
    """Each action's share left of its effects, shrunk towards that of all actions.

    >>> [round(one.share, 2) for one in allowances([HeldOut(0.0, 0.0), HeldOut(50.0, 100.0)])]
    [0.52, 0.5]
    """
    prior = SHARE_SD**-2
    total = sum(one.product for one in found), sum(one.square for one in found)
    common = (total[0] + prior) / (total[1] + prior)
    own = ACTION_SD**-2
    return [
        Allowance(
            float(np.clip((one.product + own * common) / (one.square + own), 0.0, 1.0)),
            float((one.square + own) ** -0.5),
        )
        for one in found
    ]
