"""What do the screens of `kpi-set` say of the answers that the interface shows as examples?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.service.test_cli_screens import screen  # noqa: F401 - a fixture

ROOT = Path(__file__).parents[2]
EXAMPLES = json.loads((ROOT / "service" / "api" / "examples.json").read_text("utf-8"))
PERIOD = "2026-Q4"


def told(operation: str) -> dict[str, Any]:
    found: dict[str, Any] = EXAMPLES[operation]["response"]
    return found


def flat(out: str) -> str:
    """What is printed, as it reads without its lines."""
    return "".join(out.split())


def test_candidates_stand_in_their_order_with_the_reason_of_the_first(screen: Any):  # noqa: F811
    answer = told("list_kpi_candidates")
    out, _ = screen(answer, "kpi-set", "candidates", PERIOD, lang="en")
    first = answer["candidates"][0]
    assert flat(f"{first['label']}: {first['reason']}") in flat(out)
    places = [out.index(row["label"]) for row in answer["candidates"]]
    assert places == sorted(places)
    assert "sancho kpi-set propose" in out


def test_a_proposal_is_a_numbered_sentence_for_each_kpi(screen: Any):  # noqa: F811
    answer = told("propose_kpi_sets")
    out, _ = screen(answer, "kpi-set", "propose", PERIOD, lang="en")
    sets = [one for one in answer["sets"] if isinstance(one, dict)]
    assert sets
    for one in sets:
        for number, row in enumerate(one["kpis"], 1):
            assert flat(f"{number}. {row['sentence']}") in flat(out)
    assert "sancho kpi-set accept" in out


def test_a_set_is_shown_with_its_versions_and_who_accepted_them(screen: Any):  # noqa: F811
    answer = told("get_kpi_set")
    out, _ = screen(answer, "kpi-set", "show", PERIOD, "--scope", "company", lang="ja")
    version = answer["versions"][0]
    assert f"第{version['version']}版" in out
    assert version["accepted_by"] in out
    assert version["reason"] in flat(out)


def test_where_nothing_is_accepted_the_next_step_is_said(screen: Any):  # noqa: F811
    answer = {**told("get_kpi_set"), "current": None, "versions": []}
    out, _ = screen(answer, "kpi-set", "show", PERIOD, "--scope", "company", lang="ja")
    assert "KPIセット未設定" in out
    assert "sancho kpi-set propose" in out


def test_a_review_says_why_it_is_due_and_what_became_of_each_kpi(screen: Any):  # noqa: F811
    answer = {**told("review_kpi_sets"), "why_due": ["四半期が終わりました。"]}
    out, _ = screen(answer, "kpi-set", "review", PERIOD, lang="ja")
    assert "見直しの時期です。四半期が終わりました。" in out
    for one in answer["sets"]:
        for row in one["kpis"]:
            assert flat(row["sentence"]) in flat(out)


@pytest.mark.parametrize("typed", [(), ("--kpi", "visits=40", "--reason", "見直し")])
def test_a_set_is_accepted_as_proposed_or_as_typed(typed: tuple[str, ...], screen: Any):  # noqa: F811
    own = {"scope": "person:P1", "kpis": [{"kpi": "visits", "value": 40.0}]}
    answer = {**told("get_kpi_set"), "sets": [own]}
    out, _ = screen(answer, "kpi-set", "accept", PERIOD, "--scope", "person:P1", *typed, lang="en")
    assert "version 1" in out


def test_a_kpi_that_cannot_be_read_says_how_it_is_written(capsys: pytest.CaptureFixture[str]):
    from service.cli import run

    assert run(["kpi-set", "accept", PERIOD, "--scope", "person:P1", "--kpi", "visits", "--lang", "en"]) == 1
    assert "write it as visits=40" in capsys.readouterr().err


def test_a_question_about_a_padded_kpi_stands_with_who_it_is_about(screen: Any):  # noqa: F811
    answer = told("get_padding")
    out, _ = screen(answer, "kpi-set", "padding", PERIOD, lang="en")
    assert answer["questions"]
    for row in answer["questions"]:
        assert flat(row["question"]) in flat(out)
        assert flat(row["name"]) in flat(out)
