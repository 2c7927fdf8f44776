"""Which requests would a hostile caller, or an unlucky one, send? By kind, each written out here."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from crm.schema import TABLES, Kind, Table

JSON, NDJSON, CSV = "application/json", "application/x-ndjson", "text/csv"
ENDS = (
    "0000-01-01", "0001-01-01", "0001-01-01T00:00+14:00", "1899-12-31", "1900-01-01", "1969-12-31T23:59:59",
    "1989-12-31", "2023-02-29", "2024-02-29", "2026-02-30", "2026-11-20T24:00", "2026-11-20T25:00",
    "2026-11-20T23:59:60", "2026-11-20T09:00+99:00", "2089-12-31", "2090-01-01", "2199-12-31",
    "2199-12-31T23:59:59-12:00", "2200-01-01", "9999-12-31", "9999-12-31T23:59:59-14:00", "99999-01-01",
    "-0001-01-01", "0", "1e99", "", " ", "now", "2026-W53", "2026-366",
)  # fmt: skip
PERIODS = (
    "0000", "0001", "0000-Q1", "9999", "9999-12", "9999-Q4", "FY9999", "FY9999-H2", "FY0000", "9999-W53",
    "2026-W53", "2026-W54", "2026-W00", "2026-13", "2026-00", "FY2026-W01", "2026-02-29..2026-03-01",
    "0001-01-01..9999-12-31", "1990-01-01..2059-12-31", "1990-01-01..2089-12-31", "2020-01-01..2035-12-31",
    "2026-10-01..2026-10-01", "2026-12-31..2026-10-01", "2026-11-30..2026-11-30", "2199", "2200", "1900",
    "..", "a..b", "1990", "2089", "2089-Q4", "2026-10-01T00..2026-12-31", "20261001..20261231", "x" * 60,
    "2026-Q4..2026-Q4", "２０２６-Q4", "this-year", "THIS-QUARTER", "\0", "2026%00",
)  # fmt: skip
SCOPES = (
    "", ":", "team:", "person:", "team:nobody", "person:nobody", "company:x", "TEAM:T01", "team:\0",
    "person:" + "x" * 5000, "team:T01:T02", "\ud7ff", "company ", "1", "*", "' OR 1=1 --", "../..",
)  # fmt: skip
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 7, 1e308, -1e308, 5e-324, 2**31, 2**63, 2**64, 10**30, "", " ", "x", "\0", "0",
    "NaN", "Infinity", "-0", "１２３", "１２３円", "2026-02-30", "9999-12-31", "0001-01-01T00:00+14:00",
    "x" * 20_000, [], [1], {}, {"a": 1}, [[[]]], "\ufeff", "\u202e", "😀", "=1+1",
)  # fmt: skip
READS = ("deals", "actions", "bottlenecks")
OF_PERIOD = ("forecasts", "kpis", "people", "trees")


@dataclass(frozen=True)
class Sent:
    """A request; `body` as it goes over the wire."""

    method: str
    path: str
    body: bytes | None = None
    content_type: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Known:
    """What a caller knows of the organisation that is asked about."""

    deal_id: str
    team_id: str
    person_id: str
    stage: str
    period: str
    created_at: str


def by_kind(known: Known) -> dict[str, Iterator[Sent]]:
    """The requests of each kind, in the order in which they are sent."""
    return {
        "dates at the ends": _dates(known),
        "periods": _periods(known),
        "scopes and ids": _scopes(known),
        "parameters": _parameters(known),
        "wrong types in JSON": _wrong_types(known),
        "JSON itself": _json_itself(known),
        "wrong types in rows": _rows(known),
        "dates in rows": _dated_rows(known),
        "CSV itself": _csv(known),
        "types and methods": _types(known),
        "headers": _headers(known),
        "files to import": _files(known),
        "targets": _targets(known),
    }


def _get(path: str, **query: str) -> Sent:
    encoded = urlencode(query, errors="surrogatepass")
    return Sent("GET", f"{path}?{encoded}" if query else path)


def _post(path: str, value: Any, method: str = "POST") -> Sent:
    return Sent(method, path, json.dumps(value).encode(), JSON)


def _put(table: str, rows: list[dict[str, Any]]) -> Sent:
    lines = "\n".join(json.dumps(row) for row in rows)
    return Sent("PUT", f"/v1/tables/{table}", lines.encode(), NDJSON)


def _put_csv(table: str, body: bytes, content_type: str = CSV) -> Sent:
    return Sent("PUT", f"/v1/tables/{table}", body, content_type)


def _examples(known: Known) -> dict[str, dict[str, Any]]:
    """A sound body of each endpoint that takes JSON, with every field of it."""
    period = f"/v1/forecasts/{known.period}/what-if"
    return {
        "/v1/deals/score": {
            "deal": {
                "deal_id": "H-1", "created_at": known.created_at, "stage": known.stage, "name": "n",
                "account_id": "A-1", "owner_id": known.person_id, "product": "p", "source": "s",
                "deal_type": "new", "amount": 1e6, "currency": "JPY", "expected_close_date": "2026-12-18",
                "own": "x",
            },
            "events": [
                {"at": known.created_at, "field": "amount", "value": "2000000", "old_value": "1000000"},
                {"at": known.created_at, "field": "expected_close_date", "value": "2026-12-20"},
            ],
            "activities": [
                {"at": known.created_at, "kind": "visit", "direction": "out", "effective": True,
                "minutes": 30}
            ],
            "account": {"account_id": "A-1", "industry": "i", "employees": 10},
            "period": known.period,
        },
        period: {
            "scope": "company", "won": [known.deal_id], "lost": [], "leaving": [known.person_id],
            "pushed": [{"deal_id": known.deal_id, "days": 10}],
            "repriced": [{"deal_id": known.deal_id, "amount": 5e6, "currency": "JPY"}],
            "joining": [{"team_id": known.team_id, "start": "2026-12-01"}],
            "levels": [{"kpi": "leads", "multiplier": 1.2, "scope": "company"}],
            "targets": [{"scope": "company", "value": 2e8, "currency": "JPY"}],
        },
        "/v1/kpis/check": {
            "proposals": [
                {
                    "kpi": "visits", "scope": f"person:{known.person_id}", "value": 120, "unit": "件",
                    "segment": {"industry": "x"}, "period": known.period, "last_reviewed": "2026-11-01",
                }
            ]
        },
        "/v1/plans": {"period": known.period, "probability": 0.8, "scope": "company", "target": 2e8},
        "/v1/recommendations/R51332cf11f6d4f8c/outcome": {"state": "accepted", "reason": "r"},
        "/v1/trainings": {"as_of": "2026-11-20", "if_needed": True, "promote": False, "more": 1},
    }  # fmt: skip


def _leaves(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The place of every value in a body, lists and objects too."""
    if way:
        yield way
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inner:
        yield from _leaves(one, (*way, name))


