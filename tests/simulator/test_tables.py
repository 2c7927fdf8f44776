"""Are the tables of a simulated organisation what the contract says, with nothing in them no CRM knows?"""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from crm.schema import TABLES, Kind
from simulator import WorldSettings, crm_tables, simulate, write
from simulator.tables import TABLES as WRITTEN
from simulator.world import current_deals

END = date(2026, 11, 20)
CUSTOM = {
    "deals": ["競合", "予算確認", "決裁者接触", "導入時期", "確度", "受注理由", "競合受注"],
    "accounts": ["上場区分", "既存システム"],
}
# Columns that a simulated organisation has nothing to say in.
LEFT_OUT = {
    "people": {"email", "role", "leads_team_id"},
    "contracts": {"currency"},
    "targets": {"currency", "kind", "set_by"},
}
HISTORY = {"stage", "amount", "expected_close_date", "owner_id", "競合", "予算確認", "決裁者接触"}


@pytest.fixture(scope="module")
def world():
    return simulate(WorldSettings(deals=2500, seed=5, end=END, days=700, bottlenecks=0))


@pytest.fixture(scope="module")
def tables(world):
    return crm_tables(world)


@pytest.mark.parametrize("name", WRITTEN)
def test_a_table_has_the_columns_keys_and_values_of_the_contract(tables, name):
    table, frame = TABLES[name], tables[name]
    left_out = LEFT_OUT.get(name, set())
    assert set(frame.columns) == {*table.names, *CUSTOM.get(name, [])} - left_out
    assert len(frame) > 0
    assert not frame.duplicated(list(table.key)).any()
    for column in (column for column in table.columns if column.name not in left_out):
        values = frame[column.name]
        if column.required:
            assert values.notna().all(), column.name
        if column.choices:
            assert set(values.dropna()) <= set(column.choices), column.name
        if column.kind in (Kind.MONEY, Kind.NUMBER):
            assert (values.dropna() >= 0).all(), column.name
        if column.kind in (Kind.MOMENT, Kind.DATE):
            assert values.dtype == "datetime64[s]", column.name


def test_every_reference_leads_somewhere(tables):
    ids = {name: set(tables[f"{name}s" if name != "person" else "people"][f"{name}_id"])
           for name in ("deal", "lead", "account", "person", "team")}  # fmt: skip
    for name, column, kind in (
        ("deals", "account_id", "account"),
        ("deals", "owner_id", "person"),
        ("deal_events", "deal_id", "deal"),
        ("deal_events", "actor_id", "person"),
        ("activities", "deal_id", "deal"),
        ("activities", "lead_id", "lead"),
        ("activities", "account_id", "account"),
        ("activities", "actor_id", "person"),
        ("leads", "owner_id", "person"),
        ("leads", "handed_to", "person"),
        ("leads", "deal_id", "deal"),
        ("contracts", "account_id", "account"),
        ("people", "team_id", "team"),
        ("teams", "parent_team_id", "team"),
    ):
        assert set(tables[name][column].dropna()) <= ids[kind], (name, column)
    scopes = tables["targets"]["scope"].str.split(":", expand=True)
    assert set(scopes[1][scopes[0] == "team"]) <= ids["team"]
    assert set(scopes[1][scopes[0] == "person"]) <= ids["person"]


def test_nothing_happens_before_a_deal_is_created_or_after_the_last_day(tables):
    end = pd.Timestamp(END) + pd.Timedelta(days=1)
    created = tables["deals"].set_index("deal_id")["created_at"]
    for name in ("deal_events", "activities"):
        rows = tables[name].dropna(subset=["deal_id"])
        assert (rows["at"].to_numpy() >= created.loc[rows["deal_id"]].to_numpy()).all()
        assert (rows["at"] < end).all()
    leads = tables["leads"]
    for column in ("contacted_at", "appointment_at", "meeting_at", "qualified_at", "disqualified_at"):
        known = leads.dropna(subset=[column])
        assert len(known) > 0
        assert (known[column] >= known["created_at"]).all()
        assert (known[column] < end).all()
    for name, column in (
        ("deals", "closed_at"),
        ("contracts", "started_at"),
        ("contracts", "ended_at"),
        ("accounts", "created_at"),
        ("targets", "set_at"),
        ("people", "active_from"),
        ("people", "active_to"),
    ):
        assert (tables[name][column].dropna() < end).all(), column
    known = tables["accounts"].set_index("account_id")["created_at"]
    assert (
        tables["deals"]["created_at"].to_numpy() >= known.loc[tables["deals"]["account_id"]].to_numpy()
    ).all()


def test_a_deals_row_is_where_its_events_have_led(tables):
    events = tables["deal_events"]
    assert set(events["field"]) == HISTORY
    last = events.pivot_table(values="value", index="deal_id", columns="field", aggfunc="last", sort=False)
    deals = tables["deals"].set_index("deal_id")
    last = last.reindex(deals.index)
    assert last["stage"].equals(deals["stage"].astype(last["stage"].dtype))
    assert last["owner_id"].equals(deals["owner_id"].astype(last["owner_id"].dtype))
    assert (pd.to_datetime(last["expected_close_date"]) == deals["expected_close_date"]).all()
    amount = last["amount"].astype(float)
    assert (amount.isna() == deals["amount"].isna()).all()
    assert (amount.dropna() == deals["amount"].dropna()).all()
    for column in ("競合", "予算確認", "決裁者接触"):
        changed = last[column].notna()
        assert changed.any()
        assert (last[column][changed] == deals[column][changed]).all()


