"""What do tests of the pages about KPIs share? Rows with something to show, and how a page is read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ABOUT = {"period": "2026-Q4", "as_of": "2026-11-19"}
ROWS: dict[str, list[dict[str, Any]]] = {
    "targets": [
        {"metric": metric, "scope": scope, "period": "2026-Q4", "value": value, "set_at": "2026-10-01"}
        for metric, scope, value in (
            ("revenue", "company", 20_000_000),
            ("revenue", "team:T1", 18_000_000),
            ("won_deals", "company", 1),
            ("visits", "company", 40),
        )
    ]
}
_EXAMPLES = Path(__file__).parents[2] / "service" / "api" / "examples.json"
_JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")


def example(operation: str) -> dict[str, Any]:
    """What REST answers by way of example."""
    found: dict[str, Any] = json.loads(_EXAMPLES.read_text("utf-8"))[operation]["response"]
    return found


def numbers_in(html: str) -> list[float]:
    """The exact values of a part of a page, without those of its pictures."""
    outside = re.sub(r"<svg.*?</svg>", "", html, flags=re.S)
    return [float(value) for value in re.findall(r'<data value="([^"]+)"', outside)]


def japanese_left(page: str, names: Iterable[str | None]) -> list[str]:
    """The Japanese letters of an English page that are in no name."""
    for name in sorted({"日本語", *filter(None, names)}, key=len, reverse=True):
        page = page.replace(name, "")
    return _JAPANESE.findall(page)