def _with(value: Any, way: tuple[Any, ...], odd: Any) -> Any:
    changed = copy.deepcopy(value)
    at = changed
    for name in way[:-1]:
        at = at[name]
    at[way[-1]] = odd
    return changed


def _dates(known: Known) -> Iterator[Sent]:
    for end in ENDS:
        for name in READS:
            yield _get(f"/v1/{name}", as_of=end)
        for name in OF_PERIOD:
            yield _get(f"/v1/{name}/{known.period}", as_of=end)
        yield _get(f"/v1/deals/{known.deal_id}", as_of=end)
        yield _get("/v1/models/compare", a="1", until=end)
        for path, body in _examples(known).items():
            if "recommendations" not in path and "trainings" not in path:
                yield _post(path, {**body, "as_of": end})
        score = _examples(known)["/v1/deals/score"]
        for way in (("deal", "created_at"), ("deal", "expected_close_date"), ("deal", "closed_at"),
                    ("events", 0, "at"), ("events", 1, "value"), ("activities", 0, "at")):  # fmt: skip
            yield _post("/v1/deals/score", _with(score, way, end))
        what_if = f"/v1/forecasts/{known.period}/what-if"
        yield _post(what_if, {"joining": [{"team_id": known.team_id, "start": end}]})


def _periods(known: Known) -> Iterator[Sent]:
    for period in PERIODS:
        for name in OF_PERIOD:
            yield _get(f"/v1/{name}/{quote(period)}")
        for name in READS:
            yield _get(f"/v1/{name}", period=period)
        yield _get(f"/v1/deals/{known.deal_id}", period=period)
        yield _post("/v1/plans", {"period": period, "probability": 0.8})
        yield _post(f"/v1/forecasts/{quote(period)}/what-if", {"won": [known.deal_id]})
        yield _post("/v1/kpis/check", {"proposals": [{"kpi": "visits", "value": 1, "period": period}]})
        yield _post("/v1/deals/score", {**_examples(known)["/v1/deals/score"], "period": period})


