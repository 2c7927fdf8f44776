"""Does the deal sheet add up, know nothing too early, and mark past ranks as they were?"""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from crm.importing import push_rows
from crm.instants import as_of_instant
from tests.support.fakes import TOKYO
from tests.support.ranked import PAST, WON_OF_PAST, ranked_service
from tests.support.served import small_service

AS_OF = "2026-11-20"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with ranked_service(tmp_path_factory.mktemp("yomi")) as service:
        yield service


@pytest.fixture(scope="module")
def reader(served) -> TestClient:
    key = served.key("read")
    return TestClient(served.app, headers={"Authorization": f"Bearer {key}", "Accept-Language": "ja"})


def sheet(reader, **asked) -> dict:
    answer = reader.get("/v1/yomi/2026-Q4", params={"as_of": AS_OF, **asked})
    assert answer.status_code == 200, answer.text
    return answer.json()


def by_deal(answer: dict) -> dict[str, dict]:
    return {row["deal_id"]: row for row in answer["deals"]}


def test_its_rows_are_the_deals_due_or_won_in_the_period(reader) -> None:
    answer = sheet(reader)
    assert set(by_deal(answer)) == {"D0", "D2", "D4", "D5", "D6", "D7"}
    assert answer["deals_due_later"] == 1  # of the past quarter, due in February
    states = {deal: row["state"] for deal, row in by_deal(answer).items()}
    assert states == {"D0": "won", "D2": "won", "D4": "open", "D5": "open", "D6": "open", "D7": "open"}


def test_a_deal_past_its_day_counts_in_the_month_of_the_moment(reader) -> None:
    rows = by_deal(sheet(reader))
    assert (rows["D5"]["expected_close_date"], rows["D5"]["month"]) == ("2026-11-10", "2026-11")
    assert rows["D4"]["month"] == "2026-12"
    assert rows["D0"]["month"] == "2026-10"


def test_the_chance_the_swing_and_the_revenue_are_those_of_the_forecast(reader) -> None:
    forecast = reader.get("/v1/forecasts/2026-Q4", params={"as_of": AS_OF}).json()
    said = {row["deal_id"]: row for row in forecast["deals"]}
    answer = sheet(reader)
    assert answer["probability"] == forecast["probability"]
    assert answer["revenue"]["p50"] == forecast["revenue"]["p50"]
    for deal, row in by_deal(answer).items():
        if row["state"] == "open":
            assert row["by_period_end"] == said[deal]["by_period_end"]
            assert row["swing_pp"] == said[deal]["swing_pp"]
            assert row["revenue"] == said[deal]["revenue"]


def test_the_difference_is_the_chance_minus_the_one_agreed(reader) -> None:
    rows = by_deal(sheet(reader))
    assert (rows["D5"]["rank"], rows["D5"]["agreed"]) == ("B", 0.6)
    for deal in ("D4", "D5", "D6"):
        row = rows[deal]
        assert row["difference_pp"] == pytest.approx(100 * (row["by_period_end"] - row["agreed"]))
    assert (rows["D7"]["rank"], rows["D7"]["agreed"], rows["D7"]["difference_pp"]) == (None, None, None)


def test_the_summary_adds_up_by_rank_and_month(reader) -> None:
    rows = {(row["code"], row["rank"]): row for row in sheet(reader)["summary"]}
    assert rows["won", None]["months"] == [4e6, 0.0, 0.0]  # D0 1M and D2 3M
    assert rows["rank", "A"]["months"] == [0.0, 0.0, 5e6]
    assert rows["rank", "B"]["months"] == [0.0, 6e6, 0.0]
    assert rows["rank", "C"]["months"] == [0.0, 0.0, 7e6]
    assert rows["unranked", None]["months"] == [0.0, 0.0, 8e6]
    assert rows["counted_on", "B"]["total"] == 4e6 + 5e6 + 6e6
    assert rows["counted_on", "B"]["label"] == "受注＋A＋B"
    assert rows["target", None] == {
        "code": "target", "rank": None, "label": "目標", "months": [None, None, None], "total": 2e7
    }  # fmt: skip
    assert rows["gap", None]["total"] == 15e6 - 2e7
    assert rows["attained", None]["total"] == pytest.approx(0.2)


def test_the_forecast_by_month_is_a_mean_that_adds_up_to_the_whole(reader) -> None:
    answer = sheet(reader)
    expected = answer["summary"][-1]
    assert expected["code"] == "expected"
    assert sum(expected["months"]) == pytest.approx(answer["revenue"]["mean"], rel=1e-9)
    assert expected["months"][0] == 4e6  # October is over
    assert "確かめていない" in answer["no_range_by_month"]


