"""How does `mlflow.pyfunc` score with a Sancho model? By this code, logged with the bundle; no pickle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd

_UNREADABLE = (
    "このモデルを読み込むコードがこの環境にありません（{fault}）。モデルの requirements.txt にある"
    "バージョンをインストールするか、再学習してください（sancho train）。 / The code that reads this model "
    "is not in this environment ({fault}): install the version in the model's requirements.txt, or retrain "
    "(sancho train)."
)


class SanchoModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Win probabilities, from a frame of features by name, `moment` and `horizon_days`.

    `moment` is microseconds UTC; an infinite or missing horizon means ever.
    """

    def load_context(self, context: Any) -> None:
        """Load the bundle that was logged with this code."""
        try:
            from models.bundle import Bundle
        except ImportError as fault:
            raise ImportError(_UNREADABLE.format(fault=fault)) from fault

        self.bundle = Bundle.load(Path(context.artifacts["bundle"]))

    # MLflow derives no schema from these type hints; without hints it warns.
    def predict(
        self,
        context: Any,  # noqa: ARG002
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> pd.DataFrame:
        """A frame with `won_by` for each row."""
        x = model_input.reindex(columns=list(self.bundle.features)).to_numpy(np.float64)
        moment = model_input["moment"].to_numpy(np.int64)
        horizon = np.asarray(model_input["horizon_days"].astype(float).fillna(np.inf), np.float64)
        return pd.DataFrame({"won_by": self.bundle.win.won_by(x, moment, horizon)}, index=model_input.index)


mlflow.models.set_model(SanchoModel())