def _scopes(known: Known) -> Iterator[Sent]:
    for scope in SCOPES:
        for name in READS:
            yield _get(f"/v1/{name}", scope=scope)
        for name in OF_PERIOD:
            yield _get(f"/v1/{name}/{known.period}", scope=scope)
        yield _post("/v1/plans", {"period": known.period, "probability": 0.5, "scope": scope})
        yield _post("/v1/kpis/check", {"proposals": [{"kpi": "visits", "value": 1, "scope": scope}]})
        what_if = f"/v1/forecasts/{known.period}/what-if"
        for body in (
            {"scope": scope}, {"targets": [{"scope": scope, "value": 1}]}, {"leaving": [scope]},
            {"levels": [{"kpi": "leads", "multiplier": 2, "scope": scope}]}, {"won": [scope]},
            {"joining": [{"team_id": scope}]}, {"lost": [scope, scope]}, {"levels": [{"kpi": scope,
            "multiplier": 1}]},
        ):  # fmt: skip
            yield _post(what_if, body)
        plain = quote(scope, safe="", errors="surrogatepass")
        yield _get(f"/v1/deals/{plain}")
        yield _get("/v1/actions", deal_id=scope)
        yield _get(f"/v1/jobs/{plain}")
        yield _post(f"/v1/recommendations/{plain}/outcome", {"state": "done"})
        yield Sent("DELETE", f"/v1/tables/deals/{plain}")
        yield Sent("DELETE", f"/v1/tables/targets/{plain},{plain},{plain}")
    yield _post(f"/v1/forecasts/{known.period}/what-if", {"won": [known.deal_id], "lost": [known.deal_id]})
    for version in ("0", "999999999", "1000000000", "champion", "x", "-1"):
        yield Sent("GET", f"/v1/models/{version}")
        yield Sent("POST", f"/v1/models/{version}/promote")
        yield _get("/v1/models/compare", a=version)


def _parameters(known: Known) -> Iterator[Sent]:
    long = "x" * 60_000
    for path in (*(f"/v1/{name}" for name in READS), *(f"/v1/{name}/{known.period}" for name in OF_PERIOD)):
        yield Sent("GET", f"{path}?as_of=2026-11-20&as_of=2026-11-21")
        yield Sent("GET", f"{path}?scope=company&scope=team:T01")
        yield Sent("GET", f"{path}?limit=1&limit=x")
        yield Sent("GET", f"{path}?as_of={long}")
        yield Sent("GET", f"{path}?scope={long}")
        yield Sent("GET", f"{path}?unknown=1")
        yield Sent("GET", f"{path}?as_of=%00")
        yield Sent("GET", f"{path}?as_of=%ff%fe")
        yield Sent("GET", f"{path}?" + "&".join(f"p{n}=1" for n in range(5000)))
    for limit in ("0", "-1", "1001", "1e3", "NaN", "9" * 5000, "１０", ""):
        yield _get("/v1/deals", limit=limit)
        yield _get("/v1/actions", limit=limit)
        yield _get("/v1/jobs", limit=limit)
    for sort in ("", "-", "--x", "__class__", "deal_id", "-name", "expected_close_date", long):
        yield _get("/v1/deals", sort=sort)
    for cursor in ("", "x", "W10", "bnVsbA", "WzEsMl0", "e30", "W251bGwsbnVsbF0", "=" * 9, long, "\0",
                   "WzFlOTk5LCJ4Il0", "Wzk5OTk5OTk5OTk5OTk5OTk5OTk5OTksIngiXQ"):  # fmt: skip
        yield _get("/v1/deals", cursor=cursor)
        yield _get("/v1/jobs", cursor=cursor)
    yield Sent("GET", "/v1/" + "a/" * 10_000)
    yield Sent("GET", "/v1/deals/" + "x" * 40_000)


