"""Is a long list cut only between rows, and is what is read of the parts what the whole holds?"""

from __future__ import annotations

import hashlib
import io
from zoneinfo import ZoneInfo

import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.errors import SanchoError
from crm.importing import ImportResult, push_parts, push_rows
from crm.importing.parts import cut
from crm.importing.rows import digest_of
from crm.importing.source import UnreadableError
from crm.store import Store
from service import request_rows as module
from service.request_rows import request_parts, request_rows

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = 1_796_000_000_000_000
CSV = (
    "team_id,name\n" + "".join(f'T{n},"name\n{n}"\n' if n % 3 == 0 else f"T{n},name {n}\n" for n in range(40))
).encode()
NDJSON = b"".join(b'{"team_id": "T%d", "name": "name %d"}\n' % (n, n) for n in range(40))


@given(size=st.integers(16, 2_000), whole=st.booleans())
def test_parts_of_a_csv_are_its_records_under_its_header(size: int, whole: bool) -> None:
    body = CSV if whole else CSV[:-1]
    parts = list(cut(io.BytesIO(body), "csv", size))
    header = b"team_id,name\n"
    assert all(part.data.startswith(header) for part in parts)
    assert header + b"".join(part.data.removeprefix(header) for part in parts) == body
    assert all(part.data.count(b'"') % 2 == 0 for part in parts)
    before = [part.lines_before for part in parts]
    lines = [part.data.count(b"\n") - 1 for part in parts]
    assert before == [sum(lines[:number]) for number in range(len(parts))]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7])
def test_the_name_of_rows_is_that_of_all_of_them_as_one_list(
    monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    columns = pa.table({"deal_id": [f"D{n}" for n in range(count)], "amount": [n / 3 for n in range(count)]})
    monkeypatch.setattr("crm.importing.rows._HASHED", 2)
    assert digest_of(columns) == hashlib.blake2b(orjson.dumps(columns.to_pylist())).hexdigest()


@given(size=st.integers(40, 2_000))
def test_parts_of_ndjson_are_its_lines(size: int) -> None:
    parts = list(cut(io.BytesIO(NDJSON), "ndjson", size))
    assert b"".join(part.data for part in parts) == NDJSON
    assert all(part.data.endswith(b"}\n") for part in parts)


def test_a_quote_that_is_never_closed_ends_in_a_sentence_and_not_in_all_memory() -> None:
    body = b'team_id,name\nT1,"x\n' + b"T2,y\n" * 1_000
    with pytest.raises(UnreadableError, match="no row ends") as caught:
        list(cut(io.BytesIO(body), "csv", 100))
    assert "a quote is never closed" in caught.value.hint.en


def pushed(
    body: bytes, kind: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[ImportResult, list[tuple[str, str]]]:
    """What becomes of a body that is read in small parts."""
    monkeypatch.setattr(module, "WHOLE", 10)
    monkeypatch.setattr(module, "cut", lambda file, kind: cut(file, kind, 200))
    with Store.open(":memory:") as store:
        parts = request_parts(io.BytesIO(body), len(body), "teams", kind)
        result = push_parts(store, "teams", parts, TOKYO)
        teams = store.read(TOKYO)["teams"]
        return result, sorted(zip(teams["team_id"], teams["name"], strict=True))


@pytest.mark.parametrize(("body", "kind"), [(CSV, "text/csv"), (NDJSON, "application/x-ndjson")])
def test_rows_read_in_parts_are_those_of_the_whole_and_their_lines_too(
    monkeypatch: pytest.MonkeyPatch, body: bytes, kind: str
) -> None:
    bad = {"text/csv": b"T1,a,surplus\n", "application/x-ndjson": b"nothing\n"}[kind]
    lines = body.split(b"\n")
    whole = b"\n".join(lines[:30]) + b"\n" + bad + b"\n".join(lines[30:])
    if whole.count(b'"', 0, whole.index(bad)) % 2:  # not within a text
        whole = b"\n".join(lines[:31]) + b"\n" + bad + b"\n".join(lines[31:])
    with Store.open(":memory:") as store:
        at_once = push_rows(store, "teams", request_rows("teams", whole, kind), TOKYO, now=NOW)
        teams = store.read(TOKYO)["teams"]
        expected = sorted(zip(teams["team_id"], teams["name"], strict=True))
    result, found = pushed(whole, kind, monkeypatch)
    assert found == expected
    assert result.total == at_once.total
    assert [(error.line, error.code) for error in result.errors] == [
        (error.line, error.code) for error in at_once.errors
    ]


def test_a_part_that_cannot_be_read_leaves_nothing_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    body = CSV + b'T99,"never closed\n' + b"T98,x\n" * 200
    with Store.open(":memory:") as store:
        monkeypatch.setattr(module, "WHOLE", 10)
        monkeypatch.setattr(module, "cut", lambda file, kind: cut(file, kind, 200))
        with pytest.raises(SanchoError, match="a quote is never closed"):
            push_parts(store, "teams", request_parts(io.BytesIO(body), len(body), "teams", "text/csv"), TOKYO)
        assert store.counts()["teams"] == 0


@pytest.mark.parametrize(
    ("body", "kind"), [(b'[{"team_id": "T1"}]', "application/json"), (b"a" * 20, "text/csv; charset=utf-16")]
)
def test_what_cannot_be_cut_is_refused_where_it_is_too_large_to_be_held(
    monkeypatch: pytest.MonkeyPatch, body: bytes, kind: str
) -> None:
    monkeypatch.setattr(module, "WHOLE", 10)
    with pytest.raises(SanchoError, match="must be CSV or NDJSON") as caught:
        list(request_parts(io.BytesIO(body), len(body), "teams", kind))
    assert caught.value.code == "too_large"
