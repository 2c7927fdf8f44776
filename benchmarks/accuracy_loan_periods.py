"""How accurate are forecasts of a bank's weekly awards, compared with baselines at rolling origins?

    python benchmarks/accuracy_loan_periods.py [PERIODS]

`loan_applications_2011`: a period is a week, its revenue the amounts awarded in it. The pipeline and the
baselines are trained at each week's start on the log as of then. Where there is no target the backtest uses
the actual of an earlier week, and counts such rows.
"""

from __future__ import annotations

import sys

import numpy as np
from accuracy_loan import CONFIG
from real_logs import imported

from training.backtest import backtest
from training.backtest.period_scores import SANCHO, period_tables


def main() -> None:
    """Run and print."""
    log = imported("loan_applications")
    periods = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    found = backtest(log, CONFIG, periods=periods, length="week", with_baselines=False)
    for kind, tables in period_tables(found.forecasts).items():
        overall = tables["overall"]
        print(
            f"\n{kind}: {overall['rows']} forecasts of {overall['periods']} weeks, {overall['scopes']} scopes"
        )
        print(
            f"  mean actual {overall['mean_actual']:,.0f}; {overall['rows_with_stand_in']} stand-in targets"
        )
        ours = overall["methods"][SANCHO]
        for name, one in overall["methods"].items():
            covered = " / ".join(
                f"{100 * one['coverage'][level]['mean']:.0f}" for level in ("50", "80", "90")
            )
            ratio = ours["crps"]["mean"] / one["crps"]["mean"] if one["crps"]["mean"] else np.nan
            skill = 1 - ours["brier"]["mean"] / one["brier"]["mean"] if one["brier"]["mean"] else np.nan
            print(
                f"  {name:22s} CRPS {one['crps']['mean']:12,.0f} (ours / it {ratio:.2f})  Brier "
                f"{one['brier']['mean']:.3f} (our skill {skill:+.2f})  covered 50/80/90: {covered}"
            )
        print(f"  PIT of ours: {' '.join(f'{share}' for share in tables['pit'][SANCHO])}")


if __name__ == "__main__":
    main()
