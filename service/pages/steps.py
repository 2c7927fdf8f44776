"""Which actions can be chosen on a meeting's page, in words?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crm.i18n import Language
from service.language import points_text
from service.pages.meeting_words import WORDS
from service.pages.words import WORDS as COMMON


def step_rows(actions: Sequence[Mapping[str, Any]], lang: Language) -> list[dict[str, str]]:
    """Actions as they stand in the list from which some are chosen."""
    return [
        {
            "id": action["recommendation_id"],
            "label": action["label"],
            "deal": action["name"] or action["deal_id"],
            "who": action["owner_name"] or action["owner_id"] or "–",
            "said": WORDS["chosen_said"]
            .format(
                uplift=points_text(action["uplift_pp"], lang),
                reliability=COMMON[f"reliability_{action['reliability']}"],
            )
            .to(lang),
        }
        for action in actions
    ]
