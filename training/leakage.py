"""Which attributes leak the outcome: filled in, or changed, only when a deal closes?"""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.eventlog import EventLog
from crm.frames import codes_in, micros
from crm.i18n import Text
from crm.instants import DAY, NEVER
from crm.schema import TABLES
from crm.store.detected_changes import OBSERVER
from features.arrays import Flags
from models.win.model import FEW_DEALS
from training.metrics import auc

# Attributes known from creation, and attributes of closing that are never used before it, are not screened.
NOT_SCREENED = ("deal_id", "created_at", "closed_at", "outcome", "lost_reason", "currency", "name")
MAX_DEALS = 4000  # the most recently created deals that are compared
MIN_DEALS = 20  # on each side; with fewer there is no test
FILL_GAP, FILL_DOUBT = 0.15, 5.0  # difference in the share filled in: itself, and in standard errors
OPEN_VALUE, CLOSED_VALUE = 0.25, 0.01  # share of a value among open deals at least, among closed at most
ONE_OUTCOME, ONE_SIDED = 0.05, 0.002  # share filled in: for one outcome at least, for the other at most
TOO_GOOD = 0.9  # AUC above which an attribute must have been filled in after the outcome
CLOSING_DAY = 0.3  # share of closed deals whose date is the day of closing
STAGE_HISTORY, HISTORY = 0.5, 0.05  # share of closed deals with an event of the attribute


@dataclass(frozen=True)
class Leak:
    """An attribute that is not used for prediction, and why."""

    attribute: str
    reason: str  # fill | value | one_outcome | too_good | no_history | closing_day | unscreened
    text: Text


def screen(log: EventLog, as_of: int) -> list[Leak]:
    """Attributes without a history of changes that separate open from closed deals, or won from lost ones.

    Open and closed deals are compared within the same month of creation, so a recently introduced column is
    not mistaken for a leak. The company's own attributes are not used until enough deals have closed to
    screen them. `log`: as of `as_of`.
    """
    deals = log["deals"]
    created, closed = micros(deals["created_at"]), micros(deals["closed_at"])
    done = (closed != NEVER) & (closed < as_of)
    recent = np.zeros(len(deals), bool)
    recent[np.argsort(-created, kind="stable")[:MAX_DEALS]] = True
    won = (deals["outcome"] == "won").to_numpy() & done
    events = log["deal_events"]
    known = TABLES["deals"].by_name
    enough = done.sum() >= 5 * MIN_DEALS and MIN_DEALS <= won.sum() <= done.sum() - MIN_DEALS
    leaks = []
    for name in deals.columns:
        if name in NOT_SCREENED:
            continue
        recorded, detected = _changed(events, deals, name)
        filled = done & deals[name].notna().to_numpy()
        if name == "stage":
            # With fewer closed deals nothing is fitted, and the stated prior may use the stage as it is.
            if done.sum() >= FEW_DEALS and not (recorded | detected)[filled].mean() >= STAGE_HISTORY:
                leaks.append(_no_stage_history())
            continue
        if recorded.any() and (not filled.any() or recorded[filled].mean() >= HISTORY):
            continue
        # Changes detected by imports are a history of those deals; only the other deals are screened.
        use = ~(done & detected)
        leak = _leak(name, deals[use], created[use], done[use], recent[use], won[use], log.zone)
        if leak is None and not enough and name not in known:
            leak = _unscreened(name)
        if leak is not None:
            leaks.append(leak)
    return leaks


def _leak(
    name: str,
    deals: pd.DataFrame,
    created: NDArray[np.int64],
    done: Flags,
    recent: Flags,
    won: Flags,
    zone: ZoneInfo,
) -> Leak | None:
    values = deals[name]
    return (
        _closing_day(name, deals, done, zone)
        or _fill_leak(name, values, created, done, recent)
        or _value_leak(name, values, done, recent)
        or _one_outcome(name, values, won, done)
        or _too_good(name, values, won, done)
    )


def _changed(events: pd.DataFrame, deals: pd.DataFrame, name: str) -> tuple[Flags, Flags]:
    """Deals (n,) with a recorded change of an attribute, and those with a change that an import detected."""
    changes = events[(events["field"] == name).to_numpy(bool)]
    rows = codes_in(changes["deal_id"], pd.Index(deals["deal_id"]))
    by_import = (changes["actor_id"] == OBSERVER).to_numpy(bool)
    recorded, detected = np.zeros(len(deals), bool), np.zeros(len(deals), bool)
    recorded[rows[(rows >= 0) & ~by_import]] = True
    detected[rows[(rows >= 0) & by_import]] = True
    return recorded, detected


