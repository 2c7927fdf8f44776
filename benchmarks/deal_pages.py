"""How long do the pages about deals take: the list sorted, filtered, searched and paged, a deal, the process?

    SANCHO_HOME=DIR python benchmarks/deal_pages.py [--times 20]

On an organisation that is there, with a trained model (`sancho demo` makes one), whose current quarter has
been simulated, as in a service that has warmed up. Milliseconds from the request to the whole page in one
process, the first time that a question is asked (its answer is made) and again (it is stored), and bytes.
Then the same work of the list (filter, sort, take a page) on a table of 10,000 open deals: the organisation's
own, repeated.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from fastapi.testclient import TestClient

from service import paging
from service.app import create_app
from service.deal_facts import DealFacts
from service.deal_table import deal_facts, scope_table
from service.logs import configure_logs
from service.settings import read_settings
from service.use_cases import UseCases

MANY = 10_000
SORTS = (
    "-swing_pp",
    "-amount",
    "planned_close_date",
    "-win_by_period_end",
    "change_pp",
    "owner_name",
    "stage",
)
FILTERS = ("attention", "past_due", "stalled", "no_contact", "pushed")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=20)
    times = parser.parse_args().times
    configure_logs(logging.WARNING)
    use = UseCases.open(read_settings())
    use.serving.refresh(warm=True)
    app = create_app(use.settings, use, warm=False)
    key = app.state.keys.create("deal pages", ["read", "recommend"])
    client = TestClient(app, headers={"Authorization": f"Bearer {key}", "Accept-Language": "ja"})
    context = use.serving.context(None, None)
    print(f"{len(context.state.history.created):,} deals, {len(context.forecast.row_by_deal):,} open")
    client.get("/deals")  # the table of the open deals is made once for each state of the store
    questions = {f"sorted by {sort}": f"/deals?sort={sort}" for sort in SORTS}
    questions |= {f"filtered: {flag}": f"/deals?flag={flag}" for flag in FILTERS}
    questions["searched"] = "/deals?q=%E6%A0%AA%E5%BC%8F"
    listed = client.get("/v1/deals?sort=-swing_pp&limit=40").json()
    questions["second page"] = f"/deals?cursor={listed['next_cursor']}"
    questions["a deal"] = f"/deals/{listed['deals'][0]['deal_id']}"
    questions["the process"] = "/process"
    for name, address in questions.items():
        first, size = _milliseconds(lambda address=address: client.get(address))
        again = [_milliseconds(lambda address=address: client.get(address))[0] for _ in range(times)]
        spread = f"again median {np.median(again):5.0f} ms, p95 {np.quantile(again, 0.95):5.0f} ms"
        print(f"{name:32s} first {first:5.0f} ms, {spread}, {size / 1000:5.1f} kB")
    facts, table = deal_facts(context), scope_table(context, "company")
    repeat = -(-MANY // len(table))
    many = pd.concat([table.assign(deal_id=table["deal_id"] + f"-{n}") for n in range(repeat)])[:MANY]
    raised = [facts.raised[row] for row in many["row"]]
    words = [facts.words[row] for row in many["row"]]
    of_many = DealFacts({}, raised, words)
    work: dict[str, Callable[[], Any]] = {
        f"sort by {sort}": lambda sort=sort: paging.page_of(paging.in_order(many, sort), sort, None, 40)
        for sort in SORTS
    }
    work["filter"] = lambda: many[of_many.has_flag("stalled")]
    work["need attention"] = lambda: many[of_many.has_worry]
    work["search"] = lambda: many[of_many.has_words("株式 工業")]
    print(f"{len(many):,} open deals:")
    for name, do in work.items():
        taken = [_milliseconds(do)[0] for _ in range(times)]
        print(f"{name:32s} median {np.median(taken):5.1f} ms, p95 {np.quantile(taken, 0.95):5.1f} ms")
    use.close()


def _milliseconds(call: Callable[[], Any]) -> tuple[float, int]:
    """How long a call takes, and the bytes of its page, if it answers one."""
    begun = time.perf_counter()
    answer = call()
    taken = 1000 * (time.perf_counter() - begun)
    if hasattr(answer, "status_code"):
        assert answer.status_code == 200, answer.text
        return taken, len(answer.content)
    return taken, 0


if __name__ == "__main__":
    main()
