"""How close is `sancho forecast 2017-Q4` at the quarter's start to the quarter's actual revenue?

    python benchmarks/forecast_crm.py

The commands a user types, on the CRM export without history, trained as of 2017-09-30: company, regional
offices and every manager's team, with the revenue then won.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from real_logs import FOLDER, ZONES, imported

MAPPING, AS_OF, PERIOD = "crm_sales_opportunities", "2017-09-30", "2017-Q4"
BIN = Path(sys.executable).parent / "sancho"


def main() -> None:
    log = imported(MAPPING)
    deals = log["deals"]
    closed = deals["closed_at"].dt.tz_convert(ZONES[MAPPING])
    won = deals[(deals["outcome"] == "won") & (closed >= "2017-10-01") & (closed < "2018-01-01")]
    team_of = log["people"].set_index("person_id")["team_id"].astype(str)
    parent_of = log["teams"].set_index("team_id")["parent_team_id"].astype(object)
    team = won["owner_id"].astype(str).map(team_of)
    actual_of = won.groupby(team, observed=True)["amount"].sum().to_dict()
    for name, office in parent_of.dropna().items():
        actual_of[office] = actual_of.get(office, 0.0) + actual_of.get(name, 0.0)
    with tempfile.TemporaryDirectory() as home:
        sancho(home, "import", str(FOLDER / MAPPING), "--mapping", MAPPING, ends=3)
        sancho(home, "train", "--as-of", AS_OF)
        print(f"{'scope':28s} {'mean':>11s} {'p10':>11s} {'p90':>11s} {'then won':>11s}  inside 80 %")
        inside = 0
        for scope in ["company", *(f"team:{name}" for name in sorted(parent_of.index))]:
            forecast = json.loads(
                sancho(home, "forecast", PERIOD, "--scope", scope, "--as-of", AS_OF, "--json")
            )
            revenue = forecast["revenue"]
            actual = won["amount"].sum() if scope == "company" else actual_of[scope.removeprefix("team:")]
            hit = revenue["p10"] <= actual <= revenue["p90"]
            inside += hit
            figures = (revenue["mean"], revenue["p10"], revenue["p90"], actual)
            print(f"{scope:28s} " + " ".join(f"{f:11,.0f}" for f in figures) + f"  {'yes' if hit else 'no'}")
        print(f"{inside} of {1 + len(parent_of)} scopes inside their 80 % interval")


def sancho(home: str, *words: str, ends: int = 0) -> str:
    """What the command prints."""
    settings = {"SANCHO_HOME": home, "SANCHO_CURRENCY": "USD", "SANCHO_TIMEZONE": ZONES[MAPPING]}
    done = subprocess.run(
        [BIN, *words], env={**os.environ, **settings}, capture_output=True, text=True, check=False
    )
    if done.returncode != ends:
        sys.exit(done.stderr)
    return done.stdout


if __name__ == "__main__":
    main()
