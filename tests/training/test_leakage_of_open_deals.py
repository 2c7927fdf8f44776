"""Are columns found that open deals contradict, and those left alone that were known from creation?"""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from crm.eventlog import EventLog
from crm.i18n import Text
from crm.instants import as_of_instant
from features.catalogue import CATALOGUE
from training.config import TrainConfig
from training.fit import train
from training.leakage import open_evidence, screen, screening
from training.leakage.following import Following
from training.leakage.readings import period_starts, read
from training.selection import select

TOKYO = ZoneInfo("Asia/Tokyo")
TODAY = pd.Timestamp("2026-07-01", tz="Asia/Tokyo")
AS_OF = as_of_instant("2026-06-30", TOKYO)
COUNT = 1500


class Company:
    """Three years of deals that live about two months, with stages, activities and accounts."""

    def __init__(self, seed: int = 0) -> None:
        rng = self.rng = np.random.default_rng(seed)
        self.created = TODAY - pd.to_timedelta(np.sort(rng.uniform(0, 1000, COUNT))[::-1], unit="D")
        self.life = rng.gamma(2.0, 35.0, COUNT) + 1.0
        self.will_win = rng.random(COUNT) < 0.35
        ends = self.created + pd.to_timedelta(self.life, unit="D")
        self.open = np.asarray(ends >= TODAY)
        self.won = self.will_win & ~self.open
        self.until = ends.where(~self.open, TODAY)
        self.lived = np.asarray((self.until - self.created) / pd.Timedelta("1D"))
        self.account = rng.integers(0, 900, COUNT)
        share = np.sort(rng.random((COUNT, 3)), axis=1)
        self.moves = [self.created + pd.to_timedelta(share[:, k] * self.life, unit="D") for k in range(3)]
        self.contacts = [
            (deal, self.created[deal] + pd.Timedelta(days=float(day)))
            for deal in range(COUNT)
            for day in np.cumsum(rng.exponential(9.0, 60))
            if day < self.lived[deal]
        ]

    def last_contact(self) -> pd.Series:
        """When each deal was last worked on, in its life so far."""
        acts = pd.DataFrame(self.contacts, columns=["deal", "at"])
        found = acts.groupby("deal")["at"].max().reindex(range(COUNT))
        return found.fillna(pd.Series(self.created))

    def log(self, accounts: dict[str, object] | None = None, **columns: object) -> EventLog:
        """The log with further columns of deals and accounts."""
        ids = np.array([f"D{n}" for n in range(COUNT)])
        stage = np.where(self.won, "受注", np.where(self.open, "提案・見積", "失注"))
        closed = pd.Series(self.until).where(~self.open)
        deals = pd.DataFrame(
            {
                "deal_id": ids,
                "created_at": self.created,
                "stage": stage,
                "account_id": [f"C{n}" for n in self.account],
                "closed_at": closed,
                "outcome": np.where(self.open, None, np.where(self.won, "won", "lost")),
                **columns,
            }
        )
        names = ["アポイント", "初回訪問", "提案・見積"]
        events = [
            pd.DataFrame({"deal_id": ids, "at": at, "field": "stage", "value": name})[
                np.asarray(at < self.until)
            ]
            for at, name in zip(self.moves, names, strict=True)
        ]
        ended = ~self.open
        events.append(
            pd.DataFrame(
                {"deal_id": ids[ended], "at": closed[ended], "field": "stage", "value": stage[ended]}
            )
        )
        acts = pd.DataFrame(self.contacts, columns=["deal", "at"])
        activities = pd.DataFrame(
            {
                "activity_id": [f"A{n}" for n in range(len(acts))],
                "at": acts["at"],
                "kind": "call",
                "deal_id": ids[acts["deal"]],
                "effective": np.random.default_rng(1).random(len(acts)) < 0.5,
            }
        )
        known = pd.DataFrame({"account_id": [f"C{n}" for n in range(900)], **(accounts or {})})
        tables = {"deals": deals, "deal_events": pd.concat(events), "activities": activities}
        return EventLog.of({**tables, "accounts": known}, TOKYO)


