"""What do an answer's tag and its compressed form cost, and what do they save?

    python benchmarks/answer_forms.py [--home DIR] [--deals 300] [--times 200] [--rounds 5]

Builds (once) a small organisation in a folder and asks the application, in one process and without a network,
for a stored forecast, a stored deal and a sent deal: plain, compressed, and of GET with the tag of the answer
that the caller has, in turn. Printed of each: bytes, processor time per answer in the best round, and the
ratio to plain; and what making the digest and the compressed form takes by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import logging
import math
import os
import tempfile
import time
from hashlib import blake2b
from pathlib import Path
from typing import Any

from openapi_calls import DAY, SMALL, prepare

SENT = {"deal": {"deal_id": "N-1", "created_at": "2026-10-05", "stage": "提案・見積", "amount": 2_400_000}}


def main() -> None:
    """Asks in each form and prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path, help="folder with the organisation, or to build it in")
    parser.add_argument("--deals", type=int, default=300)
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        home = (chosen.home or Path(passing)).resolve()
        os.environ |= {"SANCHO_HOME": str(home), "SANCHO_TRAIN": json.dumps(SMALL)}
        prepare(home, chosen.deals)
        asyncio.run(measure(chosen.times, chosen.rounds))


async def measure(times: int, rounds: int) -> None:
    """One line for each form of each answer."""
    from service.app import create_app
    from service.logs import configure_logs
    from service.settings import read_settings
    from service.use_cases import UseCases

    configure_logs(logging.ERROR)
    cases = UseCases.open(read_settings())
    cases.serving.refresh(warm=True)
    app = create_app(cases.settings, cases, warm=False)
    key = app.state.keys.create("forms", ["admin"])
    deal = cases.deals.list_deals("company", DAY, None, "deal_id", None, 1, "en")["deals"][0]["deal_id"]
    print(f"{'answer':16} {'form':12} {'bytes':>8} {'microseconds':>13} {'of plain':>9}")
    for name, method, path, body in (
        ("forecast", "GET", f"/v1/forecasts/2026-Q4?as_of={DAY}", None),
        ("stored deal", "GET", f"/v1/deals/{deal}?as_of={DAY}", None),
        ("sent deal", "POST", "/v1/deals/score", json.dumps({**SENT, "as_of": DAY}).encode()),
    ):
        tag = (await ask(app, key, method, path, body, {}))[1].get("etag")
        forms = [("plain", {}), ("gzip", {"accept-encoding": "gzip"})]
        forms += [("known", {"if-none-match": tag})] if tag else []
        sizes = {form: (await ask(app, key, method, path, body, headers))[0] for form, headers in forms}
        took = dict.fromkeys(sizes, math.inf)
        for _ in range(rounds):
            for form, headers in forms:
                began = time.process_time()
                for _ in range(times):
                    await ask(app, key, method, path, body, headers)
                took[form] = min(took[form], (time.process_time() - began) / times)
        for form, seconds in took.items():
            ratio = seconds / took["plain"]
            print(f"{name:16} {form:12} {sizes[form]:8,} {1e6 * seconds:13,.0f} {ratio:9.2f}")
    content = json.dumps(cases.deals.get_deal(deal, DAY, None, "en")).encode()
    for name, make in (
        ("digest", lambda: blake2b(content, digest_size=16).hexdigest()),
        ("gzip", lambda: gzip.compress(content, 1, mtime=0)),
    ):
        print(f"{name} of {len(content):,} bytes: {1e6 * best_of(make):.0f} microseconds")
    cases.close()


def best_of(make: Any, times: int = 200) -> float:
    """Seconds that it takes at best."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        make()
        found.append(time.perf_counter() - began)
    return min(found)


async def ask(
    app: Any, key: str, method: str, path: str, body: bytes | None, headers: dict[str, str]
) -> tuple[int, dict[str, str]]:
    """The size of an answer's content, and its headers."""
    path, _, query = path.partition("?")
    sent = {"authorization": f"Bearer {key}", "content-type": "application/json", **headers}
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path,
        "raw_path": path.encode(), "root_path": "", "scheme": "http", "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in sent.items()], "server": ("t", 80),
        "client": ("127.0.0.1", 1),
    }  # fmt: skip
    size, given = 0, dict[str, str]()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body or b"", "more_body": False}

    async def send(message: Any) -> None:
        nonlocal size
        if message["type"] == "http.response.start":
            assert message["status"] in (200, 304), message
            given.update({name.decode().lower(): value.decode() for name, value in message["headers"]})
        size += len(message.get("body", b""))

    await app(scope, receive, send)
    return size, given


if __name__ == "__main__":
    main()
