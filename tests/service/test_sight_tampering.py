"""Does an address, a body, a cursor or an ETag that names others open nothing?"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from service import cursors
from tests.support.fakes import PERIOD
from tests.support.served_teams import (
    NEW,
    Served,
    opened,
)
from tests.support.teams import (
    MOVED,
    PAST,
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with pytest.MonkeyPatch.context() as patch:
        made = opened(tmp_path_factory.mktemp("sight"), patch)
        yield made
        made.close()


TWICE = {"kpi": "leads", "multiplier": 2}


THEIRS = {"deal_id": "{deal}", "owner_id": "{person}"}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", f"/forecasts/{PERIOD}/what-if", {"won": ["{deal}"]}),
        ("POST", f"/forecasts/{PERIOD}/what-if", {"lost": ["{deal}"]}),
        ("POST", f"/forecasts/{PERIOD}/what-if", {"pushed": [{"deal_id": "{deal}", "days": 3}]}),
        ("POST", f"/forecasts/{PERIOD}/what-if", {"repriced": [{"deal_id": "{deal}", "amount": 3}]}),
        ("POST", f"/forecasts/{PERIOD}/what-if", {"leaving": ["{person}"]}),
        ("POST", f"/forecasts/{PERIOD}/what-if", {"joining": [{"team_id": "{team}"}]}),
        ("POST", f"/forecasts/{PERIOD}/what-if", {"targets": [{"scope": "team:{team}", "value": 3}]}),
        ("POST", f"/forecasts/{PERIOD}/what-if", {"levels": [{**TWICE, "scope": "person:{person}"}]}),
        ("GET", "/deals/{deal}?as_of=2026-10-20", None),
        ("GET", "/deals/{deal}/timeline?as_of=2026-10-20", None),
        ("GET", "/actions?deal_id={deal}", None),
        ("GET", "/deals?scope=team:{team}", None),
        ("GET", "/deals?scope=unassigned", None),
        ("POST", "/kpis/check", {"proposals": [{"kpi": "leads", "scope": "person:{person}", "value": 3}]}),
        ("POST", "/deals/score", {"deal": {**NEW, **THEIRS}, "as_of": "2026-11-20"}),
    ],
)  # fmt: skip
def test_what_is_not_seen_is_answered_like_what_does_not_exist(
    method: str, path: str, body: Any, served: Served
):
    for caller in ("seller", "manager", "key of team"):
        said = []
        for names in (
            {"deal": "d-baba-2", "person": "p-baba", "team": "t-west"},
            {"deal": "d-baba-0", "person": "p-noda", "team": "t-west"},
            {"deal": "d-zzzz-2", "person": "p-zzzz", "team": "t-zzzz"},
        ):
            answer = served.ask(caller, method, with_names(path, names), with_names(body, names))
            text = answer.text
            for name in names.values():
                text = text.replace(name, "")
            said.append((answer.status_code, text))
        assert said[0] == said[1] == said[2], (caller, path)


def with_names(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, str):
        for name, text in names.items():
            value = value.replace("{" + name + "}", text)
        return value
    if isinstance(value, dict):
        return {key: with_names(one, names) for key, one in value.items()}
    return [with_names(one, names) for one in value] if isinstance(value, list) else value


def test_a_cursor_that_names_anothers_deal_opens_nothing(served: Served):
    others = served.ask("program", "GET", "/deals?sort=deal_id&limit=1").json()["next_cursor"]
    refused = served.ask("seller", "GET", f"/deals?sort=deal_id&cursor={others}")
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_cursor"), "it is of another list"
    place = orjson.loads(base64.urlsafe_b64decode(others + "=" * (-len(others) % 4)))
    forged = cursors.written(place[0].replace("company", "person:p-sato"), ["d-a", "d-a"])
    answer = served.ask("seller", "GET", f"/deals?sort=deal_id&cursor={forged}").json()
    assert [row["deal_id"] for row in answer["deals"]] == ["d-sato-2"]


def test_no_cursor_is_that_of_a_deal_which_somebody_else_has_now(served: Served):
    path = f"/deals?limit=1&sort=-deal_id&as_of={PAST}"
    for caller, scope in (("seller", ""), ("manager", "&scope=person:p-sato")):
        answer = served.ask(caller, "GET", path + scope).json()
        assert [row["deal_id"] for row in answer["deals"]] == ["d-sato-2"]
        assert answer["next_cursor"] is None
    whole = served.ask("admin", "GET", f"{path}&scope=person:p-sato").json()
    assert [row["deal_id"] for row in whole["deals"]] == [MOVED]


def test_two_who_read_different_answers_never_share_an_etag(served: Served):
    for path in (
        f"/forecasts/{PERIOD}",
        "/deals",
        f"/forecasts/{PERIOD}?scope=team:t-hill",
        "/deals/d-sato-2",
    ):
        whole, part = (served.ask(caller, "GET", path) for caller in ("admin", "manager"))
        tags = [answer.headers.get("etag") for answer in (whole, part)]
        assert whole.content != part.content
        assert tags[0] is None or tags[0] != tags[1]
        if tags[0] is not None:
            again = served.ask("manager", "GET", path, **{"If-None-Match": tags[0]})
            assert again.status_code == 200
