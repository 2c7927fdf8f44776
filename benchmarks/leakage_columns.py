"""Which columns that know the ending, and which honest ones, does the study of the leak screen plant?

A planted column is what a CRM's export would hold: for open deals what it shows today, for ended deals what
was left in it. An honest column was known at creation, or has its history; some tell a lot about winning or
about how long a deal will take, some drift.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from scipy.special import ndtri
from scipy.stats import rankdata

from crm.eventlog import EventLog
from crm.frames import codes_in, micros
from crm.instants import DAY, NEVER

TOKYO = ZoneInfo("Asia/Tokyo")
WORLDS_OWN = {"確度": "probability", "受注理由": "filled at closing", "競合受注": "filled at closing"}
"""Columns of a simulated world that know the ending, by kind."""


@dataclass(frozen=True)
class Past:
    """The deals (n,) of a log as of `cut`, and what the world knows of them: outcome and length of life."""

    log: EventLog
    cut: int
    won: np.ndarray  # in the end
    days: np.ndarray  # from creation to the ending, or to the end of the world
    rng: np.random.Generator

    @cached_property
    def deals(self) -> pd.DataFrame:
        """The rows of deals."""
        return self.log["deals"]

    @cached_property
    def created(self) -> np.ndarray:
        """Instants of creation."""
        return micros(self.deals["created_at"])

    @cached_property
    def ended(self) -> np.ndarray:
        """Deals that had ended by the cut-off."""
        closed = micros(self.deals["closed_at"])
        return (closed != NEVER) & (closed < self.cut)

    @cached_property
    def until(self) -> np.ndarray:
        """The closing, or today."""
        return np.where(self.ended, micros(self.deals["closed_at"]), self.cut)

    @cached_property
    def lived(self) -> np.ndarray:
        """Days from creation until then."""
        return (self.until - self.created) / DAY

    @cached_property
    def is_won(self) -> np.ndarray:
        """Won by the cut-off, as the export says."""
        return self.ended & (self.deals["outcome"] == "won").to_numpy(bool)

    @cached_property
    def strength(self) -> np.ndarray:
        """A normal number that goes with winning in the end."""
        return 1.2 * self.won + self.rng.normal(size=len(self.won))

    @cached_property
    def slowness(self) -> np.ndarray:
        """A normal number that goes with the length of life in the end."""
        rank = ndtri((rankdata(self.days) - 0.5) / len(self.days))
        return 0.45 * rank + 0.9 * self.rng.normal(size=len(self.days))

    def rows_of(self, table: str) -> tuple[np.ndarray, np.ndarray]:
        """Deal and instant of the rows of a table that lie before each deal's ending (or today)."""
        frame = self.log[table]
        row, at = codes_in(frame["deal_id"], pd.Index(self.deals["deal_id"])), micros(frame["at"])
        use = (row >= 0) & (at <= np.append(self.until, 0)[row])
        return row[use], at[use]

    def moments(self, at: np.ndarray, form: str) -> np.ndarray:
        """Instants as text."""
        local = pd.Series(pd.to_datetime(at.astype(np.int64), unit="us", utc=True)).dt.tz_convert(TOKYO)
        return local.dt.strftime(form).to_numpy(dtype=object)


Columns = dict[str, object]


