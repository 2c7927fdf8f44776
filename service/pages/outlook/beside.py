"""What stands beside the claim on 見通し? What came of like ones, and whether data are few."""

from __future__ import annotations

from typing import Any

from crm.i18n import Language
from models.forecast.organisation import COMPANY
from service.kept_backtests import KeptBacktest
from service.pages.outlook.words import WORDS


def beside_view(
    lang: Language,
    probability: str | None,
    scope: str,
    backtest: KeptBacktest | None,
    few_deals: tuple[int, int] | None,
) -> dict[str, Any]:
    """A sentence of the track record about like chances of the company, and one of too few deals."""
    record = few = None
    if backtest is not None and probability is not None and scope == COMPANY:
        group = backtest.target_group(float(probability))
        if group is not None:
            low, high = round(100 * group.low), round(100 * group.high)
            said = WORDS["record"].format(low=low, high=high, n=group.forecasts, k=group.reached)
            record = said.to(lang)
    if few_deals is not None:
        closed, enough = few_deals
        few = WORDS["few_deals"].format(n=closed, more=enough - closed).to(lang)
    return {"record": record, "few": few}
