"""What does the leak screen say of real lists and logs?

    python benchmarks/leakage_lists.py

The telephone sales of a bank (every call has ended, and `duration` is known only after it), a CRM's export
in which an account is entered at closing, a qualification form without dates, and a bank's loan applications
with their history. What is kept out, with its sentence, and what could not be checked.
"""

from __future__ import annotations

import time
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from real_logs import FOLDER, imported

from crm.eventlog import EventLog
from crm.instants import as_of_instant
from training.leakage import screening

CASES = (
    ("bank_calls", "2009-05-01"),
    ("crm_sales_opportunities", "2017-09-30"),
    ("crm_sales_opportunities", "2018-01-31"),
    ("b2b_qualification", "2016-01-01"),
    ("loan_applications", "2011-11-30"),
    ("loan_applications", "2011-12-31"),
)
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
NOT_ASKED = ("seq", "year", "month", "y")


def main() -> None:
    """Ask the screen about each list."""
    for name, day in CASES:
        log = bank_calls() if name == "bank_calls" else imported(name)
        as_of = as_of_instant(day, log.zone)
        past = log.as_of(as_of)
        began = time.perf_counter()
        found = screening(past, as_of)
        seconds = time.perf_counter() - began
        ended = int(past["deals"]["outcome"].notna().sum())
        print(f"\n== {name} as of {day}: {len(past['deals'])} deals, {ended} ended; {seconds:.1f} s")
        for leak in found.leaks:
            print(f"   {leak.attribute} ({leak.reason}): {leak.text.en}")
        if found.unchecked:
            print(f"   {found.unchecked_text.en}")


def bank_calls() -> EventLog:
    """One deal a call, which ends an hour after it began; the calls of a month are spread over it."""
    file = FOLDER / "bank_calls" / "calls.csv.gz"
    if not file.exists():
        raise SystemExit(f"skipped: the data is not at {file}; set SANCHO_SHARED_DATA")
    calls = pd.read_csv(file)
    month = [calls["year"], calls["month"]]
    number = calls.groupby(month).cumcount() / calls.groupby(month)["seq"].transform("size")
    first = pd.to_datetime({"year": calls["year"], "month": calls["month"].map(MONTHS.index) + 1, "day": 1})
    began = first + pd.to_timedelta((number * 27 * 86_400).round(), unit="s")
    won = calls["y"] == "yes"
    deals = pd.DataFrame(
        {
            "deal_id": calls["seq"].astype(str),
            "created_at": began,
            "closed_at": began + pd.Timedelta("1h"),
            "stage": np.where(won, "受注", "失注"),
            "outcome": np.where(won, "won", "lost"),
        }
    )
    known = {name: calls[name] for name in calls.columns if name not in NOT_ASKED}
    return EventLog.of({"deals": deals.assign(**known)}, ZoneInfo("Europe/Lisbon"))


if __name__ == "__main__":
    main()