def test_each_event_starts_from_the_value_the_one_before_left(tables):
    events = tables["deal_events"]
    before = events.groupby(["deal_id", "field"], sort=False)["value"].shift()
    first = before.isna()
    recorded = events["field"].isin(["stage", "amount", "expected_close_date", "owner_id"])
    assert events.loc[first & recorded, "old_value"].isna().all()
    # Attributes begin as something (未確認, なし), and that is the old value of their first event.
    assert events.loc[first & ~recorded, "old_value"].notna().all()
    assert (events.loc[~first, "old_value"] == before[~first]).all()
    assert (events["value"] != events["old_value"]).all()


def test_outcome_and_closing_agree_with_the_last_stage_event(tables):
    deals = tables["deals"].set_index("deal_id")
    stages = tables["deal_events"].query("field == 'stage'").groupby("deal_id").last()
    outcome = stages["value"].map({"受注": "won", "失注": "lost"}).reindex(deals.index)
    assert (outcome.isna() == deals["outcome"].isna()).all()
    over = outcome.notna()
    assert (outcome[over] == deals["outcome"][over]).all()
    assert (stages["at"].reindex(deals.index)[over] == deals["closed_at"][over]).all()
    assert deals["closed_at"][~over].isna().all()
    assert (deals["lost_reason"].notna() == (deals["outcome"] == "lost")).all()


def test_deals_go_back_skip_stages_and_return_from_being_lost_now_and_then(tables):
    position = tables["stages"].set_index("stage")["position"]
    stage = tables["deal_events"].query("field == 'stage' and old_value == old_value")
    step = stage["value"].map(position) - stage["old_value"].map(position)
    returned = stage["old_value"] == "失注"
    assert 0 < returned.mean() < 0.02
    assert 0 < ((step < 0) & ~returned).mean() < 0.05


def test_work_is_done_on_working_days_in_office_hours(tables):
    for name in ("activities", "deal_events"):
        at = tables[name]["at"]
        assert (at.dt.day_of_week < 5).all()
        assert at.dt.hour.between(9, 20).all()
        assert ((at.dt.hour >= 18).mean()) < 0.1
    assert not tables["activities"]["at"].dt.strftime("%m-%d").isin(["01-01", "11-23", "12-30"]).any()


def test_what_closing_leaks_is_there_only_for_closed_deals(tables):
    deals = tables["deals"]
    assert (deals["受注理由"].notna() == (deals["outcome"] == "won")).all()
    assert (deals.loc[deals["outcome"] == "won", "確度"] == "100%").all()
    assert (deals.loc[deals["outcome"] == "lost", "確度"] == "0%").all()
    assert not deals.loc[deals["outcome"].isna(), "確度"].isin(["100%", "0%"]).any()
    assert "確度" not in set(tables["deal_events"]["field"])


def test_no_column_of_the_log_is_a_copy_of_what_is_latent(world, tables):
    deals, latent = tables["deals"], current_deals(world)
    numbers = {column: deals[column].astype("float64") for column in ("amount",)}
    for column in deals.columns:
        codes = pd.factorize(deals[column])[0]
        if len(set(codes)) < 50:
            numbers[column] = pd.Series(codes, dtype="float64")
    still_open = deals["outcome"].isna().to_numpy()
    for name in ("need", "interest", "boost", "power", "urgency", "feel", "rival", "dead", "doomed"):
        truth = latent[name].astype(float)
        for column, values in numbers.items():
            both = still_open & values.notna().to_numpy()
            if truth[both].std() > 0 and values[both].std() > 0:
                assert abs(np.corrcoef(truth[both], values[both])[0, 1]) < 0.75, (name, column)


def test_a_visit_with_the_superior_leaves_a_row_of_the_superiors_own(tables):
    joint = tables["activities"].query("subject == '同行訪問'")
    style = tables["people"].set_index("person_id")["style"]
    together = joint.groupby(["deal_id", "at"])["actor_id"].agg(lambda who: sorted(style[list(who)]))
    assert len(together) > 10
    assert together.map(lambda styles: "manager" in styles).mean() > 0.95


def test_the_files_hold_what_the_frames_hold(world, tables, tmp_path):
    write(world, tmp_path)
    for name, frame in tables.items():
        path = tmp_path / f"{name}.csv"
        assert path.read_bytes()[:3] != b"\xef\xbb\xbf"
        back = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
        assert len(back) == len(frame)
        assert list(back.columns) == list(frame.columns)
        times = [column for column in frame if frame[column].dtype == "datetime64[s]"]
        got = back[times].apply(
            lambda column: pd.to_datetime(column.replace("", None)).astype("datetime64[s]")
        )
        assert_frame_equal(got, frame[times])
    events = pd.read_csv(tmp_path / "deal_events.csv", dtype=str, keep_default_na=False)
    assert events["at"].str.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d").all()
    dates = events.loc[events["field"] == "expected_close_date", "value"]
    assert dates.str.fullmatch(r"\d{4}-\d\d-\d\d").all()
    assert {path.name for path in (tmp_path / "truth").iterdir()} == {
        "planted.json", "sellers.csv", "deals.csv", "market.csv",
    }  # fmt: skip
