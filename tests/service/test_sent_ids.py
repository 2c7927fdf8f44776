"""Are ids in a request texts, whatever their type in JSON, and are dates beyond our time refused?"""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from crm.errors import SanchoError
from crm.instants import as_of_instant
from crm.periods import parse_period
from service.schemas import CheckRequest, ScoreRequest, WhatIfRequest
from service.settings import Settings

LONG = 4876876000000624003


def request(**deal: Any) -> dict[str, Any]:
    return {"deal": {"deal_id": "X", "created_at": "2026-10-01", "stage": "アポイント"} | deal}


def test_a_number_as_id_keeps_all_its_digits() -> None:
    body = request(deal_id=LONG, owner_id=7, account_id="007")
    deal: Any = ScoreRequest.model_validate(body).deal
    assert (deal.deal_id, deal.owner_id, deal.account_id) == (str(LONG), "7", "007")


@pytest.mark.parametrize("deal_id", [float(LONG), True, None, ["X"], ""])
def test_what_is_neither_text_nor_a_whole_number_is_no_id(deal_id: object) -> None:
    with pytest.raises(ValidationError, match="deal_id"):
        ScoreRequest.model_validate(request(deal_id=deal_id))


@pytest.mark.parametrize("text", ["9999-12-31", "0001-01-01", "2200-01-01T00:00", "2026-06-30T23:59:60Z"])
def test_a_moment_beyond_our_time_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(SanchoError, match="as of: cannot read"):
        as_of_instant(text, Settings().zone)


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
def test_a_day_beyond_our_time_is_refused_in_a_request(day: str) -> None:
    with pytest.raises(ValidationError, match="1900 to 2199"):
        CheckRequest.model_validate({"proposals": [{"kpi": "leads", "last_reviewed": day}]})
    with pytest.raises(ValidationError, match="1900 to 2199"):
        WhatIfRequest.model_validate({"joining": [{"start": day}]})


@pytest.mark.parametrize(
    "name", ["9999-Q4", "9999-12", "FY9999", "0001-01-01..0001-01-02", "9999-W52", "9999"]
)
def test_a_period_beyond_our_time_is_refused_in_a_sentence(name: str) -> None:
    with pytest.raises(SanchoError, match="period: cannot read"):
        parse_period(name)