def _wrong_types(known: Known) -> Iterator[Sent]:
    for path, body in _examples(known).items():
        for way in _leaves(body):
            for odd in ODD:
                yield _post(path, _with(body, way, odd))
        for odd in ODD:
            yield _post(path, odd)
            yield _post(path, {**body, "surplus": odd})


def _json_itself(known: Known) -> Iterator[Sent]:
    paths = [*_examples(known), "/v1/models/1/promote"]
    tables = [f"/v1/tables/{name}" for name in ("deals", "targets")]
    deep = 100_000
    for body in (
        b"", b" ", b"null", b"[]", b"{", b"{}", b"{}{}", b'{"a":1,"a":2}', b'{"scope":NaN}',
        b'{"value":Infinity}',
        b"\xef\xbb\xbf{}", b'{"scope":"\xff\xfe"}', b'{"scope":"\\ud800"}', b"\xff\xfe{\0}\0", b"\0" * 1000,
        b"[" * deep, b'{"a":' * deep, b"[" * deep + b"]" * deep, b'{"deal":' * deep + b"1" + b"}" * deep,
        b'{"deal":{"deal_id":"1","deal_id":"2"}}', b"1" * 100_000, b'"' + b"x" * 5_000_000 + b'"',
        b'{"' + b"k" * 1_000_000 + b'":1}', b'{"probability":1' + b"0" * 5000 + b"}", b"-", b"tru",
        b"{" + b",".join(b'"k%d":1' % n for n in range(50_000)) + b"}",
    ):  # fmt: skip
        for path in paths:
            yield Sent("POST", path, body, JSON)
        yield Sent("POST", "/v1/deals/score-batch", body, NDJSON)
        for path in tables:
            yield Sent("PUT", path, body, NDJSON)
    yield _put("deals", [{"deal_id": {"deep": [[[[["x"]]]]]}, "created_at": [1], "stage": {"a": None}}])
    for literal in (b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"1" * 5000):
        yield Sent("PUT", "/v1/tables/deals",
        b'{"deal_id":"h","created_at":"2026-01-01","stage":"x","amount":%s}'
                   % literal, NDJSON)  # fmt: skip
        yield Sent("POST", "/v1/plans", b'{"period":"2026-Q4","probability":%s}' % literal, JSON)


_SOUND: dict[Kind, Any] = {
    Kind.ID: "H-1", Kind.MOMENT: "2026-11-20T09:00", Kind.DATE: "2026-11-20", Kind.MONEY: 100,
    Kind.NUMBER: 1, Kind.FLAG: True, Kind.CODE: "c", Kind.TEXT: "t",
}  # fmt: skip


def _sound_row(table: Table) -> dict[str, Any]:
    """A row of a table with every column of it."""
    return {c.name: c.choices[0] if c.choices else _SOUND[c.kind] for c in table.columns}


def _rows(_known: Known) -> Iterator[Sent]:
    for name, table in TABLES.items():
        row = _sound_row(table)
        if name == "organisation":  # what it says would hold for all that follows
            continue
        yield _put(name, [{**row, column: odd} for column in row for odd in ODD])
        for column in row:  # where one value alone decides how a column is read
            for odd in ODD:
                yield _put(name, [{**row, column: odd}])
        yield _put(name, [{}])
        yield _put(name, [{"": 1}, {" ": 1}, {"\0": 1}])
        yield _put(name, [{**row, "own": odd} for odd in ODD])
    for odd in ODD:
        yield _put("organisation", [{"organisation_id": "main", "time_zone": str(odd)}])
        yield _put("organisation", [{"organisation_id": "main", "fiscal_start_month": odd}])


