"""Does the page ヨミ表 say what the REST answer says, in both languages, in the order that is asked for?"""

from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient

from crm.importing import push_rows
from crm.instants import as_of_instant
from service.pages.yomi.deals import is_marked
from tests.support.fakes import TOKYO
from tests.support.ranked import ranked_service
from tests.support.scripts import other_scripts
from tests.support.served import small_service

ASKED = {"period": "2026-Q4", "as_of": "2026-11-20"}
_JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with ranked_service(tmp_path_factory.mktemp("yomi-page")) as service:
        yield service


@pytest.fixture(scope="module")
def reader(served) -> TestClient:
    key = served.key("read")
    return TestClient(served.app, headers={"Authorization": f"Bearer {key}", "Accept-Language": "ja"})


def answered(reader, **asked) -> dict:
    return reader.get("/v1/yomi/2026-Q4", params={"as_of": ASKED["as_of"], **asked}).json()


def page(reader, **asked) -> str:
    found = reader.get("/yomi", params={**ASKED, "lang": "ja", **asked})
    assert found.status_code == 200, found.text
    return found.text


def values(html: str) -> list[float]:
    return [float(value) for value in re.findall(r'<data value="([^"]+)"', html)]


def rows_of(html: str) -> list[str]:
    table = re.search(r'<table class="figures yomi">.*?</table>', html, re.S).group()
    return re.findall(r"<tr[^>]*><th scope=\"row\">.*?</tr>", table, re.S)


def test_its_summary_has_the_exact_sums_of_the_answer(reader) -> None:
    html, answer = page(reader), answered(reader)
    table = re.search(r'aria-labelledby="summary">.*?</table>', html, re.S).group()
    rows = re.findall(r'<tr[^>]*><th scope="row">([^<]+)</th>(.*?)</tr>', table, re.S)
    for (_, cells), row in zip(rows, answer["summary"], strict=False):
        assert values(cells) == [one for one in (*row["months"], row["total"]) if one is not None]
    assert [label for label, _ in rows[2:5]] == ["Aヨミ", "Bヨミ", "Cヨミ"]
    assert values(rows[-1][1]) == [answer["revenue"]["p10"], answer["revenue"]["p90"]]


def test_its_rows_have_the_exact_figures_of_the_answer(reader) -> None:
    deals = [deal for deal in answered(reader)["deals"] if deal["state"] == "open"]
    rows = rows_of(page(reader))
    assert len(rows) == len(deals) == 4
    for html, deal in zip(rows, deals, strict=True):
        said = [
            deal["amount"],
            deal["by_period_end"],
            deal["difference_pp"],
            deal["revenue"],
            deal["swing_pp"],
        ]
        said = [
            one if number not in (2, 4) else one / 100 for number, one in enumerate(said) if one is not None
        ]
        if deal["difference_pp"] is None:
            said[-1] = deal["swing_pp"] / 100
        assert values(html) == pytest.approx(said, rel=1e-12)


def test_its_sentence_says_where_the_ranks_and_the_model_lead(reader) -> None:
    assert "A・Bまで全部決まっても、目標まであと500万円。Sanchoの見込みは" in page(reader)
    assert "Even if all of A and B are won, 5.0 M JPY is missing to the target" in page(reader, lang="en")


def test_its_answer_check_has_counts_and_says_where_they_are_too_few(reader) -> None:
    html = page(reader)
    assert "Aヨミと言った12件のうち、期内に受注したのは7件（58%）" in html
    table = re.search(r"<table[^>]*><caption>過去1四半期.*?</table>", html, re.S).group()
    first, *_, last = re.findall(r'<tr><th scope="row">(.*?)</tr>', table, re.S)
    assert values(first) == [0.9, 12.0, 7.0, 7 / 12]
    assert "件数不足" in last
    assert "担当者ごとに見る（2人）" in html


def test_a_row_far_from_its_rank_is_marked_and_can_be_asked_for_alone(reader) -> None:
    marked = [deal for deal in answered(reader)["deals"] if is_marked(deal)]
    html = page(reader, show="marked")
    assert marked
    assert len(rows_of(html)) == len(marked)
    assert html.count('<tr class="marked">') == len(marked)


@pytest.mark.parametrize(
    ("sort", "key"),
    [
        ("amount", lambda deal: -deal["amount"]),
        ("due", lambda deal: deal["expected_close_date"]),
        ("difference", lambda deal: -abs(deal["difference_pp"] or 0)),
    ],
)
def test_rows_come_in_the_order_that_a_heading_asks_for(reader, sort, key) -> None:
    html = page(reader, sort=sort)
    deals = sorted((deal for deal in answered(reader)["deals"] if deal["state"] == "open"), key=key)
    shown = re.findall(r'href="/deals/(D\d)', " ".join(rows_of(html)))
    assert shown == [deal["deal_id"] for deal in deals]
    assert html.count("aria-sort") == 1


