"""Is the sample of `sancho demo` laid relative to the day, its targets where the forecast leaves them?"""

import csv
import re
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from statistics import NormalDist

import pytest

from crm.importing import push_rows
from crm.periods import period_holding
from crm.store import Store
from service.cli import demo
from service.demo_world import (
    COMPANY_CHANCE,
    TEAM_CHANCES,
    demo_settings,
    fiscal_start_month,
    lay_targets,
    value_reached,
    write_demo_world,
)
from service.settings import Settings
from service.sign_in import SignIn
from tests.support.fakes import TOKYO

REVENUE = {"p10": 80e6, "p50": 100e6, "p90": 130e6}


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_day_of_a_year_stands_in_the_middle_month_of_a_quarter():
    for number in range(366):
        day = date(2028, 1, 1) + timedelta(days=number)
        quarter = period_holding(day, "quarter", fiscal_start_month(day))
        months = (day.year - quarter.first.year) * 12 + day.month - quarter.first.month
        assert months == 1, day


def test_the_sample_ends_the_day_before_and_its_teams_stand_side_by_side():
    settings = demo_settings(300, date(2028, 2, 29))
    assert settings.end == date(2028, 2, 28)
    assert (settings.fiscal_start_month, settings.divisions, settings.bottlenecks) == (4, False, 2)


@pytest.mark.parametrize("chance", [0.1, 0.2, 0.5, 0.75, 0.9])
def test_a_value_is_reached_with_its_chance_where_both_halves_are_normal(chance: float):
    value = value_reached(REVENUE, chance)
    half = 30e6 if value > 100e6 else 20e6
    spread = NormalDist(100e6, half / NormalDist().inv_cdf(0.9))
    assert 1 - spread.cdf(value) == pytest.approx(chance)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    write_demo_world(home / "world", home / "waiting.csv", 200, date(2027, 1, 1), lambda *_: None)
    return home


def test_only_the_present_quarters_revenue_targets_wait_for_the_forecast(written: Path):
    waiting, kept = rows_of(written / "waiting.csv"), rows_of(written / "world/targets.csv")
    assert {(row["metric"], row["period"]) for row in waiting} == {("revenue", "FY2026-Q4")}
    assert "company" in {row["scope"] for row in waiting}
    assert ("revenue", "FY2026-Q3") in {(row["metric"], row["period"]) for row in kept}
    assert ("won_deals", "FY2026-Q4") in {(row["metric"], row["period"]) for row in kept}
    assert not [row for row in kept if (row["metric"], row["period"]) == ("revenue", "FY2026-Q4")]
    (organisation,) = rows_of(written / "world/organisation.csv")
    assert organisation == {"organisation_id": "company", "fiscal_start_month": "3"}


def test_targets_are_laid_at_the_chosen_chances_and_people_keep_their_share_of_the_team(
    written: Path, tmp_path: Path
):
    before = {row["scope"]: float(row["value"]) for row in rows_of(written / "waiting.csv")}
    teams = sorted(scope for scope in before if scope.startswith("team:"))
    assert len(teams) == 2
    children = [{"scope": scope, "revenue": REVENUE} for scope in reversed(teams)]
    forecast = {"revenue": {name: 2 * value for name, value in REVENUE.items()}, "children": children}
    people = written / "world/people.csv"
    lay_targets(written / "waiting.csv", people, forecast, tmp_path / "laid/targets.csv")
    after = {row["scope"]: float(row["value"]) for row in rows_of(tmp_path / "laid/targets.csv")}
    assert after.keys() == before.keys()
    assert after["company"] == 2 * value_reached(REVENUE, COMPANY_CHANCE) == 200e6
    for team, chance in zip(teams, TEAM_CHANCES, strict=False):
        assert after[team] == pytest.approx(value_reached(REVENUE, chance), abs=50_000)
        own = [f"person:{row['person_id']}" for row in rows_of(people) if f"team:{row['team_id']}" == team]
        shares = [(after[one] / after[team], before[one] / before[team]) for one in own if one in before]
        assert shares
        assert all(now == pytest.approx(then, abs=0.002) for now, then in shares)


def test_the_demo_shows_a_link_with_which_somebody_of_the_sample_sees_everything(tmp_path: Path):
    settings = Settings(home=tmp_path, port=8123)
    with Store.open(settings.store_url) as store:
        push_rows(store, "people", [{"person_id": "P2"}, {"person_id": "P1", "name": "山本"}], TOKYO)
    assert demo._manager(settings) == {"person": "P1"}
    shown = demo.where_to_look(settings, "ja")
    link = re.search(r"http://127\.0\.0\.1:8123/sign-in\?link=(\S+)", shown).group(1)
    with closing(SignIn(settings)) as sign_in:
        person = sign_in.local.by_link(link).person
    assert (person.person_id, person.role) == ("P1", "admin")


def test_where_the_samples_manager_is_gone_no_link_is_shown(tmp_path: Path):
    settings = Settings(home=tmp_path)
    Store.open(settings.store_url).close()
    assert demo.where_to_look(settings, "ja") == ""
