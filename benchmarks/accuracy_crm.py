"""Is the model calibrated where nothing can be predicted? A CRM export whose attributes have no signal.

    python benchmarks/accuracy_crm.py [AS_OF] [END]

Trained as of AS_OF (2017-09-30). Every deal open then: won by END (2017-12-31)? And every deal that closed
later, as of its creation: the AUC must be at most 0.55, and the leaks of the export must be found and left
out.
"""

from __future__ import annotations

import sys

import numpy as np
from real_logs import imported, judge_open

from crm.instants import NEVER, as_of_instant
from features import build_features, compile_history
from models.scoring import feature_columns
from training import metrics
from training.config import TrainConfig
from training.fit import train

CONFIG = TrainConfig()


def main() -> None:
    as_of, end = [*sys.argv[1:], *["2017-09-30", "2017-12-31"][len(sys.argv) - 1 :]][:2]
    log = imported("crm_sales_opportunities")
    cut = as_of_instant(as_of, log.zone)
    bundle, report = train(log, cut, CONFIG)
    print(f"\ntrained as of {as_of}: {report.counts}; {report.cycle.describe().en}")
    print("\n".join(report.folds))
    for leak in report.leaks:
        print(f"leak ({leak.reason}): {leak.text.en}")
    print(f"features left: {', '.join(bundle.win.layout.names)}")
    judge_open(log, bundle, cut, end)
    history = compile_history(log, bundle.calendar, bundle.levels)
    later = np.flatnonzero((history.closed != NEVER) & (history.closed >= cut)).astype(np.int64)
    at = history.created[later] + 1
    x = build_features(history, later, at)[:, feature_columns(bundle, history)]
    chance = bundle.win.won_by(x, at, np.full(len(later), np.inf))
    won = (history.outcome[later] == 1).astype(float)
    area = metrics.auc(chance, won)
    print(f"\n{len(later)} deals that closed after {as_of}, scored at creation: AUC {area:.3f}")
    print(f"  AUC at most 0.55: {'yes' if area <= 0.55 else 'NO'}")


if __name__ == "__main__":
    main()