@pytest.mark.parametrize(
    ("group", "head"), [("rank", "Aヨミ（1件、"), ("month", "2026-11（1件、"), ("owner", "佐藤（")]
)
def test_rows_are_grouped_by_rep_month_or_rank(reader, group, head) -> None:
    html = page(reader, group=group)
    assert f'<th scope="rowgroup" colspan="13">{head}' in html
    assert len(rows_of(html)) == 4


def test_won_deals_stand_without_a_chance(reader) -> None:
    rows = rows_of(page(reader, show="won"))
    assert len(rows) == 2
    assert all("<td>受注</td>" in row for row in rows)


def test_an_english_page_has_no_japanese_but_names(reader) -> None:
    html = page(reader, lang="en")
    names = {"日本語", "佐藤", "基幹システム更新", "アポイント", "提案", "最終交渉", "営業", "受注", "失注"}
    for name in names:
        html = html.replace(name, "")
    assert _JAPANESE.findall(html) == []


def test_the_page_stays_within_its_budget_and_loads_nothing_of_others(reader) -> None:
    html = page(reader)
    assert len(html.encode()) <= 60_000
    assert " style=" not in html
    assert other_scripts(html) == []


def test_no_range_is_shown_that_past_forecasts_refute(reader, served, monkeypatch) -> None:
    from service.interval_proof import CoveredInterval, IntervalProof

    row = CoveredInterval(kind="company", level=0.8, covered=0.5, low=0.4, high=0.6, count=90)
    monkeypatch.setattr(served.cases.yomi, "intervals", lambda: IntervalProof((row,)))
    revenue = answered(reader)["revenue"]
    assert (revenue["p10"], revenue["p90"], revenue["interval"]) == (None, None, "refuted")
    html = page(reader)
    assert "8割の幅</th>" not in html
    assert "過去検証で実績と合わなかったため表示していません" in html


@pytest.fixture(scope="module")
def unnamed(tmp_path_factory):
    """A service in which no column of ranks is named, and one could be."""
    with small_service(tmp_path_factory.mktemp("no-ranks")) as service:
        rows = [{"deal_id": f"D{n}", "見込度": "AB"[n % 2]} for n in range(8)]
        push_rows(service.cases.serving.store, "deals", rows, TOKYO, now=as_of_instant("2026-11-18", TOKYO))
        service.cases.serving.refresh()
        yield service


def of(service, *rights: str) -> TestClient:
    headers = {"Authorization": f"Bearer {service.key(*rights)}", "Accept-Language": "ja"}
    return TestClient(service.app, headers=headers, follow_redirects=False)


def test_without_a_rank_column_it_asks_for_one_and_shows_our_columns_alone(unnamed) -> None:
    html = page(of(unnamed, "read", "write"))
    assert "ヨミの列を選んでください" in html
    assert '<option value="見込度">見込度（A、B など）</option>' in html
    assert "答え合わせ" not in html
    assert "ヨミとの差</a>" not in html
    assert len(rows_of(html)) == 4
    assert "管理者" in page(of(unnamed, "read"))
    assert '<select id="column"' not in page(of(unnamed, "read"))


def test_only_who_may_write_names_the_column_and_only_one_that_is_offered(unnamed) -> None:
    form = {"column": "見込度", "next": "/yomi?period=2026-Q4"}
    assert of(unnamed, "read").post("/yomi/rank-column", data=form).status_code == 403
    writer = of(unnamed, "read", "write")
    foreign = {"Origin": "https://elsewhere.example"}
    assert writer.post("/yomi/rank-column", data=form, headers=foreign).status_code == 403
    refused = writer.post("/yomi/rank-column", data={**form, "column": "amount"})
    assert refused.status_code == 422
    assert "選べる列：見込度" in refused.text
    sent = writer.post("/yomi/rank-column", data=form)
    assert sent.status_code == 303
    assert sent.headers["location"] == "/yomi?period=2026-Q4&done=column"
    html = page(writer, done="column")
    assert "ヨミの列を設定しました。" in html
    assert "ヨミの答え合わせ" in html


def test_its_numbers_can_be_taken_as_workbook_table_file_and_json(reader) -> None:
    addresses = re.findall(r'href="(/v1/[^"]+)"', page(reader))
    forms = [address for address in addresses if "/reports/" in address]
    assert [re.search(r"format=(\w+)", address).group(1) for address in forms] == ["xlsx", "csv", "html"]
    for address in addresses:
        assert reader.get(address.replace("&amp;", "&")).status_code == 200
