"""Are the pure parts of a backtest right: moments, scores of distributions, bootstraps, plain rules?"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.errors import SanchoError
from crm.eventlog import EventLog
from crm.instants import DAY, end_of_day, iso, start_of_day
from crm.periods import parse_period
from features import Calendar, compile_history
from models.statistics import interval_of, means_of, share_of_gap_closed
from training import metrics
from training.backtest import deal_scores, distribution_scores, period_baselines
from training.backtest.deal_scores import SANCHO, DealRows
from training.backtest.origins import Span, choose_periods, earlier, origins
from training.backtest.outcomes import Outcomes
from training.backtest.period_scores import ForecastScore, ScopeForecast, period_tables
from training.snapshots import Cycle, DealOutcomes, deal_outcomes

TOKYO = ZoneInfo("Asia/Tokyo")


def span(first: date, end: date) -> Span:
    return Span(start_of_day(first, TOKYO), start_of_day(end, TOKYO))


def test_a_period_is_judged_only_when_it_is_over_and_has_two_before_it() -> None:
    length, chosen = choose_periods(span(date(2024, 1, 1), date(2025, 5, 20)), TOKYO)
    assert length == "quarter"
    assert [period.name for period in chosen] == ["2024-Q3", "2024-Q4", "2025-Q1"]
    _, until_the_end = choose_periods(span(date(2024, 1, 1), date(2025, 7, 1)), TOKYO)
    assert until_the_end[-1].name == "2025-Q2"


def test_a_short_history_is_judged_by_months_and_a_very_short_one_by_weeks() -> None:
    assert choose_periods(span(date(2025, 1, 1), date(2025, 8, 1)), TOKYO)[0] == "month"
    assert choose_periods(span(date(2025, 1, 1), date(2025, 3, 1)), TOKYO)[0] == "week"
    with pytest.raises(SanchoError, match="too short"):
        choose_periods(span(date(2025, 1, 1), date(2025, 1, 9)), TOKYO)


def test_the_number_of_periods_and_their_length_can_be_asked_for() -> None:
    whole = span(date(2020, 1, 1), date(2025, 5, 20))
    assert [period.name for period in choose_periods(whole, TOKYO, 2)[1]] == ["2024-Q4", "2025-Q1"]
    assert choose_periods(whole, TOKYO, 1, "month")[1][0].name == "2025-04"
    with pytest.raises(SanchoError, match="quarter, month or week"):
        choose_periods(whole, TOKYO, 1, "decade")


def test_an_origin_knows_whole_weeks_of_its_period_and_nothing_later() -> None:
    found = origins(parse_period("2025-Q1"), (1, 4, 8, 12, 13), TOKYO)
    assert [origin.week for origin in found] == [1, 4, 8, 12]
    assert iso(found[0].as_of, TOKYO) == "2025-01-08T00:00:00+09:00"
    assert [origin.week for origin in origins(parse_period("2025-02"), (1, 2, 3, 4), TOKYO)] == [1, 2, 3]


def test_earlier_periods_come_oldest_first_with_their_names() -> None:
    names = [period.name for period in earlier(parse_period("2025-Q1"), 3, "quarter")]
    assert names == ["2024-Q2", "2024-Q3", "2024-Q4"]


def test_crps_of_a_normal_is_the_known_formula() -> None:
    from scipy.stats import norm

    draws = norm.ppf((np.arange(20_000) + 0.5) / 20_000, 10.0, 2.0)
    z = (13.0 - 10.0) / 2.0
    known = 2.0 * (z * (2.0 * norm.cdf(z) - 1.0) + 2.0 * norm.pdf(z) - 1.0 / np.sqrt(np.pi))
    assert distribution_scores.crps(draws, 13.0) == pytest.approx(known, abs=1e-3)


def test_crps_is_fair_to_a_few_draws() -> None:
    rng = np.random.default_rng(1)
    actual = rng.normal(size=4000)
    few = np.mean([distribution_scores.crps(rng.normal(size=5), y) for y in actual])
    many = np.mean([distribution_scores.crps(rng.normal(size=500), y) for y in actual])
    assert few == pytest.approx(many, abs=0.03)


def test_pinball_at_the_median_is_half_the_absolute_error() -> None:
    assert distribution_scores.pinball(np.array([3.0]), np.array([0.5]), 5.0)[0] == pytest.approx(1.0)
    assert distribution_scores.pinball(np.array([3.0]), np.array([0.5]), 1.0)[0] == pytest.approx(1.0)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40), st.floats(-1e6, 1e6))
def test_crps_is_at_most_the_mean_distance_and_wider_levels_cover_more(
    draws: list[float], actual: float
) -> None:
    values = np.array(draws)
    assert distribution_scores.crps(values, actual) <= np.abs(values - actual).mean() + 1e-6
    held = distribution_scores.covered(values, actual)
    assert (np.diff(held) >= 0).all()


def test_pit_of_right_distributions_is_even_also_where_much_is_certain() -> None:
    rng = np.random.default_rng(2)
    draws = np.maximum(rng.normal(size=(3000, 200)), 0.0)
    actual = np.maximum(rng.normal(size=3000), 0.0)
    values = np.array(
        [distribution_scores.pit(d, y, u) for d, y, u in zip(draws, actual, rng.random(3000), strict=True)]
    )
    counts, _ = np.histogram(values, bins=10, range=(0, 1))
    assert counts.min() > 230
    assert counts.max() < 370


def test_rows_of_one_deal_repeated_ten_times_are_not_ten_times_as_sure() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=200)
    once = means_of(values[:, None], np.ones(200), np.arange(200), np.random.default_rng(0))[0]
    repeated = means_of(
        np.repeat(values, 10)[:, None], np.ones(2000), np.repeat(np.arange(200), 10), np.random.default_rng(0)
    )[0]
    assert repeated.mean == pytest.approx(once.mean)
    assert repeated.hi - repeated.lo == pytest.approx(once.hi - once.lo, rel=0.01)


def test_one_cluster_has_no_interval() -> None:
    found = means_of(np.ones((5, 1)), np.ones(5), np.zeros(5, int), np.random.default_rng(0))[0]
    assert found.to_json() == {"mean": 1.0, "lo": None, "hi": None}
    nothing = interval_of(np.zeros((0, 2)), np.zeros(0, int), np.random.default_rng(0), lambda s: s[:, 0])
    assert nothing.to_json() == {"mean": None, "lo": None, "hi": None}


def test_the_share_of_the_distance_closed_is_0_at_the_worst_and_1_at_the_best() -> None:
    worst, best, rows = np.array([3.0, 5.0]), np.array([1.0, 1.0]), np.arange(2)
    rng = np.random.default_rng(0)
    assert share_of_gap_closed(worst, worst, best, rows, rng).mean == 0.0
    assert share_of_gap_closed(worst, best, best, rows, rng).mean == 1.0


def rows_of(count: int, seed: int = 0, bent: float = 1.0) -> DealRows:
    rng = np.random.default_rng(seed)
    score = rng.normal(-1.0, 1.2, count)
    chance = 1.0 / (1.0 + np.exp(-score))
    won = (rng.random(count) < chance).astype(float)
    bent_chance = 1.0 / (1.0 + np.exp(-score * bent))
    return DealRows(
        deal=np.arange(count) // 2,
        origin=np.zeros(count, np.int64),
        period=np.arange(count) % 8,
        week=np.where(np.arange(count) % 2, 4, 1),
        stage=np.array(["提案", "受付"], object)[np.arange(count) % 2],
        outcome=won,
        alive=np.zeros(count, bool),
        weight=np.ones(count),
        chance={SANCHO: chance, "base_rate": np.full(count, won.mean()), "logistic": bent_chance},
    )


def test_true_chances_beat_the_base_rate_beyond_doubt_and_have_a_slope_of_1() -> None:
    table = deal_scores.deal_tables(rows_of(4000), ("提案", "受付"))
    overall = table["overall"]
    assert overall["rows"] == 4000
    assert overall["deals"] == 2000
    assert overall["against"]["base_rate"]["log_loss"]["hi"] < 0
    slope = overall["methods"][SANCHO]["slope"]
    assert slope["lo"] < 1 < slope["hi"]
    ours = overall["methods"][SANCHO]
    assert ours["calibration_error"] < 2.0 * ours["calibration_noise"]
    assert [row["stage"] for row in table["by_stage"]] == ["提案", "受付"]
    assert [row["week"] for row in table["by_week"]] == [1, 4]
    assert sum(row["rows"] for row in table["by_week"]) == 4000


def test_chances_bent_twice_as_far_apart_have_a_slope_of_a_half() -> None:
    overall = deal_scores.table_row(rows_of(6000, bent=2.0))
    assert overall["methods"]["logistic"]["slope"]["mean"] == pytest.approx(0.5, abs=0.05)


def test_a_slope_from_repeated_rows_is_no_surer_than_from_the_deals_themselves() -> None:
    rows = rows_of(800)
    once = metrics.slope_intervals(rows.chance[SANCHO], rows.outcome, np.arange(800))[1]
    again = metrics.slope_intervals(
        np.repeat(rows.chance[SANCHO], 5), np.repeat(rows.outcome, 5), np.repeat(np.arange(800), 5)
    )[1]
    assert again.hi - again.lo == pytest.approx(once.hi - once.lo, rel=1e-6)


def test_too_few_rows_are_counted_and_not_judged() -> None:
    found = deal_scores.table_row(rows_of(12))
    assert found["rows"] == 12
    assert found["methods"] == {}


def test_joined_rows_keep_only_methods_that_answered_all_of_them() -> None:
    some = rows_of(10)
    fewer = replace(some, chance={SANCHO: some.chance[SANCHO]})
    both = DealRows.joined([some, fewer])
    assert len(both) == 20
    assert list(both.chance) == [SANCHO]
    assert len(DealRows.joined([])) == 0


def with_alive(rows: DealRows, every: int = 5) -> DealRows:
    """Every so many rows' deals are still alive: they count as won in part."""
    alive = np.arange(len(rows)) % every == 0
    return replace(rows, alive=alive, outcome=np.where(alive, 0.3, rows.outcome))


