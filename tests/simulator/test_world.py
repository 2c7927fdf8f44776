"""Does the simulated organisation live as it should: the same each time, and never looking ahead?"""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from simulator import FIELD_HEAVY, INSIDE_HEAVY, WorldSettings, crm_tables, simulate, write
from simulator.business_days import calendar
from simulator.ground_truth import choose_bottlenecks
from simulator.organisation import build_organisation
from simulator.random_stream import compiled, key_of, normal, poisson, stream_at, uniform
from simulator.world import current_deals

END = date(2026, 11, 20)
SMALL = WorldSettings(deals=900, seed=3, end=END, days=450, bottlenecks=0)
MASK = 2**64 - 1


def files_of(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_draw_is_the_hash_that_plain_python_computes():
    def mix(x):
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
        return x ^ (x >> 31)

    key, who, day, question = 12345, 678, 90, 7
    golden, second = 0x9E3779B97F4A7C15, 0xD1B54A32D192ED03
    place = mix((mix((key + who * golden) & MASK) + (day + 100_000) * second) & MASK)
    expected = ((mix((place + question * golden) & MASK) >> 11) + 0.5) / 2**53
    got = np.uint64(stream_at(np.uint64(key), np.uint64(who), day))
    assert int(got) == place
    assert uniform(got, question) == expected


@compiled
def _draws(key, count, mean):
    out = np.empty((3, count))
    for k in range(count):
        place = stream_at(key, np.uint64(k), 5)
        out[0, k], out[1, k], out[2, k] = uniform(place, 1), normal(place, 2), poisson(mean, place, 3)
    return out


@pytest.mark.parametrize("mean", [0.7, 59.0, 61.0])
def test_draws_have_the_frequencies_they_should(mean):
    flat, bell, counts = _draws(np.uint64(key_of(1)), 40_000, mean)
    assert flat.min() > 0
    assert flat.max() < 1
    assert flat.mean() == pytest.approx(0.5, abs=4 * 0.289 / 200)
    assert bell.mean() == pytest.approx(0, abs=4 / 200)
    assert bell.std() == pytest.approx(1, abs=4 / 280)
    assert counts.mean() == pytest.approx(mean, abs=4 * mean**0.5 / 200 + 0.001)
    assert counts.var() == pytest.approx(mean + (mean >= 60) / 12, rel=0.04)
    assert abs(np.corrcoef(flat, bell)[0, 1]) < 4 / 200


def test_the_calendar_knows_holidays_and_what_is_left_of_month_and_quarter():
    days = calendar(date(2026, 11, 1), 60)
    labour_thanksgiving, last = days[22], days[29]
    assert labour_thanksgiving["workday"] == 0
    assert last["workday"] == 1
    assert last["left_month"] == 1
    assert last["month_end"] == 29
    # December 2026 has 20 working days up to the 28th; the New Year closure begins on the 29th.
    assert last["left_quarter"] == 1 + 20
    assert days[57]["left_quarter"] == 1
    assert days[58]["workday"] == 0
    assert days[57]["rush"] > 2 * days[35]["rush"]


def test_a_longer_calendar_begins_like_a_shorter_one():
    short, long = calendar(date(2024, 5, 17), 100), calendar(date(2024, 5, 17), 6000)
    assert len(short) < len(long)
    assert (short == long[: len(short)]).all()


def test_ten_thousand_deals_in_three_years_need_about_forty_people_in_about_eight_teams():
    organisation = build_organisation(1, 10_000 / 1096)
    first_day = organisation.seats["opens"] == 0
    assert 30 <= (first_day & (organisation.seats["style"] < 3)).sum() <= 45
    selling = [t for t in range(len(organisation.parent)) if t not in set(organisation.parent.tolist())]
    assert 6 <= len(selling) <= 10
    assert (organisation.parent[1:] < np.arange(1, len(organisation.parent))).all()


def test_the_same_settings_write_the_same_bytes(tmp_path):
    settings = replace(SMALL, bottlenecks=0, deals=300, days=200)
    for name in ("one", "two"):
        write(simulate(settings), tmp_path / name, [END - timedelta(days=60)], replays=3)
    one, two = files_of(tmp_path / "one"), files_of(tmp_path / "two")
    assert len(one) == len(two) == 10 + 4 + 3
    assert one == two


def test_another_seed_is_another_world():
    one, two = simulate(SMALL), simulate(replace(SMALL, seed=4))
    assert crm_tables(one)["deals"]["amount"].sum() != crm_tables(two)["deals"]["amount"].sum()
    assert (one.ground_truth.effects != two.ground_truth.effects).any()


def test_a_longer_world_begins_with_the_same_history():
    longer = replace(SMALL, deals=1100, days=550, end=END + timedelta(days=100))
    assert longer.start == SMALL.start
    now = pd.Timestamp(END) + pd.Timedelta(days=1)
    short, long = crm_tables(simulate(SMALL)), crm_tables(simulate(longer))
    for name, time in (
        ("deal_events", "at"),
        ("activities", "at"),
        ("accounts", "created_at"),
        ("targets", "set_at"),
    ):
        before = long[name][long[name][time] < now].reset_index(drop=True)
        assert 0 < len(before) < len(long[name])
        assert_frame_equal(short[name], before, obj=name)
    # What may have changed since is left out; who a deal is with and what it is about may not have.
    fixed = ["deal_id", "created_at", "name", "account_id", "product", "source", "deal_type", "導入時期"]
    created = long["deals"][long["deals"]["created_at"] < now][fixed].reset_index(drop=True)
    assert_frame_equal(short["deals"][fixed], created)
    closed = long["deals"][long["deals"]["closed_at"] < now].set_index("deal_id")
    then = short["deals"].set_index("deal_id").loc[closed.index]
    assert_frame_equal(closed[["outcome", "amount", "closed_at"]], then[["outcome", "amount", "closed_at"]])


def test_stopping_early_and_ending_early_are_the_same():
    until = END - timedelta(days=150)
    stopped = crm_tables(simulate(SMALL, until=until))
    ended = crm_tables(simulate(replace(SMALL, deals=600, days=300, end=until)))
    for name, frame in stopped.items():
        assert_frame_equal(frame, ended[name], obj=name)


def test_a_world_of_a_few_deals_still_lives():
    world = simulate(WorldSettings(deals=30, seed=1, end=END, days=400, bottlenecks=0))
    tables = crm_tables(world)
    assert len(tables["deals"]) > 5
    assert set(tables["people"]["style"]) == {"field", "route", "inside", "manager"}


@pytest.fixture(scope="module")
def grown():
    return simulate(WorldSettings(deals=6000, seed=11, end=END, bottlenecks=0))


def test_base_rates_are_those_of_a_sales_organisation(grown):
    deals = current_deals(grown)
    assert len(deals) == pytest.approx(6000, rel=0.35)
    old = deals[deals["day0"] < 700]
    assert 0.20 <= (old["status"] == 1).mean() <= 0.32
    assert (old["status"] == 0).mean() < 0.005
    closed = deals[(deals["status"] == 1) | (deals["status"] == 2)]
    cycle = closed["closed_day"] - closed["day0"]
    assert 45 <= np.median(cycle) <= 80
    assert np.quantile(cycle, 0.95) > 2.2 * np.median(cycle)
    won = closed[(closed["status"] == 1) & (closed["amount0"] > 0)]
    assert 0.90 <= (won["amount"] / won["amount0"]).mean() <= 0.99
    assert 1e6 <= np.median(won["amount"]) <= 3e6
    assert 0.3 <= (closed["pushes"] > 0).mean() <= 0.7
    missing = crm_tables(grown)["deal_events"].query("field == 'amount'").groupby("deal_id")["at"].min()
    created = crm_tables(grown)["deals"].set_index("deal_id")["created_at"]
    assert 0.05 <= (missing.reindex(created.index) != created).mean() <= 0.2


def test_more_is_closed_as_months_and_quarters_run_out(grown):
    wins = grown.log.wins[: grown.log.cursor[4]]
    left = grown.calendar["left_quarter"][wins["day"]]
    days = grown.calendar[: grown.settings.length]
    rate = {
        name: inside(left).sum() / (inside(days["left_quarter"]) & (days["workday"] == 1)).sum()
        for name, inside in (("last", lambda x: x <= 8), ("earlier", lambda x: x > 20))
    }
    assert rate["last"] > 1.6 * rate["earlier"]


def test_sellers_come_and_go_and_their_deals_are_handed_over(grown):
    tables = crm_tables(grown)
    people, events = tables["people"], tables["deal_events"]
    left = people[people["active_to"].notna()].set_index("person_id")
    assert 5 <= len(left) <= 60
    handed = events[(events["field"] == "owner_id") & events["old_value"].notna()]
    assert set(handed["old_value"]) <= set(left.index)
    gone = left["active_to"].reindex(handed["old_value"]).to_numpy()
    assert (handed["at"].dt.normalize().to_numpy() == gone).mean() > 0.95


def test_top_sellers_win_more_and_targets_are_met_about_half_the_time(grown):
    deals = current_deals(grown)
    old = deals[(deals["day0"] < 700) & (deals["kind"] == 0)]
    skill = grown.log.people["skill"][old["owner"]]
    won = old["status"] == 1
    assert won[skill > 0.5].mean() > won[skill < -0.5].mean() + 0.03
    targets = crm_tables(grown)["targets"].query("metric == 'revenue' and scope.str.startswith('person')")
    wins = grown.log.wins[: grown.log.cursor[4]]
    quarter = pd.PeriodIndex([grown.date_of(d) for d in wins["day"]], freq="Q-MAR")
    person = pd.Series(wins["amount"]).groupby([quarter.astype(str), wins["person"]]).sum()
    asked = targets["period"].str.extract(r"FY(\d+)-Q(\d)").astype(int)
    # Fiscal years are named here by the calendar year they begin in, by pandas by the one they end in.
    keys = [
        (f"{y + 1}Q{q}", int(s[8:]) - 1) for y, q, s in zip(asked[0], asked[1], targets["scope"], strict=True)
    ]
    done = np.array([key[0] < "2027Q3" for key in keys])
    met = person.reindex(pd.MultiIndex.from_tuples(keys)).fillna(0).to_numpy() >= targets["value"].to_numpy()
    assert 0.40 <= met[done].mean() <= 0.68


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"deals": 0}, "deals: expected 1 or more, got 0"),
        ({"days": 0}, "days: expected 1 to 20000, got 0"),
        ({"days": 20_001}, "days: expected 1 to 20000, got 20001"),
        ({"end": date(9999, 1, 1)}, "end: expected 1970-01-01 to 2080-12-31, got 9999-01-01"),
        ({"seed": -1}, "seed: expected 0"),
        ({"bottlenecks": 9}, "bottlenecks: expected 0 to 6, got 9"),
        ({"bottleneck_pp": 50.0}, "bottleneck_pp: expected above 0 and at most 30, got 50.0"),
        ({"moods": -0.5}, "moods: expected 0 to 10, got -0.5"),
    ],
)
def test_settings_that_make_no_world_are_refused_by_name(change, words):
    with pytest.raises(ValueError, match=words):
        replace(SMALL, **change)


