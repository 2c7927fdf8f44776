"""Which KPIs does the form accept? Those that are taken with their values, and those that are added."""

from __future__ import annotations

import math
from collections.abc import Mapping

from crm.errors import SanchoError
from service.pages.forms import Form
from service.pages.kpi_design.words import WORDS
from service.schemas import AcceptRequest
from service.schemas.kpi_sets import MAX_SET, ChosenKpi

ADDED = ("1", "2")  # names of the rows in which others are added


def accepted(form: Form) -> AcceptRequest:
    """The set that the form tells; raises for what cannot be one.

    >>> form = Form({"take": ["visits"], "value_visits": ["40"], "add_1": ["calls"], "added_1": ["90"]})
    >>> accepted(form).kpis
    [ChosenKpi(kpi='visits', value=40.0), ChosenKpi(kpi='calls', value=90.0)]
    """
    chosen = [(kpi, form.get(f"value_{kpi}", "")) for kpi in form.all_of("take")]
    chosen += [(form[f"add_{row}"], form.get(f"added_{row}", "")) for row in ADDED if form.get(f"add_{row}")]
    if not chosen:
        raise SanchoError(WORDS["none_chosen"], "bad_request")
    if len(chosen) > MAX_SET:
        raise SanchoError(WORDS["too_many"].format(n=len(chosen), most=MAX_SET), "bad_request")
    kpis = [ChosenKpi(kpi=kpi, value=_value(kpi, given)) for kpi, given in chosen]
    return AcceptRequest(kpis=kpis, reason=_reason(form))


def _reason(form: Mapping[str, str]) -> str | None:
    return form.get("reason", "").strip()[:2_000] or None


def _value(kpi: str, given: str) -> float:
    try:
        value = float(given)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise SanchoError(WORDS["bad_value"].format(kpi=kpi, given=given), "bad_request")
    return value