def test_deals_still_alive_leave_a_figure_between_what_it_is_if_they_end_one_way_or_the_other() -> None:
    rows = with_alive(rows_of(2000))
    found = deal_scores.table_row(rows)
    assert found["still_open"] == 400
    assert found["won_share_if"]["all_lost"] < found["won_share"] < found["won_share_if"]["all_won"]
    lost, won = (rows.if_alive_end(end) for end in (0.0, 1.0))
    for kind, score in (("log_loss", metrics.log_losses), ("brier", metrics.brier_scores)):
        figure = found["methods"][SANCHO][kind]
        assert figure["least"] < figure["mean"] < figure["most"]
        # Bounds are row by row: no common end of all deals is outside of them.
        for one in (lost, won):
            mean = float(score(one.chance[SANCHO], one.outcome).mean())
            assert figure["least"] <= mean <= figure["most"]
        gap = found["against"]["logistic"][kind]
        assert gap["least"] <= gap["mean"] <= gap["most"]
    assert set(found["methods"][SANCHO]["if"]) == {"all_lost", "all_won"}


def test_without_deals_still_alive_the_bounds_are_the_figure() -> None:
    found = deal_scores.table_row(rows_of(500))
    for figure in (found["methods"][SANCHO]["log_loss"], found["against"]["base_rate"]["brier"]):
        assert figure["least"] == pytest.approx(figure["mean"])
        assert figure["most"] == pytest.approx(figure["mean"])
    assert "if" not in found["methods"][SANCHO]