def test_moods_move_as_strongly_as_is_asked():
    levels = {
        moods: [level for _, level, _ in simulate(replace(SMALL, moods=moods)).log.market_history]
        for moods in (0.0, 1.0, 3.0)
    }
    assert set(levels[0.0]) == {0.0}
    assert len(set(levels[1.0])) > 100
    assert levels[3.0] == pytest.approx([3.0 * level for level in levels[1.0]], rel=1e-9)


def test_a_day_outside_the_world_is_refused():
    with pytest.raises(ValueError, match=r"until: expected 2025-08-28 to 2026-11-20, got 2027-01-01"):
        simulate(SMALL, until=date(2027, 1, 1))


def test_a_bottleneck_is_planted_only_where_enough_deals_would_have_been_won():
    def candidate(interval, product, base):
        return {"interval": interval, "days": 21, "product": product, "industry": -1, "size": -1,
                "base": base, "deals": 500}  # fmt: skip

    several = [candidate(1, 0, 0.30), candidate(1, 1, 0.30), candidate(2, 1, 0.40), candidate(2, 2, 0.15)]
    table, base, pp = choose_bottlenecks(several, 2, 20.0, np.random.default_rng(0))
    assert pp == (20.0, 20.0)
    assert table["kill"] == pytest.approx([0.20 / b for b in base])
    # They share neither interval nor segment, and the one that cannot be made 20 points worse is not taken.
    assert set(table["interval"]) == {1, 2}
    assert 2 not in table["product"]
    assert len(set(table["product"])) == 2
    with pytest.raises(ValueError, match="bottleneck_pp: expected at most 38 in this world, got 39"):
        choose_bottlenecks(several, 1, 39.0, np.random.default_rng(0))


