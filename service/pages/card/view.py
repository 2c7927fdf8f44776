"""What stands on the card of a deal? Its insight in a few words, a picture and buttons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from crm.i18n import Language
from crm.periods import parse_period
from pictures.shares import Shares
from service.language import moment_text, period_text, points_text
from service.pages.card.words import WORDS
from service.pages.values import chance

_WIDTH = 224.0
_MOST_STEPS = 2


def card_view(
    lang: Language, insight: Mapping[str, Any], may_tell: bool, told: str | None = None
) -> dict[str, Any]:
    """The values of card.html.j2; `told`: the outcome that was just recorded."""
    probability, goal = float(insight["win"]["by_period_end"]), insight["attainment"]
    period = period_text(parse_period(goal["period"]), lang)
    swing = None
    if goal["if_won_pp"] is not None and goal["if_lost_pp"] is not None:
        won, lost = (points_text(goal[name], lang) for name in ("if_won_pp", "if_lost_pp"))
        scope = goal["name"] or goal["scope"]
        swing = WORDS["swing"].format(won=won, lost=lost, scope=scope).to(lang)
    dots = Shares(name="sancho-dots", title=WORDS["dots"], probability=probability)
    return {
        "name": insight["name"] or insight["deal_id"],
        "period": period,
        "exact": repr(probability),
        "chance": chance(probability, lang),
        "dots": dots.svg(lang, _WIDTH),
        "dots_said": dots.sentence.to(lang),
        "swing": swing,
        "steps": [_step(one, lang) for one in insight["actions"][:_MOST_STEPS]],
        "may_tell": may_tell,
        "told": None if told is None else WORDS[f"told_{told}"].to(lang),
        "as_of": moment_text(insight["as_of"], lang),
        "page": f"/deals/{quote(insight['deal_id'], safe='')}",
    }


def _step(action: Mapping[str, Any], lang: Language) -> dict[str, str]:
    low, high = (points_text(one, lang) for one in action["interval"])
    said = WORDS["gain"].format(uplift=points_text(action["uplift_pp"], lang), low=low, high=high)
    return {"id": action["recommendation_id"], "label": action["label"], "said": said.to(lang)}
