"""What do the answers of a model that was not shown say of it, beside those of the one in service?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crm.eventlog import EventLog
from crm.i18n import Text
from crm.instants import DAY
from crm.store import ShadowAnswer
from features import History
from features.arrays import Floats, Ints
from training.comparison import Comparison, LaterRows, compare, origin_of
from training.snapshots import cycle_of, deal_outcomes, make_rows

FAR = 0.05  # a difference of two chances that is told apart: five points
_SHARES = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class ShadowReport:
    """How often and how far two models' answers differ, all and by stage; who is right, by outcomes.

    `comparison`: A is the one that was not shown; on the answered rows whose outcome is known, None = none.
    """

    answers: int
    deals: int
    first: int | None
    last: int | None
    in_the_end: dict[str, float | None]
    by_period_end: dict[str, float | None]
    stages: list[dict[str, Any]]
    comparison: Comparison | None

    def text(self, version: str) -> Text:
        """What the answers say of the version that was not shown, as a sentence."""
        if not self.answers:
            return _NO_ANSWERS.format(v=version)
        if self.comparison is None:
            return _NO_OUTCOMES.format(v=version, n=self.answers)
        gap = self.comparison.difference
        return _VERDICTS[self.comparison.verdict].format(
            v=version,
            n=self.comparison.deals,
            gap=Text("–", "–") if not np.isfinite(gap.mean) else str(gap),
        )


def shadow_report(
    answers: Sequence[ShadowAnswer], past: EventLog, history: History, now: int
) -> ShadowReport:
    """The report on a shadow's answers, by what is known at `now`."""
    shown = np.array([(one.ever, one.by_end) for one in answers]).reshape(-1, 2)
    beside = np.array([(one.shadow_ever, one.shadow_by_end) for one in answers]).reshape(-1, 2)
    gap = beside - shown
    stage = np.array([one.stage for one in answers], object)
    return ShadowReport(
        answers=len(answers),
        deals=len({one.deal_id for one in answers}),
        first=min((one.as_of for one in answers), default=None),
        last=max((one.as_of for one in answers), default=None),
        in_the_end=_spread(gap[:, 0]),
        by_period_end=_spread(gap[:, 1]),
        stages=[
            {"stage": str(name), "answers": int((stage == name).sum()), **_spread(gap[stage == name, 0])}
            for name in sorted(set(stage.tolist()))
        ],
        comparison=_comparison(answers, shown, beside, past, history, now),
    )


def _spread(gap: Floats) -> dict[str, float | None]:
    """The distribution of shadow minus shown: mean, mean size, quantiles, share beyond five points."""
    if not len(gap):
        return {"mean": None, "mean_size": None, "p10": None, "p50": None, "p90": None, "beyond_5pp": None}
    low, middle, high = np.quantile(gap, _SHARES).tolist()
    return {
        "mean": float(gap.mean()),
        "mean_size": float(np.abs(gap).mean()),
        "p10": low,
        "p50": middle,
        "p90": high,
        "beyond_5pp": float((np.abs(gap) > FAR).mean()),
    }


def _comparison(
    answers: Sequence[ShadowAnswer],
    shown: Floats,
    beside: Floats,
    past: EventLog,
    history: History,
    now: int,
) -> Comparison | None:
    """Both models on exactly the answered rows whose outcome is known; of deals that are stored.

    Each answer is two questions: by the period's end, and in the end, once it is known as in training.
    """
    number = history.deal_ids.get_indexer(pd.Index([one.deal_id for one in answers], dtype=object))
    known = np.flatnonzero(number >= 0)
    if not len(known):
        return None
    deal = number[known].astype(np.int64)
    at = np.array([answers[one].as_of for one in known.tolist()], np.int64)
    end = np.array([answers[one].period_end for one in known.tolist()], np.int64)
    outcomes = deal_outcomes(past, history)
    cycle = cycle_of(outcomes, now)
    left = (end - at) / DAY
    row, which, horizon, matures = _ripe(left, (now - at) / DAY, cycle.ever_days, cycle.longest_days)
    if not len(row):
        return None
    rows = make_rows(outcomes, deal, at, np.zeros((len(deal), 0)), (row, horizon, matures), cycle, now)
    asked = LaterRows(rows.won, np.ones(len(row)), deal[row], origin_of(at[row]))
    a, b = (one[known][row, which] for one in (beside, shown))
    return compare(a, b, asked, np.random.default_rng(0))


def _ripe(
    left: Floats, passed: Floats, ever_days: float, longest_days: float
) -> tuple[Ints, Ints, Floats, Floats]:
    """Questions whose outcome is known: row, chance (0 in the end, 1 by the end), horizon, ripe after."""
    count = len(left)
    row = np.tile(np.arange(count), 2)
    which = np.repeat([0, 1], count)
    horizon = np.concatenate([np.full(count, ever_days), left])
    matures = np.concatenate([np.full(count, longest_days), left])
    use = (matures <= passed[row]) & (horizon > 0)
    return row[use].astype(np.int64), which[use].astype(np.int64), horizon[use], matures[use]


_NO_ANSWERS = Text(
    "バージョン{v}（シャドー）の回答はまだありません。",
    "Version {v} has not answered anything yet.",
)
_NO_OUTCOMES = Text(
    "バージョン{v}（シャドー）は{n}回答えましたが、結果が分かった商談はまだありません。",
    "Version {v} has answered {n} times; no outcome of these deals is known yet.",
)
_VERDICTS = {
    "better": Text(
        "バージョン{v}（シャドー）は、使用中のモデルより予測誤差が小さいと言えます"
        "（商談{n}件、対数損失の差 {gap}）。",
        "Version {v} is better than what was shown ({n} deals, log loss {gap}).",
    ),
    "not_worse": Text(
        "バージョン{v}（シャドー）は、使用中のモデルに劣りません（商談{n}件、対数損失の差 {gap}）。",
        "Version {v} is not worse than what was shown ({n} deals, log loss {gap}).",
    ),
    "worse": Text(
        "バージョン{v}（シャドー）は、使用中のモデルより劣ります（商談{n}件、対数損失の差 {gap}）。",
        "Version {v} is worse than what was shown ({n} deals, log loss {gap}).",
    ),
    "cannot_tell": Text(
        "バージョン{v}（シャドー）と使用中のモデルの優劣は、まだ判断できません"
        "（商談{n}件、対数損失の差 {gap}）。",
        "Outcomes cannot tell version {v} and what was shown apart yet ({n} deals, log loss {gap}).",
    ),
}