def _dated_rows(_known: Known) -> Iterator[Sent]:
    for name, table in TABLES.items():
        row = _sound_row(table)
        days = [column.name for column in table.columns if column.kind in (Kind.MOMENT, Kind.DATE)]
        yield from (_put(name, [{**row, day: end} for end in ENDS]) for day in days)
        yield from (_put(name, [{**row, day: end}]) for day in days for end in ENDS)
        for column in ("known_from", "deleted_at"):
            yield _put(name, [{**row, column: end} for end in ENDS])
    event = _sound_row(TABLES["deal_events"])
    for of in ("expected_close_date", "amount", "closed_at", "created_at", "stage", "own"):
        yield _put("deal_events", [{**event, "field": of, "value": odd} for odd in (*ENDS, *ODD)])


def _csv(_known: Known) -> Iterator[Sent]:
    head = b"deal_id,created_at,stage,amount\n"
    row = b"C-1,2026-11-20,x,100\n"
    for body in (
        b"", b"\n", b"\r", head, head + row, head.strip(), row, b"," * 100, b'"', b'""', b'"\n',
        head + b"C-2,2026-11-20," + b"x" * 200_000 + b",1\n",
        head + b'C-3,2026-11-20,"' + b"x" * 200_000 + b'",1\n',
        (head + row).replace(b"\n", b"\r"), (head + row).replace(b"\n", b"\r\n"), head + b"\0" * 100 + row,
        head + b"C-\0,2026-11-20,x,1\n", head + b"C-\xff,2026-11-20,x,1\n", head + b"\x80\x81\x82" * 1000,
        (head + row).decode().encode("utf-16"), (head + row).decode().encode("utf-16-le"),
        b"\xef\xbb\xbf" + head + row, b"\xef\xbb\xbf", head + b'C-4,2026-11-20,"open,1\n' + row * 50,
        head + b"C-5,2026-11-20,x,1,2,3,4,5\n" + row, head + b"C-6\n" + row, head + b'C-7,"a"b,"c" d,1\n',
        b"deal_id,deal_id,created_at,stage\n1,2,2026-01-01,x\n", b",,,\n1,2,3,4\n", b"\0,\0\n1,2\n",
        b"sep=;\n" + (head + row).replace(b",", b";"), b"sep=", b"sep=\0\n", (head + row).replace(b",",
        b"\t"),
        b"x" * 1_000_000, b"x," * 300_000, head + row * 20_000, b"'" * 1000, head + b"\n" * 100_000 + row,
        head.replace(b"amount", b"\xe9\x87\x91\xe9\xa1\x8d") + row, b"#" * 10 + b"\n" + head + row,
        b"title\n\n\n" + head + row, head + row.replace(b"100", "１００円".encode()), head + row + b'"',
    ):  # fmt: skip
        for table in ("deals", "activities"):
            yield _put_csv(table, body)
        for charset in ("cp932", "utf-16", "euc-jp", "latin-1"):
            yield _put_csv("deals", body, f"{CSV}; charset={charset}")