def _fill_leak(
    name: str, values: pd.Series, created: NDArray[np.int64], done: Flags, recent: Flags
) -> Leak | None:
    filled = _is_filled(values)
    month = created // (30 * DAY)
    gap, variance, weight, open_fill, closed_fill = 0.0, 0.0, 0.0, 0.0, 0.0
    for stratum in np.unique(month[recent]):
        in_month = recent & (month == stratum)
        a, b = filled[in_month & ~done], filled[in_month & done]
        if not len(a) or not len(b):
            continue
        share = len(a) * len(b) / (len(a) + len(b))
        pooled = np.concatenate([a, b]).mean()
        gap += share * (b.mean() - a.mean())
        variance += share * pooled * (1.0 - pooled)
        open_fill += share * a.mean()
        closed_fill += share * b.mean()
        weight += share
    # In a short history open and closed deals hardly share a month: then all recent ones are compared.
    if weight < MIN_DEALS / 2:
        a, b = filled[recent & ~done], filled[recent & done]
        if len(a) < MIN_DEALS or len(b) < MIN_DEALS:
            return None
        weight = len(a) * len(b) / (len(a) + len(b))
        pooled = np.concatenate([a, b]).mean()
        gap, variance = weight * (b.mean() - a.mean()), weight * pooled * (1.0 - pooled)
        open_fill, closed_fill = weight * a.mean(), weight * b.mean()
    if abs(gap / weight) < FILL_GAP or abs(gap) < FILL_DOUBT * np.sqrt(variance + 1e-12):
        return None
    return Leak(
        name,
        "fill",
        Text(
            "「{label}」は、進行中の商談では{open:.0%}、同じ月に作成され決着した商談では{closed:.0%}で入力されています。"
            "決着時に入力される項目とみなし、予測に使っていません。変更履歴があれば使えます。",
            "{label} is filled in for {open:.0%} of open deals but {closed:.0%} of closed ones created in "
            "the same months. It appears to be filled in at closing, so it is not used for prediction. "
            "With a history of changes it can be used.",
        ).format(label=_label(name), open=open_fill / weight, closed=closed_fill / weight),
    )


def _closing_day(name: str, deals: pd.DataFrame, done: Flags, zone: ZoneInfo) -> Leak | None:
    """A date that many CRMs overwrite with the day of closing."""
    values = deals[name]
    if not pd.api.types.is_datetime64_any_dtype(values.dtype):
        return None
    known = done & values.notna().to_numpy()
    if known.sum() < MIN_DEALS:
        return None
    day = deals["closed_at"].dt.tz_convert(zone).dt.tz_localize(None).dt.normalize()
    same = float((values[known] == day[known]).mean())
    if same < CLOSING_DAY:
        return None
    return Leak(
        name,
        "closing_day",
        Text(
            "「{label}」は、決着した商談の{same:.0%}で決着した日と同じです。"
            "決着時に書き換えられる項目とみなし、予測に使っていません。変更履歴があれば使えます。",
            "{label} equals the day of closing in {same:.0%} of closed deals. It appears to be overwritten "
            "at closing, so it is not used for prediction. With a history of changes it can be used.",
        ).format(label=_label(name), same=same),
    )


def _value_leak(name: str, values: pd.Series, done: Flags, recent: Flags) -> Leak | None:
    if pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_datetime64_any_dtype(values.dtype):
        return None
    open_values = values[recent & ~done].dropna().astype(str)
    closed_values = values[recent & done].dropna().astype(str)
    if len(open_values) < MIN_DEALS or len(closed_values) < 5 * MIN_DEALS:
        return None
    open_shares = open_values.value_counts(normalize=True)
    closed_shares = closed_values.value_counts(normalize=True)
    for value, open_share in open_shares[open_shares >= OPEN_VALUE].items():
        closed_share = float(closed_shares.get(value, 0.0))
        if closed_share <= CLOSED_VALUE:
            return Leak(
                name,
                "value",
                Text(
                    "「{label}」の値「{value}」は、進行中の商談の{open:.0%}にありますが、決着した商談では{closed:.1%}です。"
                    "決着時に書き換えられる項目とみなし、予測に使っていません。",
                    "{label} is {value!r} in {open:.0%} of open deals but {closed:.1%} of closed ones. It "
                    "appears to be overwritten at closing, so it is not used for prediction.",
                ).format(label=_label(name), value=value, open=open_share, closed=closed_share),
            )
    return None