def test_periods_whose_markets_differ_make_a_difference_less_sure() -> None:
    rows = rows_of(4000)
    lucky = replace(rows, outcome=np.where(rows.period < 4, np.maximum(rows.outcome, rows.period % 2), 0.0))
    for one in (rows, lucky):
        found = deal_scores.table_row(one)["against"]["base_rate"]["log_loss"]
        alone = deal_scores.table_row(replace(one, period=np.zeros(len(one), np.int64)))
        alone = alone["against"]["base_rate"]["log_loss"]
        assert found["mean"] == pytest.approx(alone["mean"])
        if one is lucky:
            assert found["hi"] - found["lo"] > 2.0 * (alone["hi"] - alone["lo"])


def test_rows_of_twice_the_weight_count_like_two_rows_in_every_figure() -> None:
    rows = with_alive(rows_of(600))
    twice = rows.where(np.repeat(np.arange(600), 1 + np.arange(600) % 2))
    weighted = deal_scores.table_row(replace(rows, weight=1.0 + np.arange(600) % 2))
    for name in (SANCHO, "logistic"):
        ours, theirs = (table["methods"][name] for table in (weighted, deal_scores.table_row(twice)))
        for kind in ("auc", "mean_probability"):
            assert ours[kind] == pytest.approx(theirs[kind])
        assert ours["slope"]["mean"] == pytest.approx(theirs["slope"]["mean"])
        assert ours["log_loss"] == pytest.approx(theirs["log_loss"])