def known_to(filled: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The values where a column is filled in, None elsewhere."""
    return pd.Series(values, dtype=object).where(pd.Series(filled), None).to_numpy(dtype=object)


def leaking(past: Past) -> dict[str, dict[str, object]]:
    """Columns of deals that know the ending, by kind and name."""
    rng, n = past.rng, len(past.created)
    open_ = ~past.ended
    contacts, contact_at = past.rows_of("activities")
    count = np.bincount(contacts, minlength=n)
    last = past.created.copy()
    np.maximum.at(last, contacts, contact_at)
    field = past.log["deal_events"]["field"]
    row = codes_in(past.log["deal_events"]["deal_id"], pd.Index(past.deals["deal_id"]))
    at = micros(past.log["deal_events"]["at"])
    stage = (field == "stage").to_numpy(bool) & (row >= 0) & (at < np.append(past.until, 0)[row])
    entered = past.created.copy()
    np.maximum.at(entered, row[stage], at[stage])
    pushes = np.bincount(row[(field == "expected_close_date").to_numpy(bool) & (row >= 0)], minlength=n)
    touched = np.where(past.ended, past.until + rng.exponential(6, n) * DAY, np.maximum(last, entered))
    touched = np.minimum(touched, past.cut - 1).astype(np.int64)
    plan = past.deals["expected_close_date"].to_numpy("datetime64[us]").astype(np.int64)
    plan = np.where(plan == NEVER, past.created + 60 * DAY, plan)
    period = pd.Series(pd.to_datetime(np.where(past.ended, past.until, plan), unit="us"))
    quarter = "FY" + period.dt.year.astype(str) + "-Q" + period.dt.quarter.astype(str)
    half = period.dt.year.astype(str) + "年度" + np.where(period.dt.month <= 6, "上期", "下期")
    position = past.deals["stage"].astype(object).map(
        past.log["stages"].assign(stage=lambda f: f["stage"].astype(object)).set_index("stage")["position"]
    ).astype(float).fillna(1).to_numpy()  # fmt: skip
    by_stage = np.array([0, 10, 20, 40, 60, 80, 100, 0])[position.astype(int)]
    chance = np.where(past.is_won, 100, np.where(past.ended, 0, by_stage))
    score = np.where(open_, 20 + 8 * position + 12 * rng.normal(size=n),
                     np.where(past.is_won, 60, 38) + 15 * rng.normal(size=n))  # fmt: skip
    approval = rng.random(n) < np.where(past.ended, 0.7, 0.05)
    approved = known_to(approval, rng.choice(["部長", "課長", "役員"], n))
    blank = pd.Series(np.where(past.ended, np.floor(past.lived), np.nan))
    return {
        "age": {"経過日数": np.floor(past.lived), "経過日数（文字）": [f"{int(d)}日" for d in past.lived],
            "経過時間": np.rint(past.lived * 24)},
        "cycle": {
            "商談期間": np.rint(past.lived * 5 / 7 + rng.normal(0, 2, n)).clip(0),
            "リードタイム": blank,
        },
        "stage duration": {"最終ステージ滞在日数": np.floor((past.until - entered) / DAY)},
        "counters": {"活動数": count.astype(float), "予定日変更回数": pushes.astype(float)},
        "last modified as text": {
            "最終更新": past.moments(touched, "%Y-%m-%d %H:%M:%S"),
            "更新日": past.moments(touched, "%Y/%m/%d"),
            "更新日シリアル": np.floor(touched / DAY) + 25_569,
        },
        "fiscal period": {
            "決算四半期": quarter.to_numpy(dtype=object),
            "計上半期": half.to_numpy(dtype=object),
        },
        "probability": {"見込確率": chance.astype(float)},
        "score": {"AIスコア": np.clip(np.rint(score), 0, 100)},
        "roll-ups": {"未完了タスク数": rng.poisson(np.where(past.ended, 0.2, 2.0)).astype(float)},
        "one-hot of the ending": {"IsWon": past.is_won, "IsClosed": past.ended},
        "frozen after closing": {"無活動日数": np.floor((past.until - last) / DAY)},
        "filled at closing": {"決裁承認者": approved},
    }  # fmt: skip


def leaking_accounts(past: Past) -> dict[str, dict[str, object]]:
    """Columns of accounts that know what was won, by kind and name."""
    accounts = past.log["accounts"]
    row = codes_in(past.deals["account_id"], pd.Index(accounts["account_id"]))
    won = past.is_won & (row >= 0)
    total = np.bincount(row[won], np.nan_to_num(past.deals["amount"].to_numpy(float))[won], len(accounts))
    bought = np.bincount(row[won], minlength=len(accounts)) > 0
    other = past.rng.random(len(accounts)) < 0.04
    kind = np.where(bought ^ (other & ~bought), "Customer", "Prospect")
    last = np.full(len(accounts), NEVER)
    np.maximum.at(last, row[won], past.until[won])
    day = known_to(bought, past.moments(np.where(bought, last, 0), "%Y-%m-%d"))
    return {"an account's type": {"type": kind}, "roll-ups": {"累計受注額": total, "最終受注日": day}}


def overwritten_activities(past: Past) -> pd.DataFrame:
    """Activities whose flag `effective` is set once their deal has been won, and cleared once it was lost."""
    frame = past.log["activities"]
    row = codes_in(frame["deal_id"], pd.Index(past.deals["deal_id"]))
    won, lost = (np.append(side, False)[row] for side in (past.is_won, past.ended & ~past.is_won))
    changed = past.rng.random(len(frame)) < 0.7
    flag = frame["effective"].astype(object).where(~(won & changed), True)
    return frame.assign(effective=flag.where(~(lost & changed), False).astype("boolean"))


def honest(past: Past) -> Columns:
    """Columns of deals that were known at creation."""
    rng, n = past.rng, len(past.created)
    since = (past.created - past.created.min()) / DAY
    end_of_year = pd.Series(pd.to_datetime(past.created + rng.uniform(0, 365, n) * DAY, unit="us"))
    fiscal_end = (end_of_year + pd.offsets.MonthEnd(0)).dt.strftime("%Y-%m-%d").to_numpy(dtype=object)
    size = 0.6 * past.slowness + 0.4 * past.strength + 0.7 * rng.normal(size=n)
    wanted = past.created + (45 + 25 * past.slowness + 10 * rng.normal(size=n)).clip(3) * DAY
    budget = np.exp(14 + 0.5 * past.slowness + rng.normal(size=n))
    no_budget = rng.random(n) < np.where(past.strength > 0.8, 0.15, 0.4)
    rivals = np.array(["A社", "B社", "C社"])[np.digitize(past.strength + rng.normal(size=n), [0, 1])]
    newly = past.created > past.cut - 200 * DAY
    campaign = np.floor((since + rng.normal(0, 12, n)).clip(0) / 90).astype(int)
    return {
        "会社規模": np.array(["小", "中", "大", "特大"])[np.digitize(size, [-0.5, 0.5, 1.2])],
        "競合製品": known_to(rng.random(n) >= 0.4, rivals),
        "訪問地域": rng.choice(["東京", "大阪", "名古屋", "福岡", "札幌", "仙台"], n),
        "リードスコア": np.rint(50 + 15 * past.strength),
        "顧客決算日": fiscal_end,
        "予算": np.where(no_budget, np.nan, np.rint(budget)),
        "人数": np.rint(np.exp(4 + rng.normal(size=n))),
        "キャンペーン": np.char.add("CP-", campaign.astype(str)),
        "物価指数": 100 + since / 30 + rng.normal(0, 1.5, n),
        "希望導入日": past.moments(wanted.astype(np.int64), "%Y-%m-%d"),
        "至急": (past.slowness < -0.4) & (rng.random(n) < 0.8),
        "ニーズ": np.array(["弱", "中", "強", "非常に強"])[np.digitize(past.strength, [-0.3, 0.6, 1.6])],
        "新設項目": known_to(newly, rng.choice(["甲", "乙"], n)),
        "整理番号": 100_000.0 + np.argsort(np.argsort(past.created)),
    }  # fmt: skip


def honest_accounts(past: Past) -> Columns:
    """Columns of accounts that were known when the account was entered."""
    accounts = past.log["accounts"]
    rng, n = past.rng, len(accounts)
    row = codes_in(past.deals["account_id"], pd.Index(accounts["account_id"]))
    deals = np.bincount(row[row >= 0], minlength=n)
    strong = np.bincount(row[row >= 0], past.strength[row >= 0], n) / np.maximum(deals, 1)
    return {
        "設立年": rng.integers(1950, 2020, n).astype(float),
        "信用格付": np.array(["C", "B", "A"])[np.digitize(strong + rng.normal(size=n), [-0.3, 1.0])],
    }  # fmt: skip


def last_contacts(past: Past) -> pd.DataFrame:
    """The date of the last contact with its history: an event at each."""
    row, at = past.rows_of("activities")
    ids = past.deals["deal_id"].to_numpy()
    return pd.DataFrame(
        {
            "deal_id": ids[row],
            "at": pd.to_datetime(at, unit="us", utc=True),
            "value": past.moments(at, "%Y-%m-%d"),
        }
    )


def added(log: EventLog, table: str, columns: Columns) -> EventLog:
    """The log with further columns in a table."""
    frame = log[table].assign(**{name: np.asarray(values) for name, values in columns.items()})
    plain = {name: frame[name].astype("category") for name in columns if frame[name].dtype in (object, bool)}
    return EventLog({**log.tables, table: frame.assign(**plain)}, log.zone)
