"""What was said of each open deal on which day? Once a day all scores are stored, as they were then."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from crm.i18n import Text
from crm.instants import last_known_day
from crm.store import Store, StoredScore
from service.language import day_label
from service.period_forecast import score_table
from service.serving_state import ServingState

KEPT_DAYS = 400  # for which a day's scores are remembered: a year ago can be looked at
Step = Callable[[Text, int, "int | None"], None]
SCORED, SCORED_ALREADY = "scored", "scored_already"
_SCORING = Text("商談の受注確率を算出しています", "Scoring the open deals")
_SAID = {
    SCORED: Text("{day}のスコアを{n:,}件保存しました。", "the scores of {n:,} deals of {day} are stored."),
    SCORED_ALREADY: Text("{day}のスコアは保存済みです。", "the scores of {day} are stored already."),
}


def store_scores_of_today(serving: ServingState, step: Step) -> dict[str, Any]:
    """Stores the scores of all open deals, once a day; what came of it, as the result of a job.

    The day is that of the organisation in which the moment lies. What is older than `KEPT_DAYS` is removed.
    """
    state = serving.current()
    zone = state.organisation(state.now).zone
    day = last_known_day(state.now, zone)
    count = 0
    code = SCORED_ALREADY if serving.store.has_deal_scores(day.isoformat()) else SCORED
    if code == SCORED:
        step(_SCORING, 0, None)
        forecast = serving.context_of(state, state.now, serving.period(state, None, state.now)).forecast
        rows = score_table(forecast, zone, state.info.version).to_dict("records")
        count = _store(serving.store, rows, state.now, day)
        step(_SCORING, count, count)
    said = _SAID[code].format(day=day_label(day), n=count)
    return {"day": day.isoformat(), "code": code, "deals": count, "ja": said.ja, "en": said.en}


def _store(store: Store, scores: list[dict[Any, Any]], as_of: int, day: date) -> int:
    kept_at = time.time_ns() // 1000
    columns = StoredScore.__dataclass_fields__.keys() - {"day", "as_of", "kept_at"}
    rows = [
        StoredScore(
            day=day.isoformat(), as_of=as_of, kept_at=kept_at, **{name: score[name] for name in columns}
        )
        for score in scores
    ]
    store.save_deal_scores(rows, (day - timedelta(days=KEPT_DAYS)).isoformat())
    return len(rows)