def test_a_fiscal_year_from_march_moves_quarters_targets_and_the_rush_at_their_ends():
    days = calendar(date(2026, 12, 1), 120, 3)  # December to February is the last quarter
    last_of_february = days[(date(2027, 2, 26) - date(2026, 12, 1)).days]
    assert last_of_february["left_quarter"] == 1
    usual = calendar(date(2026, 12, 1), 120)
    last_of_march = usual[(date(2027, 3, 31) - date(2026, 12, 1)).days]
    assert last_of_february["rush"] == last_of_march["rush"]
    assert last_of_february["turnover"] == last_of_march["turnover"]
    assert (days["season"] == usual["season"]).all()  # leads follow the weather and the holidays
    tables = crm_tables(simulate(replace(SMALL, fiscal_start_month=3)))
    assert tables["organisation"].to_dict("records") == [
        {"organisation_id": "company", "fiscal_start_month": 3}
    ]
    # FY2026-Q3 begins with September: its targets are set in August.
    set_at = tables["targets"].set_index("period").loc["FY2026-Q3", "set_at"]
    assert (set_at.dt.month == 8).all()
    assert "organisation" not in crm_tables(simulate(SMALL))


def test_without_divisions_all_teams_stand_side_by_side():
    teams = crm_tables(simulate(replace(SMALL, deals=3000, divisions=False)))["teams"]
    assert teams["parent_team_id"].isna().all()
    assert not teams["name"].str.contains("事業部").any()
    with_them = crm_tables(simulate(replace(SMALL, deals=3000)))["teams"]
    assert with_them["name"].str.contains("事業部").any()


def test_an_organisation_can_be_mostly_in_the_field_or_mostly_inside():
    def people(styles) -> dict[str, int]:
        rows = crm_tables(simulate(replace(SMALL, deals=3000, styles=styles)))["people"]
        return rows["style"].value_counts().to_dict()

    outside, inside = people(FIELD_HEAVY), people(INSIDE_HEAVY)
    assert outside["field"] > 3 * outside["inside"]
    assert inside["inside"] > inside["field"]


def test_styles_that_are_no_shares_are_refused():
    with pytest.raises(ValueError, match="styles: expected three shares"):
        replace(SMALL, styles=(0.5, 0.5, 0.0))
