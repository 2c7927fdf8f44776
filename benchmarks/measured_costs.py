"""Where are measured costs of poor data stored? In the file that the data check of a training reads."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

PATH = Path(__file__).parent.parent / "training" / "data_quality_costs.json"


def keep(found: dict[str, list[float]], command: str) -> None:
    """Stores relative increases of the log loss, one per sample, by code of the finding; other codes stay."""
    stored = json.loads(PATH.read_text("utf-8")) if PATH.exists() else {}
    for code, rises in found.items():
        lo, hi = np.quantile(rises, [0.1, 0.9])
        figures = {"mean": np.mean(rises), "lo": lo, "hi": hi}
        rounded = {name: round(float(value), 4) for name, value in figures.items()}
        stored[code] = {**rounded, "samples": len(rises), "command": command}
    PATH.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n", "utf-8")
    print(f"written: {PATH}")