def test_what_luck_alone_gives_needs_no_random_numbers() -> None:
    rows = rows_of(1200)
    chance = rows.chance[SANCHO]
    lots = np.random.default_rng(0).random((2_000, int(rows.deal.max()) + 1))
    lucky = [
        metrics.calibration_error(chance, (lot[rows.deal] < chance).astype(float), rows.weight)
        for lot in lots
    ]
    assert metrics.calibration_noise(chance, rows.deal, rows.weight) == pytest.approx(
        np.mean(lucky), rel=0.03
    )
    # A deal's rows are won or lost together, so ten rows of a deal say no more than one.
    again = metrics.calibration_noise(np.repeat(chance, 10), np.repeat(rows.deal, 10))
    assert again == pytest.approx(metrics.calibration_noise(chance, rows.deal), rel=0.05)


def test_predictions_that_hardly_vary_have_no_slope() -> None:
    found = deal_scores.table_row(rows_of(500))["methods"]["base_rate"]
    assert found["slope"] == {"mean": None, "lo": None, "hi": None}


def lives(created: list[int], closed: list[int], outcome: list[int], sign: list[int]) -> DealOutcomes:
    return DealOutcomes(*(np.array(values, np.int64) for values in (created, closed, outcome, sign)))


def test_a_deal_won_after_the_period_is_not_won_by_its_end_but_is_won_in_the_end() -> None:
    never = np.iinfo(np.int64).min
    known = lives([0] * 4, [50 * DAY, 150 * DAY, never, never], [1, 1, -1, -1], [0, 0, 195 * DAY, 5 * DAY])
    outcomes = Outcomes(pd.Index(["a", "b", "c", "d"]), known, Cycle(100.0, 60.0, 2), 200 * DAY)
    deals = outcomes.numbers(np.array(["a", "b", "c", "d"], object))
    assert outcomes.won_by(deals, 90 * DAY).tolist() == [1, 0, 0, 0]
    assert outcomes.won_by(deals, 150 * DAY).tolist() == [1, 0, 0, 0]  # a closing at the end is after it
    won, alive = outcomes.won_ever(deals)
    assert won.tolist() == [1, 1, 0, 0]  # nothing older than c has ever been won
    assert alive.tolist() == [False, False, True, False]  # c still gives signs, d has been silent for long
    assert outcomes.is_mature(100 * DAY)
    assert not outcomes.is_mature(101 * DAY)


def test_a_deal_still_alive_counts_as_won_as_often_as_others_open_at_its_age_were() -> None:
    never = np.iinfo(np.int64).min
    ages = [30 * DAY] * 10 + [100 * DAY] * 3 + [110 * DAY] * 5
    outcome = [1] * 10 + [1] * 3 + [0] * 5
    created = [0] * 18 + [120 * DAY, 150 * DAY, 20 * DAY]
    known = lives(
        created, [*ages, never, never, never], [*outcome, -1, -1, -1], [*[0] * 18, *[199 * DAY] * 3]
    )
    outcomes = Outcomes(pd.Index([str(n) for n in range(21)]), known, Cycle(100.0, 60.0, 18), 200 * DAY)
    won, alive = outcomes.won_ever(np.arange(21))
    assert alive.tolist() == [False] * 18 + [True] * 3
    # Nine are at risk on day 100 (the one open for 80 days only is not): three of nine are won.
    assert won[18:] == pytest.approx([1 / 3, 1 / 3, 0.0])
    # Judged only by the closed ones, 13 of 18 would have been won.
    assert won.mean() < 13 / 18


def lesson(
    factor: float, noise: float, periods: int = 8, seed: int = 0
) -> dict[str, period_baselines.RuleExamples]:
    rng = np.random.default_rng(seed)
    found = {}
    for kind, scopes in (("company", 1), ("team", 6)):
        weighted = rng.uniform(50, 150, periods * scopes)
        rest = np.maximum(factor * weighted * (1.0 + noise * rng.normal(size=len(weighted))), 0.0)
        columns = np.stack([weighted, rng.uniform(50, 150, len(weighted))], axis=1)
        found[kind] = period_baselines.RuleExamples(columns, rest, np.repeat(np.arange(periods), scopes))
    return found


def test_a_pipeline_that_always_promised_twice_too_much_is_halved() -> None:
    taught = lesson(0.5, 0.05)
    alone = {
        kind: period_baselines.RuleExamples(part.columns[:, :1], part.rest, part.period)
        for kind, part in taught.items()
    }
    for known, width in ((taught, 2), (alone, 1)):
        draws = period_baselines.fit_rule("company", known, width).draws(10.0, np.full(width, 100.0))
        assert draws.mean() == pytest.approx(60.0, rel=0.15)
    assert len(draws) == period_baselines.GRID