@pytest.fixture(scope="module")
def company() -> Company:
    return Company()


def found(log: EventLog) -> set[str]:
    return {leak.attribute for leak in screen(log.as_of(AS_OF), AS_OF)}


def test_an_age_that_stopped_at_closing_is_found_as_a_number_and_as_text(company: Company):
    days = np.floor(company.lived).astype(int)
    assert found(company.log(経過=days.astype(float))) == {"経過"}
    assert found(company.log(経過=[f"{day}日" for day in days])) == {"経過"}


def test_counters_that_grew_until_closing_are_found(company: Company):
    times = np.bincount([deal for deal, _ in company.contacts], minlength=COUNT)
    assert found(company.log(活動数=times.astype(float))) == {"活動数"}


@pytest.mark.parametrize("form", ["%Y-%m-%d %H:%M:%S", "%Y/%m/%d", "%Y年%m月%d日", "%d.%m.%Y"])
def test_last_modified_dates_are_found_however_they_are_written(company: Company, form: str):
    touched = company.last_contact().where(company.open, pd.Series(company.until)) + pd.Timedelta("7h")
    assert found(company.log(更新=touched.dt.strftime(form).to_numpy())) == {"更新"}


@pytest.mark.parametrize("form", ["FY{y}-Q{q}", "Q{q}-{y}", "{y}年度 第{q}四半期"])
def test_the_period_of_closing_is_found_however_it_is_written(company: Company, form: str):
    planned = pd.Series(company.created) + pd.Timedelta("70D")
    day = pd.Series(company.until).where(~company.open, planned).dt.tz_convert(TOKYO)
    texts = [form.format(y=at.year, q=at.quarter) for at in day]
    assert found(company.log(計上期=texts)) == {"計上期"}


def test_silence_that_is_counted_until_closing_is_found(company: Company):
    silent = np.asarray((pd.Series(company.until) - company.last_contact()) / pd.Timedelta("1D"))
    assert found(company.log(無活動=np.floor(silent))) == {"無活動"}


def test_a_probability_set_to_its_extremes_at_closing_is_found(company: Company):
    chance = np.where(company.open, company.rng.choice([10, 30, 60], COUNT), np.where(company.won, 100, 0))
    assert found(company.log(確率=chance.astype(float))) == {"確率"}


def test_a_flag_of_the_ending_is_found(company: Company):
    assert found(company.log(is_won=company.won, is_closed=~company.open)) == {"is_won", "is_closed"}


@pytest.mark.parametrize(("area", "expected"), [(0.85, True), (0.6, False)])
def test_less_evidence_is_enough_against_a_column_that_tells_a_lot(
    company: Company, monkeypatch: pytest.MonkeyPatch, area: float, expected: bool
):
    state = Text("ステージ", "the stage")
    seen = [Following(state, 0.4, 0.13, 3.5), Following(state, 0.1, 0.2, -1.9)]
    monkeypatch.setattr(open_evidence, "following", lambda *_: iter(seen))
    monkeypatch.setattr(open_evidence, "outcome_auc", lambda *_: area)
    assert ("点" in found(company.log(点=np.random.default_rng(4).normal(size=COUNT)))) == expected


def test_an_accounts_type_that_changes_with_its_first_won_deal_is_found(company: Company):
    bought = np.bincount(company.account[company.won], minlength=900) > 0
    kinds = np.where(bought, "Customer", "Prospect")
    assert found(company.log({"type": kinds})) == {"accounts.type"}


