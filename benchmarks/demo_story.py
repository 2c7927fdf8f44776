"""Does `sancho demo` tell the same story on any day: an open quarter, and something worth doing about it?

    python benchmarks/demo_story.py FOLDER [--days 2026-01-01 2026-03-31] [--deals 8000]

For each day the demo is built as on that morning (simulated, imported, trained), in a home that is deleted
afterwards, and asked as of then. A result file per day stays in FOLDER; days that have one are not done anew.
Printed are the model's probability for the company, its best and its worst team with their target, the first
bottleneck and whether it is one of those planted, and the first action with what it adds: points of win
probability, points of the target's probability. The days were fixed before any of them was seen; none may lie
in the future, whose records an import refuses.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

from service.cli.answer import open_service
from service.cli.demo import prepare
from service.settings import Settings

DAYS = (
    *("2024-02-29", "2025-12-31", "2026-01-01", "2026-03-31", "2026-04-01", "2026-05-10"),
    *("2026-06-30", "2026-07-01", "2026-08-15", "2026-09-30", "2026-10-01", "2026-11-03"),
)
OPEN = (0.35, 0.65)  # where the company's probability is to stand


def main() -> None:
    """Builds what is missing, prints what is there."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--days", nargs="+", default=DAYS, metavar="DATE")
    parser.add_argument("--deals", type=int, default=8000)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    stories = []
    for day in given.days:
        kept = given.folder / f"{day}-{given.deals}.json"
        if not kept.exists():
            with tempfile.TemporaryDirectory() as home:
                told = story(date.fromisoformat(day), given.deals, Path(home))
            kept.write_text(json.dumps(told, ensure_ascii=False), "utf-8")
            print(f"{day}: done", flush=True)
        stories.append(json.loads(kept.read_text("utf-8")))
    show(stories)


def story(today: date, deals: int, home: Path) -> dict[str, Any]:
    """What the demo of a day, built in a home, says on its morning."""
    began = time.perf_counter()
    settings = Settings(home=home)
    prepare(settings, deals, "en", today)
    planted = json.loads((home / "demo-world/truth/planted.json").read_text("utf-8"))
    built = time.perf_counter() - began
    service, as_of = open_service(settings, lang="en"), f"{today}T09:00"
    try:
        forecast = service.forecasts.forecast("this-quarter", "company", as_of, "en")
        found = service.recommendations.bottlenecks("company", None, as_of, "en")["bottlenecks"]
        actions = service.recommendations.actions("company", None, None, as_of, 5, "en")["actions"]
    finally:
        service.close()
    return {
        "day": today.isoformat(),
        "period": forecast["period"],
        "probability": forecast["probability"],
        "target": forecast["target"],
        "teams": {
            one["scope"]: one["probability"] for one in forecast["children"] if one["probability"] is not None
        },
        "bottlenecks": [
            {name: one[name] for name in ("label", "attainment_pp", "revenue_at_stake", "open_deals")}
            | {"planted": is_planted(one, planted["bottlenecks"])}
            for one in found
        ],
        "actions": [
            {
                name: one[name]
                for name in ("deal_id", "label", "uplift_pp", "attainment_pp", "expected_revenue")
            }
            for one in actions
        ],
        "seconds": {"built": built, "asked": time.perf_counter() - began - built},
    }


def is_planted(found: dict[str, Any], planted: list[dict[str, Any]]) -> bool:
    """Whether a bottleneck has the stages and the segment of a planted one; its days may be others."""
    condition = found["condition"]
    return found["kind"] == "interval" and any(
        (one["from_stage"], one["to_stage"], one["segment"])
        == (condition["from"], condition["to"], _planted_words(found["segment"]))
        for one in planted
    )


def _planted_words(segment: dict[str, str]) -> dict[str, str]:
    return {name: {"medium": "mid"}.get(value, value) for name, value in segment.items()}


def show(stories: list[dict[str, Any]]) -> None:
    """A line for each day, and on how many the story holds."""
    print(
        f"{'day':10} {'quarter':10} {'company':>7} {'best':>6} {'worst':>6}  first bottleneck; first action"
    )
    for one in stories:
        teams, bottleneck, action = one["teams"], one["bottlenecks"][:1], one["actions"][:1]
        said = [f"{'planted' if row['planted'] else 'other'}: {row['label']}" for row in bottleneck]
        done = [
            f"{row['label']}: win {row['uplift_pp']:+.1f}, target {row['attainment_pp']:+.1f} points"
            for row in action
        ]
        best, worst = (f"{100 * end(teams.values()):.0f} %" if teams else "-" for end in (max, min))
        print(
            f"{one['day']:10} {one['period']:10} {100 * one['probability']:5.1f} % {best:>6} {worst:>6}  "
            f"{(said or ['none found'])[0]}; {(done or ['none'])[0]}"
        )
    open_days = sum(OPEN[0] <= one["probability"] <= OPEN[1] for one in stories)
    first = sum(one["bottlenecks"][0]["planted"] for one in stories if one["bottlenecks"])
    found = sum(any(row["planted"] for row in one["bottlenecks"]) for one in stories)
    print(
        f"of {len(stories)} days the company stands between {OPEN[0]:.0%} and {OPEN[1]:.0%} on {open_days}; "
        f"a planted bottleneck is first on {first}, among those found on {found}"
    )


if __name__ == "__main__":
    main()
