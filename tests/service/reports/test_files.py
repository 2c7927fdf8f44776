"""Does a report have the numbers of REST in each form, and tell each reader no more than REST does?"""

from __future__ import annotations

import csv
import io
import re

import openpyxl
import pytest
from fastapi.testclient import TestClient

from service.cli import run
from tests.support.ranked import ranked_service
from tests.support.recalculated import recalculated

AS_OF = "2026-11-20"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with ranked_service(tmp_path_factory.mktemp("reports")) as service:
        yield service


@pytest.fixture(scope="module")
def reader(served) -> TestClient:
    headers = {"Authorization": f"Bearer {served.key('read', 'recommend')}", "Accept-Language": "ja"}
    return TestClient(served.app, headers=headers)


def report(reader, name: str, form: str, **asked):
    found = reader.get(f"/v1/reports/{name}/2026-Q4", params={"as_of": AS_OF, "format": form, **asked})
    assert found.status_code == 200, found.text
    assert (
        found.headers["content-disposition"] == f'attachment; filename="sancho-{name}-2026-Q4-company.{form}"'
    )
    return found


def test_the_table_has_the_exact_numbers_of_rest(reader) -> None:
    rows = list(csv.DictReader(io.StringIO(report(reader, "yomi", "csv").content.decode("utf-8-sig"))))
    deals = reader.get("/v1/yomi/2026-Q4", params={"as_of": AS_OF}).json()["deals"]
    assert [row["deal_id"] for row in rows] == [deal["deal_id"] for deal in deals]
    for row, deal in zip(rows, deals, strict=True):
        for name in ("amount", "by_period_end", "revenue", "swing_pp", "difference_pp"):
            assert row[name] == ("" if deal[name] is None else repr(deal[name]))


def test_the_quarter_s_table_has_the_whole_and_its_parts(reader) -> None:
    rows = list(csv.DictReader(io.StringIO(report(reader, "quarter", "csv").content.decode("utf-8-sig"))))
    forecast = reader.get("/v1/forecasts/2026-Q4", params={"as_of": AS_OF}).json()
    assert [row["scope"] for row in rows] == ["company", *(child["scope"] for child in forecast["children"])]
    assert float(rows[0]["probability"]) == forecast["probability"]
    assert float(rows[0]["p50"]) == forecast["revenue"]["p50"]


def test_a_page_file_has_the_page_s_numbers_and_needs_nothing_else(reader) -> None:
    asked = {"period": "2026-Q4", "as_of": AS_OF, "lang": "ja"}
    for name, path in (("yomi", "/yomi"), ("quarter", "/")):
        file = report(reader, name, "html").text
        page = reader.get(path, params=asked).text
        assert re.search(r"<style>.*--ground", file, re.S)
        assert re.findall(r'(?:href|src|action)="', re.sub(r"<form.*?</form>", "", file, flags=re.S)) == []
        assert "<script" not in file
        numbers = re.findall(r'<data value="([^"]+)"', page.split("<main", 1)[1])
        kept = re.findall(r'<data value="([^"]+)"', file)
        assert numbers
        assert set(numbers) <= set(kept)


def test_the_quarter_s_workbook_has_the_pictures_as_native_charts_on_a4(reader, tmp_path) -> None:
    path = tmp_path / "quarter.xlsx"
    path.write_bytes(report(reader, "quarter", "xlsx").content)
    book = openpyxl.load_workbook(path)
    forecast = reader.get("/v1/forecasts/2026-Q4", params={"as_of": AS_OF}).json()
    summary = {row[0]: row[1] for row in book["要約"].iter_rows(min_row=4, max_col=2, values_only=True)}
    assert summary["目標に届く確率"] == forecast["probability"]
    assert summary["8割の幅（下）"] == forecast["revenue"]["p10"]
    assert len(book["図"]._charts) >= 2
    assert len(list(book["内訳"].iter_rows(min_row=2))) == len(forecast["children"])
    for sheet in book:
        assert str(sheet.page_setup.paperSize) == sheet.PAPERSIZE_A4
    again = recalculated(path, tmp_path)
    assert again["要約"]["B4"].value == forecast["probability"]


def test_a_range_that_past_forecasts_refute_is_in_no_workbook(reader, monkeypatch) -> None:
    from service.interval_proof import CoveredInterval, IntervalProof

    row = CoveredInterval(kind="company", level=0.8, covered=0.5, low=0.4, high=0.6, count=90)
    monkeypatch.setattr("service.reports.files.interval_proof", lambda *_: IntervalProof((row,)))
    book = openpyxl.load_workbook(io.BytesIO(report(reader, "quarter", "xlsx").content))
    words = [str(cell.value) for cells in book["要約"].iter_rows() for cell in cells]
    assert not [word for word in words if word.startswith("8割の幅（")]
    assert any("過去検証で実績と合わなかった" in word for word in words)
    assert len(book["図"]._charts) >= 2
    ends = reader.get("/v1/forecasts/2026-Q4", params={"as_of": AS_OF}).json()["pace"][-1]
    numbers = [cell.value for cells in book["図"].iter_rows() for cell in cells]
    size = next(unit for unit in (1.0, 1e3, 1e4, 1e6, 1e8) if ends["p50"] / unit in numbers)
    assert ends["p90"] / size not in numbers


def test_a_report_is_in_the_language_that_is_asked_for(reader) -> None:
    book = openpyxl.load_workbook(io.BytesIO(report(reader, "yomi", "xlsx", lang="en").content))
    assert book.sheetnames == ["Summary", "Deals", "Chart", "How to read"]


def test_a_report_of_what_is_not_seen_is_refused(reader) -> None:
    asked = {"as_of": AS_OF, "scope": "team:NONE"}
    assert reader.get("/v1/reports/yomi/2026-Q4", params=asked).status_code == 404
    assert reader.get("/v1/reports/none/2026-Q4").status_code == 422


@pytest.mark.parametrize(("which", "form"), [("yomi", "xlsx"), ("quarter", "html")])
def test_the_command_writes_what_rest_sends(served, reader, tmp_path, monkeypatch, which, form) -> None:
    class Kept:
        def __getattr__(self, name):
            return (lambda: None) if name == "close" else getattr(served.cases, name)

    monkeypatch.setattr("service.cli.report.open_service", lambda *_, **__: Kept())
    monkeypatch.chdir(tmp_path)
    out = tmp_path / f"report.{form}"
    assert run(["report", which, "2026-Q4", "--out", str(out), "--as-of", AS_OF]) == 0
    if form == "html":
        assert out.read_bytes() == report(reader, which, form).content
    else:
        assert openpyxl.load_workbook(out).sheetnames == ["集計", "明細", "グラフ", "読み方"]


def test_the_command_refuses_a_file_that_it_cannot_write(tmp_path, capsys) -> None:
    assert run(["report", "yomi", "2026-Q4", "--out", str(tmp_path / "a.pdf"), "--lang", "en"]) != 0
    assert "end the name in one of .xlsx, .html, .csv" in capsys.readouterr().err
