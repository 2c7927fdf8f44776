"""How is it told on pages how far a job is: what is being done, the share, the minutes left?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm.i18n import Language
from service.pages.setup_words import WORDS

REFRESH_SECONDS = 3  # after which a page that tells of a running job is asked for again
_KIND_WORDS = {"training": "what_training", "sample": "what_sample", "import": "what_import"}


def progress_of(job: Mapping[str, Any], lang: Language) -> dict[str, Any]:
    """What is told of an open job."""
    progress, seconds = job["progress"], job["seconds_left"]
    step = WORDS["waiting"].to(lang) if progress is None else progress["step"]
    name = "what_check" if job["request"].get("dry_run") else _KIND_WORDS.get(job["kind"], "what_import")
    share = None
    if progress is not None and progress["total"]:
        share = min(round(100 * progress["done"] / progress["total"]), 99)
    left = None
    if seconds is not None:
        left = (
            WORDS["soon"] if seconds < 45 else WORDS["minutes_left"].format(n=round(seconds / 60) or 1)
        ).to(lang)
    return {
        "said": WORDS["checking"].format(what=WORDS[name], step=step).to(lang),
        "share": share,
        "percent": None if share is None else WORDS["progress"].format(percent=share).to(lang),
        "left": left,
    }
