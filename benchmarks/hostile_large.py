"""Which requests are far too much, and which are much but sound?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
from hostile_kinds import CSV, JSON, NDJSON, Known, Sent

_MANY = 100_000


def large_kinds(known: Known) -> dict[str, Iterator[Sent]]:
    """The requests of each kind, in the order in which they are sent."""
    return {
        "20,000 events": _events(known, 20_000),
        "20,001 events": _events(known, 20_001),
        "2,000 own columns": _own_columns(known, 2_000),
        "20,000 own columns": _own_columns(known, 20_000),
        "wide rows pushed": _wide_rows(),
        "a long period": iter([Sent("GET", "/v1/forecasts/1990-01-01..2059-12-31"),
                               Sent("GET", "/v1/kpis/1990-01-01..2059-12-31")]),
        "100,000 rows": _rows_of(known, _MANY),
        "100,000 rows again": _rows_of(known, _MANY),
        "100,000 open deals": _open_deals(known),
        "1,000,000 rows": _rows_of(known, 1_000_000),
        "1,000,000 rows again": _rows_of(known, 1_000_000),
        "too much": _too_much(),
    }  # fmt: skip


def _score(known: Known, **more: Any) -> Sent:
    deal = {"deal_id": "L-1", "created_at": known.created_at, "stage": known.stage, "amount": 1e6}
    body = {"deal": {**deal, **more.pop("deal", {})}, **more}
    return Sent("POST", "/v1/deals/score", orjson.dumps(body), JSON)


def _events(known: Known, count: int) -> Iterator[Sent]:
    """A deal whose amount changed so often; plainly written, and in a way that takes the full checks."""
    for value in ("{n}", "{n}円"):
        events = [
            {"at": known.created_at, "field": "amount", "value": value.format(n=n)} for n in range(count)
        ]
        yield _score(known, events=events)


def _own_columns(known: Known, count: int) -> Iterator[Sent]:
    """A deal with so many attributes of the company's own: numbers, texts, nested values."""
    for value in (1, "x", "１２"):
        yield _score(known, deal={f"own column {n}": value for n in range(count)})
    row = {"deal_id": "L-2", "created_at": known.created_at, "stage": known.stage}
    row |= {f"own column {n}": "x" for n in range(count)}
    yield Sent("PUT", "/v1/tables/deals", orjson.dumps(row), NDJSON)


def _wide_rows() -> Iterator[Sent]:
    """Few rows whose columns are all different, and a header of 300,000 names."""
    rows = [{"deal_id": f"W-{n}", f"own {n}": n} for n in range(3_000)]
    yield Sent("PUT", "/v1/tables/deals", b"\n".join(orjson.dumps(row) for row in rows), NDJSON)
    yield Sent("PUT", "/v1/tables/deals", b",".join(b"c%d" % n for n in range(300_000)) + b"\n1\n", CSV)


def activities(known: Known, count: int = _MANY) -> bytes:
    """Rows by the hundred thousand, a hundred bytes each."""
    row = b'{"activity_id":"L%d","at":"2026-11-20","kind":"call","deal_id":"%s"}'
    return b"\n".join(row % (n, known.deal_id.encode()) for n in range(count))


def open_deals(known: Known, count: int = _MANY) -> bytes:
    """Open deals by the hundred thousand, as CSV of five megabytes."""
    head = b"deal_id,created_at,stage,amount\n"
    row = b"M%d,2026-11-01,%s,%d\n"
    return head + b"".join(row % (n, known.stage.encode(), 1000 + n % 977) for n in range(count))


def _rows_of(known: Known, count: int) -> Iterator[Sent]:
    yield Sent("PUT", "/v1/tables/activities", activities(known, count), NDJSON)


def _open_deals(known: Known) -> Iterator[Sent]:
    yield Sent("PUT", "/v1/tables/deals", open_deals(known), CSV)


def _too_much() -> Iterator[Sent]:
    yield Sent("PUT", "/v1/tables/deals", b"x\n" * (513 << 20), CSV)
    yield Sent("POST", "/v1/plans", b" " * (80 << 20), JSON)
