"""How is the owner-blind variant of the win model fitted beside it, at a small part of its cost?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from features.catalogue import Feature
from models.snapshot_rows import SnapshotRows
from models.win.blind import BlindVariant, blind_variant, seen_columns
from models.win.fitting import WinSettings, fit_win
from models.win.model import WinModel
from training.selection import Selection, layout_of
from training.validation import Fitter, windows_of

_SEED = 24  # of its own: the win model's draws stay as they are
_QUESTIONS = 30_000
_COMPARED = 4_000  # training moments at which both are asked


def fit_blind(fitter: Fitter, win: WinModel, chosen: Selection, rows: SnapshotRows) -> BlindVariant | None:
    """The variant of a fitted win model; None where that is a table. `rows` have all features."""
    if win.is_table:
        return None
    features: tuple[Feature, ...] = fitter.chooser.history.features
    used = seen_columns(features, chosen.used)
    if not len(used):
        return None
    rng = np.random.default_rng((fitter.config.seed, _SEED))
    seen = rows.with_columns(used)
    settings = replace(WinSettings(with_trees=False), linear_questions=_QUESTIONS)
    blind = fit_win(
        seen,
        layout_of(features, used),
        used,
        windows_of(seen, fitter.calendar),
        settings,
        rng,
        fitter.positions,
    )
    if blind.is_table:
        return None
    regular = np.flatnonzero(rows.regular)
    some = rng.choice(regular, min(_COMPARED, len(regular)), replace=False)
    return blind_variant(blind, win, rows.x[some], rows.at[some])