def test_targets_of_months_stand_in_their_columns(tmp_path) -> None:
    with small_service(tmp_path) as service:
        rows = [{"metric": "revenue", "scope": "company", "period": "2026-11", "value": 9e6}]
        push_rows(service.cases.serving.store, "targets", rows, TOKYO, now=as_of_instant("2026-11-18", TOKYO))
        service.cases.serving.refresh()
        answer = service.cases.yomi.sheet("2026-Q4", "company", AS_OF, 4, "en")
    assert answer["summary"][0]["months"] == [None, 9e6, None]
    assert answer["summary"][0]["total"] == 2e7


def test_a_rank_is_the_one_that_was_known_then(reader) -> None:
    assert by_deal(sheet(reader, as_of="2026-11-10"))["D4"]["rank"] == "B"
    assert by_deal(sheet(reader, as_of="2026-11-17"))["D4"]["rank"] == "A"


def test_the_answer_check_counts_past_deals_by_the_rank_of_the_stated_week(reader) -> None:
    check = sheet(reader)["answer_check"]
    assert [quarter["period"] for quarter in check["quarters"]] == ["2026-Q3"]
    assert check["quarters"][0]["as_of"].startswith("2026-07-29T00:00")
    rank = {row["rank"]: row for row in check["ranks"]}
    assert (rank["A"]["deals"], rank["A"]["won"]) == (PAST, WON_OF_PAST)
    assert rank["A"]["share"] == pytest.approx(WON_OF_PAST / PAST)
    assert rank["A"]["difference_pp"] == pytest.approx(100 * (WON_OF_PAST / PAST - 0.9))
    assert (rank["C"]["deals"], rank["C"]["share"]) == (0, None)


def test_the_answer_check_of_a_later_week_reads_later_ranks(reader) -> None:
    rank = {row["rank"]: row for row in sheet(reader, week=9)["answer_check"]["ranks"]}
    assert (rank["A"]["deals"], rank["C"]["deals"]) == (0, PAST)


def test_too_few_deals_of_a_rep_get_no_share(reader) -> None:
    reps = {one["scope"]: one for one in sheet(reader)["answer_check"]["by_rep"]}
    assert set(reps) == {"person:P0", "person:P1"}
    assert reps["person:P0"]["name"] == "佐藤"
    assert {one["ranks"][0]["deals"] for one in reps.values()} == {PAST // 2}
    assert {one["ranks"][0]["share"] for one in reps.values()} == {None}


def test_without_a_rank_column_the_sheet_asks_for_one_and_shows_ours_alone(tmp_path) -> None:
    with small_service(tmp_path) as service:
        rows = [{"deal_id": f"D{n}", "受注見込": "高い" if n % 2 else "低い"} for n in range(8)]
        push_rows(service.cases.serving.store, "deals", rows, TOKYO, now=as_of_instant("2026-11-18", TOKYO))
        service.cases.serving.refresh()
        answer = service.cases.yomi.sheet("2026-Q4", "company", AS_OF, 4, "ja")
    assert answer["rank_column"] is None
    assert answer["rank_columns"] == [{"column": "受注見込", "values": ["低い", "高い"]}]
    assert answer["answer_check"] is None
    assert {row["rank"] for row in answer["deals"]} == {None}
    assert "no_rank_column" in [warning["code"] for warning in answer["warnings"]]


def test_a_column_named_today_is_read_as_of_a_past_day_too(served, reader) -> None:
    store = served.cases.serving.store
    said = {"organisation_id": "company", "rank_column": "確度"}
    before = sheet(reader, as_of="2026-11-17")["deals"]
    push_rows(store, "organisation", [said], TOKYO)
    served.cases.serving.refresh()
    try:
        assert sheet(reader, as_of="2026-11-17")["rank_column"] == "確度"
    finally:
        push_rows(store, "organisation", [{**said, "rank_column": "ヨミ"}], TOKYO)
        served.cases.serving.refresh()
    assert sheet(reader, as_of="2026-11-17")["deals"] == before


def test_a_period_that_is_over_has_what_was_won_and_no_more(reader) -> None:
    answer = reader.get("/v1/yomi/2026-Q3", params={"as_of": AS_OF}).json()
    assert {row["state"] for row in answer["deals"]} == {"won"}
    assert answer["summary"][-1]["total"] == WON_OF_PAST * 1e6
    assert answer["summary"][-1]["months"] == [0.0, 0.0, WON_OF_PAST * 1e6]


def test_a_period_ahead_has_the_deals_that_are_due_in_it(reader) -> None:
    answer = reader.get("/v1/yomi/2027-Q1", params={"as_of": AS_OF}).json()
    assert [row["deal_id"] for row in answer["deals"]] == [f"Q{PAST}"]
    assert answer["deals"][0]["month"] == "2027-02"
    assert sum(answer["summary"][-1]["months"]) == pytest.approx(answer["revenue"]["mean"], rel=1e-9)
