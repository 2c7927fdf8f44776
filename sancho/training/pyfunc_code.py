"""How does `mlflow.pyfunc` score with a Sancho model? Code logged beside the bundle; nothing is pickled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow


class SanchoModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Chances to be won, from a frame of features by name, `moment` and `horizon_days`.

    `moment` is microseconds UTC; an infinite or missing horizon means ever.
    """

    def load_context(self, context: Any) -> None:
        """Load the bundle that was logged with this code."""
        from sancho.models.bundle import Bundle

        self.bundle = Bundle.load(Path(context.artifacts["bundle"]))

    # Without type hints: MLflow would take them for a schema of its own.
    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]  # noqa: ARG002
        """A frame with `won_by` for each row."""
        import numpy as np
        import pandas as pd

        x = model_input.reindex(columns=list(self.bundle.features)).to_numpy(np.float64)
        moment = model_input["moment"].to_numpy(np.int64)
        horizon = model_input["horizon_days"].astype(float).fillna(np.inf).to_numpy()
        return pd.DataFrame({"won_by": self.bundle.win.won_by(x, moment, horizon)}, index=model_input.index)


mlflow.models.set_model(SanchoModel())