def _types(known: Known) -> Iterator[Sent]:
    body = json.dumps(_examples(known)["/v1/plans"]).encode()
    for content_type in ("", "x", "/", "text/plain", "application/xml", "multipart/form-data",
                         "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "*/*",
                         "application/json; charset=utf-16", "text/csv; charset=x\0", "text/csv;;;",
                         "application/json; charset=none", "text/csv; charset*=utf-8''x",
                         "x" * 10_000):  # fmt: skip
        for path in _examples(known):
            yield Sent("POST", path, body, content_type)
        yield Sent("PUT", "/v1/tables/deals", body, content_type)
        yield Sent("POST", "/v1/deals/score-batch", body, content_type)
        yield Sent("POST", "/v1/imports?file=a.csv&dry_run=true", b"a\n1\n", content_type)
    paths = [
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/",
        "//",
        "/v1",
        "/v1/deals",
        "/v1/tables/deals",
    ]
    for method in ("HEAD", "OPTIONS", "TRACE", "PATCH", "DELETE", "POST", "PUT", "X"):
        for path in [*paths, *_examples(known)]:
            yield Sent(method, path, b"{}" if method in ("POST", "PUT", "PATCH") else None)
    for table in ("nothing", "", "deals/", "sqlite_master", "api_keys", "..%2f..", "x" * 60, "%00"):
        yield Sent("PUT", f"/v1/tables/{table}", b"{}", NDJSON)
        yield Sent("DELETE", f"/v1/tables/{table}/1")


def _headers(known: Known) -> Iterator[Sent]:
    path = f"/v1/forecasts/{known.period}"
    for name, values in {
        "Accept-Language": ("", "*", ";q=", "en;q=x", "ja;q=1e999", "x" * 10_000, ",,,", "\xff",
        "en-US,en;q=0.9"),
        "Authorization": ("", "Bearer", "Bearer ", "Basic x", "Bearer \xff\xfe", "Bearer sancho__",
        "Bearer a b",
                          "Bearer sancho_x_" + "y" * 10_000, "Bearer sancho_\0_x", "bearer sancho_1_2_3"),
        "X-Request-ID": ("", "x" * 1000, "a b", "\xff", "../x"),
        "Cache-Control": ("no-cache", "\xff", "x" * 5000),
        "Content-Encoding": ("gzip", "br", "x"),
        "If-None-Match": ("*", "\xff"),
        "Range": ("bytes=0-10", "bytes=x"),
        "Host": ("", "x y", "\xff"),
        "Expect": ("100-continue", "x"),
    }.items():  # fmt: skip
        for value in values:
            yield Sent("GET", path, headers={name: value})
            yield Sent("POST", "/v1/plans", json.dumps({"period": known.period, "probability": 0.5}).encode(),
                       JSON, {name: value})  # fmt: skip


def _files(_known: Known) -> Iterator[Sent]:
    for name in ("", ".", "..", "../../etc/passwd", "a", "a.csv\0", "a.exe", "x" * 300 + ".csv", "a.xlsx",
    "a.parquet",
                 "a.csv.gz", "a.ndjson", "日本語.csv", "CON.csv", "a.json"):  # fmt: skip
        yield Sent("POST", f"/v1/imports?dry_run=true&file={quote(name)}", b"deal_id\n1\n")
        yield Sent("POST", f"/v1/imports?dry_run=true&file={quote(name)}", b"PK\x03\x04\xff\0")
    for extra in ("table=nothing", "mapping=nothing", "mapping=../x", "encoding=none", "encoding=hex",
    "decimal=x",
                  "full=maybe", "dry_run=2", "table=deals&full=true&decimal=,"):  # fmt: skip
        yield Sent("POST", f"/v1/imports?dry_run=true&file=a.csv&{extra}", b"deal_id\n1\n")
    yield Sent("POST", "/v1/imports?file=a.csv")


def _targets(known: Known) -> Iterator[Sent]:
    sound = {"metric": "revenue", "scope": "company", "period": known.period, "value": 1e8}
    yield _put("targets", [{**sound, "metric": "visits", "period": period} for period in PERIODS])
    for period in PERIODS:
        yield _put("targets", [{**sound, "metric": "visits", "period": period}])
        text = f'metric,scope,period,value\nvisits,company,"{period}",1\n'
        yield _put_csv("targets", text.encode("utf-8", "surrogatepass"))
    for scope in SCOPES:
        yield _put("targets", [{**sound, "metric": "visits", "scope": scope}])
    for metric in ("", "x", "Revenue", "売上", "\0", 1, None, True):
        yield _put("targets", [{**sound, "metric": metric, "period": "2027-Q1"}])
    for value in (0, -1, 1e308, "1e400", "NaN", "", None, "1億", "多い", True, [], 5e-324):
        yield _put("targets", [{**sound, "metric": "visits", "period": "2027-Q2", "value": value}])
    for kind in ("", "x", "stretch", 1):
        yield _put("targets", [{**sound, "period": "2027-Q3", "kind": kind}])
    for end in ENDS:
        yield _put("targets", [{**sound, "metric": "visits", "period": "2027-Q4", "set_at": end}])
    yield _get(f"/v1/forecasts/{known.period}")
    yield _get(f"/v1/kpis/{known.period}")