def _one_outcome(name: str, values: pd.Series, won: Flags, done: Flags) -> Leak | None:
    """Filled in for one outcome only, such as the reason of a loss or the winning competitor."""
    filled = _is_filled(values)
    sides = (filled[won], filled[done & ~won])
    if min(len(side) for side in sides) < MIN_DEALS:
        return None
    of_won, of_lost = (float(side.mean()) for side in sides)
    if min(of_won, of_lost) > ONE_SIDED or max(of_won, of_lost) < ONE_OUTCOME:
        return None
    return Leak(
        name,
        "one_outcome",
        Text(
            "「{label}」は、受注した商談の{won:.1%}、失注した商談の{lost:.1%}で入力されています。"
            "結果が決まってから入力される項目とみなし、予測に使っていません。",
            "{label} is filled in for {won:.1%} of won and {lost:.1%} of lost deals. It appears to be filled "
            "in once the outcome is known, so it is not used for prediction.",
        ).format(label=_label(name), won=of_won, lost=of_lost),
    )


def _too_good(name: str, values: pd.Series, won: Flags, done: Flags) -> Leak | None:
    """The AUC of win rates by value, computed on one half of the deals and applied to the other."""
    if done.sum() < 5 * MIN_DEALS or won.sum() < MIN_DEALS or (done & ~won).sum() < MIN_DEALS:
        return None
    codes = _coded(values)[done]
    outcome = won[done].astype(np.float64)
    half = np.arange(len(codes)) % 2 == 0
    score = np.zeros(len(codes))
    for fitted, scored in ((half, ~half), (~half, half)):
        size = np.bincount(codes[fitted], minlength=codes.max() + 1)
        wins = np.bincount(codes[fitted], outcome[fitted], codes.max() + 1)
        score[scored] = ((wins + 5.0 * outcome[fitted].mean()) / (size + 5.0))[codes[scored]]
    area_under_curve = auc(score, outcome)
    if not area_under_curve > TOO_GOOD:
        return None
    return Leak(
        name,
        "too_good",
        Text(
            "「{label}」だけで受注と失注がほぼわかります（AUC {auc:.2f}）。"
            "決着後に入力された値とみなし、予測に使っていません。",
            "{label} alone separates won from lost deals (AUC {auc:.2f}). It appears to be filled in after "
            "closing, so it is not used for prediction.",
        ).format(label=_label(name), auc=area_under_curve),
    )


def _no_stage_history() -> Leak:
    return Leak(
        "stage",
        "no_history",
        Text(
            "ステージの変更履歴がないため、過去の時点のステージがわかりません。ステージを使わずに予測します。"
            "今後の変更を記録すれば、精度が上がります。",
            "There is no history of stages, so the stage at a past moment is unknown and is not used for "
            "prediction. Record changes from now on to improve accuracy.",
        ),
    )


def _unscreened(name: str) -> Leak:
    return Leak(
        name,
        "unscreened",
        Text(
            "決着した商談が少なく、「{label}」が決着時に入力される項目かどうかをまだ判断できないため、使わずに予測します。",
            "Too few deals have closed to tell whether {label} is filled in at closing; it is not used yet.",
        ).format(label=_label(name)),
    )


def _coded(values: pd.Series) -> NDArray[np.int64]:
    """Values as codes from 0: numbers in 20 bins, unknown as a separate value."""
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        values = values.isna().astype("str")
    if pd.api.types.is_numeric_dtype(values.dtype) and values.nunique() > 20:
        numbers = values.to_numpy(float, na_value=np.nan)
        edges = np.unique(np.nanquantile(numbers, np.linspace(0.05, 0.95, 19)))
        binned = np.searchsorted(edges, numbers) + 1
        return np.where(np.isnan(numbers), 0, binned).astype(np.int64)
    return np.asarray(pd.factorize(values.astype(object), use_na_sentinel=True)[0] + 1, np.int64)


def _is_filled(values: pd.Series) -> Flags:
    blank = values.isna()
    if not (
        pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_datetime64_any_dtype(values.dtype)
    ):
        blank |= values.astype(str).str.strip() == ""
    out: Flags = ~blank.to_numpy(bool)
    return out


def _label(name: str) -> Text:
    known = TABLES["deals"].by_name
    return known[name].label if name in known else Text(name, name)