def test_accounts_are_found_by_ids_that_look_like_numbers(company: Company):
    bought = np.bincount(company.account[company.won], minlength=900) > 0
    log = company.log({"type": np.where(bought, "Customer", "Prospect")})
    ids = {f"C{n}": f"00{10**16 + n}" for n in range(900)}
    deals = log["deals"].assign(account_id=log["deals"]["account_id"].astype(str).map(ids).astype("category"))
    accounts = log["accounts"].assign(account_id=log["accounts"]["account_id"].map(ids))
    assert found(EventLog({**log.tables, "deals": deals, "accounts": accounts}, TOKYO)) == {"accounts.type"}


def test_a_roll_up_of_what_an_account_has_bought_is_found(company: Company):
    bought = np.bincount(company.account[company.won], minlength=900)
    assert found(company.log({"累計": bought * 1e6})) == {"accounts.累計"}


def test_a_leak_in_another_table_takes_out_the_features_that_read_it(company: Company):
    kinds = np.where(np.bincount(company.account[company.won], minlength=900) > 0, "甲", "乙")
    leaks = screen(company.log({"industry": kinds}).as_of(AS_OF), AS_OF)
    assert [leak.column for leak in leaks] == ["accounts.industry"]
    rng = np.random.default_rng(0)
    x = rng.integers(0, 5, (500, len(CATALOGUE))).astype(float)
    at = rng.integers(0, 10**15, 500)
    assert set(select(CATALOGUE, x, at, leaks, TrainConfig()).left_out) == {"industry"}
    kept = select(CATALOGUE, x, at, leaks, TrainConfig(include=("accounts.industry",)))
    assert "industry" in kept.layout.names


def test_activities_rewritten_once_a_deal_was_won_are_found(company: Company):
    log = company.log()
    acts = log["activities"]
    won = acts["deal_id"].isin({f"D{n}" for n in np.flatnonzero(company.won)})
    after = EventLog({**log.tables, "activities": acts.assign(effective=acts["effective"] | won)}, TOKYO)
    assert found(log) == set()
    assert found(after) == {"activities.effective"}


@pytest.mark.parametrize("seed", range(4))
def test_what_was_known_at_creation_is_left_alone_however_much_it_tells(seed: int):
    one = Company(100 + seed)
    rng, days = one.rng, np.asarray((one.created - one.created.min()) / pd.Timedelta("1D"))
    quality = 1.5 * one.will_win + rng.normal(size=COUNT)
    slow = np.log(one.life) + 0.6 * rng.normal(size=COUNT)
    honest = {
        "リードスコア": np.rint(50 + 15 * quality),
        "規模": np.array(["小", "中", "大"])[np.digitize(slow, [3.7, 4.4])],
        "予算": np.where(rng.random(COUNT) < 0.3, np.nan, np.exp(slow)),
        "希望日": (one.created + pd.to_timedelta(np.exp(slow), unit="D")).strftime("%Y-%m-%d"),
        "キャンペーン": [f"CP{int(day // 90)}" for day in days],
        "新項目": pd.Series(rng.choice(["甲", "乙"], COUNT)).where(days > 850),
        "物価": 100 + days / 30 + rng.normal(size=COUNT),
        "番号": 1000.0 + np.arange(COUNT),
        "決算月": rng.choice(["3月", "9月", "12月"], COUNT),
    }
    rank = np.array(["C", "B", "A"])[rng.integers(0, 3, 900)]
    assert found(one.log({"格付": rank}, **honest)) == set()


def test_a_date_kept_up_to_date_with_its_history_is_left_alone(company: Company):
    changes = pd.DataFrame(company.contacts, columns=["deal", "at"])
    changes = pd.DataFrame(
        {
            "deal_id": [f"D{n}" for n in changes["deal"]],
            "at": changes["at"],
            "value": changes["at"].dt.strftime("%Y-%m-%d"),
        }
    )
    assert found(company.log().with_attribute("最終接触", changes)) == set()


