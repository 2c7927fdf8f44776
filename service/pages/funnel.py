"""How do deals go from stage to stage? The funnel of an answer as a picture, for all pages that show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crm.i18n import Text
from pictures.funnel import Funnel, Stage

_WON = Text("受注", "Won")


def funnel_of(steps: Sequence[Mapping[str, Any]], title: Text) -> Funnel | None:
    """The stages of the past year, and what was won; None where no deal entered any."""
    if not steps:
        return None
    stages = [
        Stage(
            Text(step["stage"], step["stage"]),
            step["entered"],
            step["conversion"],
            None if step["days"] is None else (step["days"]["p25"], step["days"]["p50"], step["days"]["p75"]),
        )
        for step in steps
    ]
    if steps[-1]["to"] is None:
        stages.append(Stage(_WON, steps[-1]["advanced"]))
    return Funnel(name="funnel", title=title, stages=stages)