def test_a_pipeline_with_larger_past_errors_gets_a_wider_spread() -> None:
    def width(noise: float) -> float:
        rule = period_baselines.fit_rule("team", lesson(1.0, noise), 2)
        draws = rule.draws(0.0, np.array([100.0, 100.0]))
        return float(np.quantile(draws, 0.9) - np.quantile(draws, 0.1))

    assert width(0.4) > 1.5 * width(0.1)


def test_a_recalibrated_rule_covers_what_it_promises() -> None:
    held = []
    for seed in range(60):
        taught = lesson(0.8, 0.3, periods=9, seed=seed)
        known = {
            kind: period_baselines.RuleExamples(
                *(column[part.period < 8] for column in (part.columns, part.rest, part.period))
            )
            for kind, part in taught.items()
        }
        rule = period_baselines.fit_rule("team", known, 2)
        new = taught["team"].period == 8
        for columns, rest in zip(taught["team"].columns[new], taught["team"].rest[new], strict=True):
            held.append(distribution_scores.covered(rule.draws(0.0, columns), rest)[1])
    assert np.mean(held) == pytest.approx(0.8, abs=0.08)


def test_without_past_periods_a_rule_says_what_it_says_with_a_wide_spread() -> None:
    rule = period_baselines.fit_rule("company", {}, 1)
    draws = rule.draws(5.0, np.array([100.0]))
    assert draws.mean() == pytest.approx(105.0, rel=0.01)
    assert np.quantile(draws, 0.9) - np.quantile(draws, 0.1) > 80
    assert rule.draws(5.0, np.array([0.0])).tolist() == [5.0] * period_baselines.GRID


def line(
    actual: float, ours: np.ndarray, theirs: np.ndarray, target: float | None, cluster: int, week: int
) -> ScopeForecast:
    by = {
        SANCHO: ForecastScore.of(ours, actual, target, 0.5),
        "run_rate": ForecastScore.of(theirs, actual, target, 0.5),
    }
    return ScopeForecast(
        "p", cluster, week, "t", "company", "company", 0.0, actual, target, "set" if target else "", by
    )


def test_period_figures_by_hand() -> None:
    certain, far = np.full(10, 100.0), np.full(10, 140.0)
    lines = [line(100.0, certain, far, 90.0, 1, 1), line(120.0, certain, far, None, 2, 4)]
    table = period_tables(lines)["company"]["overall"]
    assert table["rows"] == 2
    assert table["periods"] == 2
    assert table["rows_with_target"] == 1
    ours = table["methods"][SANCHO]
    assert ours["crps"]["mean"] == pytest.approx(10.0)  # 0 and 20
    assert ours["error"]["mean"] == pytest.approx(-10.0)  # positive means we promised too much
    assert ours["coverage"]["80"]["mean"] == pytest.approx(0.5)
    assert ours["brier"]["mean"] == pytest.approx(0.0)
    assert table["against"]["run_rate"]["crps"]["mean"] == pytest.approx(10.0 - 30.0)


def test_silence_before_a_closing_is_the_same_in_the_backtest_as_in_training() -> None:
    created = pd.Timestamp("2026-01-05 10:00")
    deals, events = [], []
    for number in range(12):
        name, closed = f"D{number}", created + pd.Timedelta(days=60 + number)
        deals.append(
            {"deal_id": name, "created_at": created, "closed_at": closed, "outcome": "won", "stage": "受注"}
        )
        for at, stage in ((created + pd.Timedelta(days=20), "提案・見積"), (closed, "受注")):
            events.append({"deal_id": name, "at": at, "field": "stage", "value": stage})
    log = EventLog.of({"deals": pd.DataFrame(deals), "deal_events": pd.DataFrame(events)}, TOKYO)
    end = end_of_day(date(2026, 12, 31), TOKYO)
    outcomes = Outcomes.of(log, end)
    trained = deal_outcomes(log.as_of(end), compile_history(log.as_of(end), Calendar(TOKYO)))
    assert outcomes.outcomes.last_sign.tolist() == trained.last_sign.tolist()
    # The closing itself is no sign of life: up to 51 days of silence came before one.
    assert outcomes.cycle.silent_days == pytest.approx(50.78)