def test_a_column_seen_to_change_at_closing_is_not_used_for_deals_that_ended_before(company: Company):
    """A mild case, which open deals alone do not show: what imports observed of later deals does."""
    rank = company.rng.choice(["A", "B", "C"], COUNT)
    after = np.where(company.open | (company.rng.random(COUNT) < 0.6), rank, np.where(company.won, "A", "C"))
    log = company.log(格=after)
    until = pd.Series(company.until)
    seen = ~company.open & (after != rank)
    changes = pd.DataFrame(
        {
            "deal_id": [f"D{n}" for n in np.flatnonzero(seen)],
            "at": until[seen].to_numpy(),
            "field": "格",
            "value": after[seen],
            "old_value": rank[seen],
        }
    )
    plain = {name: log["deal_events"][name].astype(object) for name in log["deal_events"] if name != "at"}
    stored = log["deal_events"].assign(**plain)

    def reasons(recorded: pd.DataFrame) -> dict[str, str]:
        history = pd.concat([stored, recorded])
        past = EventLog.of({**log.tables, "deal_events": history}, TOKYO).as_of(AS_OF)
        return {leak.attribute: leak.reason for leak in screen(past, AS_OF)}

    assert reasons(changes) == {}
    assert reasons(changes[changes["at"] >= TODAY - pd.Timedelta("200D")]) == {"格": "changed"}


def test_amounts_are_one_value_however_the_history_writes_them(company: Company):
    price = company.rng.choice([55.0, 550.0, 1096.0], COUNT)
    final = np.where(company.won, price * company.rng.uniform(0.8, 1.1, COUNT), price)
    log = company.log(amount=final)
    closed = pd.Series(company.until)[company.won]
    ids = np.array([f"D{n}" for n in range(COUNT)])[company.won]
    events = pd.DataFrame(
        {
            "deal_id": ids,
            "at": closed.to_numpy(),
            "field": "amount",
            "value": [str(one) for one in final[company.won]],
            "old_value": [f"{one:.0f}" for one in price[company.won]],
        }
    )
    plain = {name: log["deal_events"][name].astype(object) for name in log["deal_events"] if name != "at"}
    history = pd.concat([log["deal_events"].assign(**plain), events.assign(at=closed.to_numpy())])
    assert found(EventLog.of({**log.tables, "deal_events": history}, TOKYO)) == set()


def list_of_ended(**columns: object) -> EventLog:
    """A list of deals that have all ended, each on the day it was made."""
    rng = np.random.default_rng(3)
    won = rng.random(1200) < 0.3
    created = TODAY - pd.to_timedelta(np.sort(rng.uniform(30, 300, 1200))[::-1], unit="D")
    made = {
        name: make(won, rng) if callable(make) else make  # type: ignore[operator]
        for name, make in columns.items()
    }
    deals = pd.DataFrame(
        {
            "deal_id": [f"D{n}" for n in range(1200)],
            "created_at": created,
            "closed_at": created + pd.Timedelta("1h"),
            "stage": np.where(won, "受注", "失注"),
            "outcome": np.where(won, "won", "lost"),
            **made,
        }
    )
    return EventLog.of({"deals": deals}, TOKYO)


def weak(won, rng):
    return rng.choice(["a", "b", "c"], len(won), p=None)


def some(won, rng):
    return np.where(rng.random(len(won)) < np.where(won, 0.6, 0.45), "x", "y")


def call_seconds(won, rng):
    return np.rint(np.exp(5 + 1.3 * won + 0.7 * rng.normal(size=len(won))))


def test_without_open_deals_the_column_that_stands_out_is_kept_out_and_the_others_are_named():
    log = list_of_ended(job=weak, contact=some, housing=weak, loan=some, duration=call_seconds)
    result = screening(log.as_of(AS_OF), AS_OF)
    assert {leak.attribute: leak.reason for leak in result.leaks if leak.attribute != "stage"} == {
        "duration": "stands_out"
    }
    assert {"job", "contact", "housing", "loan"} <= set(result.unchecked)
    assert "duration" not in result.unchecked
    assert "job" in result.unchecked_text.en
    assert "job" in result.unchecked_text.ja


