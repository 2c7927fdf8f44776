"""Can a version of the model be trusted? What its training and the newest backtest have kept, in one answer.

Nothing is computed for it: the evaluation on later deals is the registry's, the tables are the backtest's,
drift is the last report of the monitoring.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crm.i18n import Language, Text
from crm.instants import DAY, iso
from service.cache import Cache
from service.interval_proof import IntervalProof, interval_proof
from service.kept_backtests import KeptBacktest, newest_backtest
from service.model_admin import ModelAdmin, evaluation_fields, version_fields
from service.quarantine import Quarantine
from service.serving_state import ServingState
from training.outcomes_by_chance import ChanceGroup, recorded_groups
from training.registry import ModelVersion
from training.registry_entry import CHAMPION

Recorded = tuple[ModelVersion, Mapping[str, Any] | None]
BETTER, SAME, WORSE = "better", "same", "worse"
_KEPT = 16  # versions whose evaluation, which never changes, is held
_SANCHO = "sancho"
_TOLD = 0.6  # the chance whose group is told in words: the nearest to it
_FEWEST = 30  # deals of a group that is told in words
_SENTENCE = Text(
    "{said}と予測した商談は、実際に{won}が受注しました（学習に使っていない商談{deals:,}件のうち{n:,}件）。",
    "Of the deals given {said}, {won} were won ({n:,} of {deals:,} deals the model had not learned from).",
)
_NO_SENTENCE = Text(
    "答え合わせのできる商談がまだ足りません。決着した商談が増えて再学習すると、ここに成績が出ます。",
    "Too few deals have closed to judge the predictions. Once more have and the model is retrained, "
    "the record appears here.",
)


class Proofs:
    """What is known of how good models and their intervals are."""

    def __init__(self, serving: ServingState, models: ModelAdmin, quarantine: Quarantine) -> None:
        self._serving, self._models, self._quarantine = serving, models, quarantine
        self._recorded: Cache[str, Mapping[str, Any] | None] = Cache(_KEPT)

    def proof(self, version: str, lang: Language) -> dict[str, Any]:
        """The proof of a version as REST answers it; drift is that of the version in service alone."""
        serving, state = self._serving, self._serving.current()
        info, evaluation = self._version(version)
        backtest = newest_backtest(serving.settings)
        groups = [] if evaluation is None else recorded_groups(evaluation)
        deals = 0 if evaluation is None else int(evaluation["deals"])
        newest = state.newest_deal_record
        zone = state.organisation(state.now).zone
        return {
            "version": version_fields(info),
            "summary": summary(groups, deals).to(lang),
            "reliability": None if not groups else {"deals": deals, "groups": [g.to_json() for g in groups]},
            "intervals": [
                {**vars(row), "verdict": row.verdict} for row in interval_proof(evaluation, backtest).rows
            ],
            "deal_methods": [] if evaluation is None else _deal_methods(evaluation, lang),
            "revenue_methods": [] if backtest is None else _revenue_methods(backtest, lang),
            "targets": [] if backtest is None else [vars(group) for group in backtest.targets],
            "backtest": None
            if backtest is None
            else {
                "made_at": backtest.made_at.astimezone(zone).isoformat(timespec="seconds"),
                "periods": list(backtest.periods),
            },
            "data": {
                "newest_deal_record": iso(newest, zone),
                "days_old": max((state.now - newest) // DAY, 0),
                "quarantined_rows": self._quarantine.count(),
                "findings": [
                    {"code": one["code"], "serious": one["serious"], "message": one[lang]}
                    for one in (evaluation or {}).get("findings", ())
                ],
            },
            "monitoring": self._models.monitoring(lang) if info.champion else None,
            **serving.metadata(state, state.now, lang),
        }

    def intervals(self) -> IntervalProof:
        """Which intervals may be shown now; for pages, reports and what is written back."""
        info = self._serving.model_info()
        evaluation = None if info is None else self._version(info.version)[1]
        return interval_proof(evaluation, newest_backtest(self._serving.settings))

    def backtest(self) -> KeptBacktest | None:
        """The newest backtest of this installation."""
        return newest_backtest(self._serving.settings)

    def _version(self, version: str) -> Recorded:
        """A version as it is registered now, and its evaluation; that of the one in service is read once."""
        info = self._serving.model_info()
        if info is None or version not in (info.version, CHAMPION):
            return self._serving.registry.evaluation(version)
        return info, self._recorded.get(info.version, lambda: self._serving.registry.evaluation_of(info))


def summary(groups: Sequence[ChanceGroup], deals: int) -> Text:
    """The record in one sentence: what came of the deals whose chance was nearest to 60 %."""
    told = [group for group in groups if group.count >= _FEWEST]
    if not told:
        return _NO_SENTENCE
    one = min(told, key=lambda group: abs(group.predicted - _TOLD))
    return _SENTENCE.format(
        said=f"{one.predicted:.0%}", won=f"{one.observed:.0%}", n=one.count, deals=max(deals, one.count)
    )


def _deal_methods(evaluation: Mapping[str, Any], lang: Language) -> list[dict[str, Any]]:
    """Methods on the same later deals, by their mean log loss; the difference is the model's minus theirs."""
    return [
        {
            "name": method["name"],
            "label": method["label"],
            "score": method["log_loss"],
            **_compared(method["log_loss_difference"]),
        }
        for method in evaluation_fields(evaluation, lang)["methods"]
    ]


def _revenue_methods(backtest: KeptBacktest, lang: Language) -> list[dict[str, Any]]:
    """Methods on the same forecasts of the company's revenue: mean error (CRPS) as a share of it."""
    table = backtest.revenue.get("company")
    if table is None or not table["methods"] or not table["mean_actual"]:
        return []
    size = table["mean_actual"]
    rows = []
    for name, scores in table["methods"].items():
        gap = table["against"].get(name, {}).get("crps")
        share = None if gap is None else {end: _share(gap[end], size) for end in ("mean", "lo", "hi")}
        rows.append(
            {
                "name": name,
                "label": backtest.labels[name][lang],
                "score": _share(scores["crps"]["mean"], size),
                **_compared(share),
            }
        )
    return rows


def _share(value: float | None, size: float) -> float | None:
    return None if value is None else value / size


def _compared(gap: Mapping[str, float | None] | None) -> dict[str, Any]:
    """The model's score minus a method's, and what it says; below 0 = the model is better."""
    if gap is None or gap["lo"] is None or gap["hi"] is None:
        return {"difference": None, "verdict": None}
    verdict = BETTER if gap["hi"] < 0 else WORSE if gap["lo"] > 0 else SAME
    return {"difference": dict(gap), "verdict": verdict}
