"""Which attributes leak the outcome: filled in, or changed, only when a deal closes?"""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.eventlog import EventLog, codes_in, micros
from crm.i18n import Text
from crm.instants import DAY, NEVER
from crm.schema import TABLES
from crm.store.detected_changes import OBSERVER
from models.win.model import FEW_DEALS
from training.metrics import auc

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

# What is known from creation, or only from closing and never looked at before, needs no screen.
NOT_SCREENED = ("deal_id", "created_at", "closed_at", "outcome", "lost_reason", "currency", "name")
MAX_DEALS = 4000  # the latest created are compared
MIN_DEALS = 20  # on each side; with fewer there is no test
FILL_GAP, FILL_DOUBT = 0.15, 5.0  # share of filled rows: difference, and that many standard errors
OPEN_VALUE, CLOSED_VALUE = 0.25, 0.01  # a value this common while open, this rare once closed
ONE_OUTCOME, ONE_SIDED = 0.05, 0.002  # share filled for one outcome at least, for the other at most
TOO_GOOD = 0.9  # area under the curve above which an attribute alone was filled in after the outcome
CLOSING_DAY = 0.3  # share of closed deals whose expected date is the day of closing itself
STAGE_HISTORY, HISTORY = 0.5, 0.05  # share of closed deals with an event of it: its changes are recorded


@dataclass(frozen=True)
class Leak:
    """An attribute that is not used for prediction, and why."""

    attribute: str
    reason: str  # fill | value | one_outcome | too_good | no_history | closing_day | unscreened
    text: Text


def screen(log: EventLog, as_of: int) -> list[Leak]:
    """Attributes of deals without a history of changes that tell open from closed deals, or won from lost.

    Open and closed deals are compared within the same month of creation, so a column introduced recently is
    not mistaken for a leak. The company's own attributes are not used until enough deals have closed to
    screen them. `log` as it stood at `as_of`.
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
        recorded, seen = _changed(events, deals, name)
        filled = done & deals[name].notna().to_numpy()
        if name == "stage":
            # With fewer nothing is learned, and the stated prior may go by the stage as it is.
            if done.sum() >= FEW_DEALS and not (recorded | seen)[filled].mean() >= STAGE_HISTORY:
                leaks.append(_no_stage_history())
            continue
        if recorded.any() and (not filled.any() or recorded[filled].mean() >= HISTORY):
            continue
        # Changes seen by imports are a history of the deals since; those that closed before are looked at.
        doubt = ~(done & seen)
        leak = _leak(name, deals[doubt], created[doubt], done[doubt], recent[doubt], won[doubt], log.zone)
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
    """Deals (n,) with a recorded event of an attribute, and those with a change of it that an import saw."""
    changes = events[(events["field"] == name).to_numpy(bool)]
    rows = codes_in(changes["deal_id"], pd.Index(deals["deal_id"]))
    by_import = (changes["actor_id"] == OBSERVER).to_numpy(bool)
    recorded, seen = np.zeros(len(deals), bool), np.zeros(len(deals), bool)
    recorded[rows[(rows >= 0) & ~by_import]] = True
    seen[rows[(rows >= 0) & by_import]] = True
    return recorded, seen


def _fill_leak(
    name: str, values: pd.Series, created: NDArray[np.int64], done: Flags, recent: Flags
) -> Leak | None:
    filled = _is_filled(values)
    month = created // (30 * DAY)
    gap, variance, weight, open_fill, closed_fill = 0.0, 0.0, 0.0, 0.0, 0.0
    for stratum in np.unique(month[recent]):
        here = recent & (month == stratum)
        a, b = filled[here & ~done], filled[here & done]
        if not len(a) or not len(b):
            continue
        share = len(a) * len(b) / (len(a) + len(b))
        pooled = np.concatenate([a, b]).mean()
        gap += share * (b.mean() - a.mean())
        variance += share * pooled * (1.0 - pooled)
        open_fill += share * a.mean()
        closed_fill += share * b.mean()
        weight += share
    # Deals may hardly overlap in time (a short history): then all recent ones are compared at once.
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
    still, ended = values[recent & ~done].dropna().astype(str), values[recent & done].dropna().astype(str)
    if len(still) < MIN_DEALS or len(ended) < 5 * MIN_DEALS:
        return None
    shares = still.value_counts(normalize=True)
    after = ended.value_counts(normalize=True)
    for value, share in shares[shares >= OPEN_VALUE].items():
        rest = float(after.get(value, 0.0))
        if rest <= CLOSED_VALUE:
            return Leak(
                name,
                "value",
                Text(
                    "「{label}」の値「{value}」は、進行中の商談の{open:.0%}にありますが、決着した商談では{closed:.1%}です。"
                    "決着時に書き換えられる項目とみなし、予測に使っていません。",
                    "{label} is {value!r} in {open:.0%} of open deals but {closed:.1%} of closed ones. It "
                    "appears to be overwritten at closing, so it is not used for prediction.",
                ).format(label=_label(name), value=value, open=share, closed=rest),
            )
    return None


def _one_outcome(name: str, values: pd.Series, won: Flags, done: Flags) -> Leak | None:
    """Filled for one outcome only: why a deal was lost, to whom, what pleased the customer."""
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
    """Two halves: rates of winning by value learned on one rank the deals of the other."""
    if done.sum() < 5 * MIN_DEALS or won.sum() < MIN_DEALS or (done & ~won).sum() < MIN_DEALS:
        return None
    codes = _coded(values)[done]
    outcome = won[done].astype(np.float64)
    half = np.arange(len(codes)) % 2 == 0
    score = np.zeros(len(codes))
    for learn, judge in ((half, ~half), (~half, half)):
        size = np.bincount(codes[learn], minlength=codes.max() + 1)
        wins = np.bincount(codes[learn], outcome[learn], codes.max() + 1)
        score[judge] = ((wins + 5.0 * outcome[learn].mean()) / (size + 5.0))[codes[judge]]
    area = auc(score, outcome)
    if not area > TOO_GOOD:
        return None
    return Leak(
        name,
        "too_good",
        Text(
            "「{label}」だけで受注と失注がほぼわかります（AUC {auc:.2f}）。"
            "決着後に入力された値とみなし、予測に使っていません。",
            "{label} alone separates won from lost deals (AUC {auc:.2f}). It appears to be filled in after "
            "closing, so it is not used for prediction.",
        ).format(label=_label(name), auc=area),
    )


def _no_stage_history() -> Leak:
    return Leak(
        "stage",
        "no_history",
        Text(
            "ステージの変更履歴がないため、過去の時点のステージがわかりません。ステージを使わずに予測します。"
            "今後の変更を記録すれば、精度が上がります。",
            "There is no history of stages, so the stage at a past moment is unknown and is not used for "
            "prediction. Record changes from now on, and accuracy will improve.",
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
    """Values as codes from 0, numbers in 20 bins, unknown as a value of its own."""
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