def test_without_open_deals_good_answers_among_their_equals_are_used_and_what_is_vouched_for_is_not_named():
    def answer(share):
        return lambda won, rng: np.where(
            rng.random(len(won)) < np.where(won, share, 1 - share), "はい", "いいえ"
        )

    log = list_of_ended(需要=answer(0.75), 予算=answer(0.72), 決裁=answer(0.7), 時期=answer(0.65))
    result = screening(log.as_of(AS_OF), AS_OF, ["需要", "deals.予算"])
    assert {leak.attribute for leak in result.leaks} == {"stage"}
    assert {"決裁", "時期"} <= set(result.unchecked)
    assert not {"需要", "予算"} & set(result.unchecked)


def test_training_names_the_columns_that_it_could_not_check():
    mails = [f"{n}@example.jp" for n in range(1200)]
    log = list_of_ended(job=weak, contact=some, housing=weak, loan=some, duration=call_seconds, mail=mails)
    bundle, report = train(log, AS_OF, TrainConfig(trees=2, threads=1))
    (finding,) = (one for one in report.findings if one.code == "columns_not_checked")
    assert "contact" in finding.text.en
    (warning,) = (one for one in bundle.warnings if one.code == "columns_not_checked")
    assert warning.message == finding.text
    assert {"deals.duration", "deals.mail"} <= set(report.left_out)
    assert "deals.contact" not in report.left_out


def test_a_dozen_open_deals_suffice_where_a_column_says_plainly_what_has_ended(company: Company):
    kept = np.flatnonzero(~company.open)[::6].tolist() + np.flatnonzero(company.open)[:12].tolist()
    log = company.log(is_closed=~company.open, 地域=company.rng.choice(["東", "西"], COUNT))
    few = log["deals"][log["deals"].index.isin(kept)].reset_index(drop=True)
    few = EventLog({**log.tables, "deals": few}, TOKYO).as_of(AS_OF)
    result = screening(few, AS_OF)
    assert {leak.attribute for leak in result.leaks} == {"is_closed"}
    assert "地域" in result.unchecked


def test_a_column_whose_name_has_a_point_can_be_excluded_and_included():
    log = list_of_ended(**{"emp.var.rate": call_seconds, "job": weak, "loan": some, "contact": some})
    (leak,) = (one for one in screen(log.as_of(AS_OF), AS_OF) if one.attribute != "stage")
    assert leak.column == "deals.emp.var.rate"
    from training.selection import column_of

    assert column_of("emp.var.rate") == leak.column


def test_periods_are_read_in_the_forms_that_crms_write():
    texts = [
        "2026-Q3",
        "FY2026 Q3",
        "Q3-2026",
        "2026年度第3四半期",
        "2026-07",
        "2026年7月",
        "2026下期",
        "2026 H2",
    ]
    july = pd.Timestamp("2026-07-01").value / 1000
    assert period_starts(pd.Series(texts)).tolist() == [july] * len(texts)
    assert (
        period_starts(pd.Series(["FY2026", "2026年度"])).tolist()
        == [pd.Timestamp("2026-01-01").value / 1000] * 2
    )
    assert np.isnan(
        period_starts(pd.Series(["秋", "Q3", "14", "東京都2026番地の長い長い長い長い名前"]))
    ).all()


def test_texts_are_read_as_numbers_dates_or_names():
    def meaning(*texts: str) -> str:
        return read(pd.Series(list(texts), dtype=object), TOKYO).meaning

    assert meaning("12日", "3日", "1,200日") == "number"
    assert meaning("60%", "80％") == "number"
    assert meaning("2026/07/01 10:30", "2026年7月3日") == "date"
    assert meaning("25.12.2025", "01.02.2026") == "date"
    assert meaning("2026-Q1", "2026-Q2") == "period"
    assert meaning("大", "小", "12") == "category"
