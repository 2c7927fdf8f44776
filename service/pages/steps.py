"""Which actions can be chosen on a meeting's page, in words?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crm.i18n import Language
from service.language import points_text
from service.pages.meeting_words import WORDS
from service.pages.words import WORDS as COMMON

_SHOWN, _SHOWN_CHOSEN = 3, 6


def step_rows(
    actions: Sequence[Mapping[str, Any]], chosen: Sequence[Mapping[str, Any]], lang: Language
) -> list[dict[str, str]]:
    """The first actions from which some are chosen, without those that were taken or passed this week."""
    gone = {(one["deal_id"], one["action"]) for one in chosen}
    left = [action for action in actions if (action["deal_id"], action["action"]) not in gone]
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
        for action in left[:_SHOWN]
    ]


def chosen_rows(chosen: Sequence[Mapping[str, Any]], lang: Language) -> list[dict[str, str]]:
    """What was taken, passed or done this week."""
    return [
        {
            "state": WORDS[f"chosen_{one['state']}"].to(lang),
            "label": one["label"],
            "deal": one["name"] or one["deal_id"],
            "reason": one["reason"] or "",
        }
        for one in chosen[:_SHOWN_CHOSEN]
    ]
