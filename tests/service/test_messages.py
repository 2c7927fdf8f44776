"""Do the sentences of answers name what they are about, in both languages, one line for what is not used?"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from crm.i18n import Text
from crm.instants import as_of_instant
from crm.periods import parse_period
from models.bundle import ModelWarning
from service import messages
from service.language import scope_label

TOKYO = ZoneInfo("Asia/Tokyo")
WHY = Text("決着時に入力される項目とみなしています。", "It appears to be filled in at closing.")


def leaks(*attributes: str) -> list[ModelWarning]:
    return [ModelWarning(f"leak_{name}", WHY) for name in attributes]


def test_model_warnings_name_attributes_that_are_not_used_in_one_line() -> None:
    few = ModelWarning("too_few_deals", Text("少ない", "few"))
    (code, line), other = messages.model_warnings([*leaks("受注理由", "source"), few], "3")
    assert code == "attributes_not_used"
    assert line.ja == "予測に使っていない項目：受注理由、流入元（理由は `sancho models show 3`）"
    assert line.en == "Not used for prediction: 受注理由, Source (why: `sancho models show 3`)"
    assert other == ("too_few_deals", few.message)


def test_model_warnings_count_attributes_beyond_the_fifth() -> None:
    ((_, line),) = messages.model_warnings(leaks(*"abcdefg"), "3")
    assert "：a、b、c、d、e、ほか2項目（" in line.ja
    assert ": a, b, c, d, e, 2 more (" in line.en


def test_model_warnings_are_none_where_the_model_has_none() -> None:
    assert messages.model_warnings([], "3") == []


def test_no_target_names_scope_and_period() -> None:
    text = messages.no_target(scope_label("team:T01"), parse_period("2026-Q4"))
    assert text.ja.startswith("2026年10〜12月期（2026-Q4）のチーム T01の売上目標が未登録のため")
    assert text.en.startswith("No revenue target is known for team T01 in 2026-Q4,")


def test_closed_deal_names_the_day_on_which_it_closed() -> None:
    closed = as_of_instant("2026-11-20T09:30+09:00", TOKYO)
    text = messages.closed_deal(Text("甲社（D1）", "Acme (D1)"), closed, TOKYO)
    assert "商談「甲社（D1）」は" in text.ja
    assert text.en.startswith("deal 'Acme (D1)' closed")
    assert "2026年11月20日に決着済みです" in text.ja
    assert "closed on 2026-11-20" in text.en
