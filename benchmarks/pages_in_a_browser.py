"""How soon does a browser show each page, with how many bytes and requests, beside REST's own answer?

    python benchmarks/pages_in_a_browser.py ADDRESS KEY LINK [--times 20]

ADDRESS is a running service (`sancho serve` on the demo organisation), KEY a key that may read, LINK the
address that `sancho user link` gives. Milliseconds are the browser's own, from the beginning of the
navigation to the first paint of content (pictures are SVG in the page, so what is painted first has them):
the first time, and the median and p95 of the times after. For the outlook the same in a new session each,
with REST's answer asked for in between. Bytes are those that were sent, in a new session and again. The last
line is the memory of one tab after 100 navigations, and after 10.
"""

from __future__ import annotations

import argparse
import shutil
import time
import urllib.request
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

PATHS = {
    "outlook": "/",
    "deal sheet": "/yomi",
    "deals": "/deals",
    "process": "/process",
    "KPIs": "/kpis",
    "plan": "/kpis/plan",
    "KPI design": "/kpis/design",
    "targets": "/targets",
    "KPI review": "/kpis/review",
    "people": "/people",
    "weekly review": "/reviews/this-week",
    "track record": "/trust",
    "set-up": "/setup",
}
_MEASURED = """() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => {
  const all = [performance.getEntriesByType('navigation')[0], ...performance.getEntriesByType('resource')];
  const paint = performance.getEntriesByName('first-contentful-paint')[0];
  done({ms: paint ? paint.startTime : performance.now(), answered: all[0].responseEnd,
        bytes: all.reduce((sum, one) => sum + one.transferSize, 0), requests: all.length});
})))"""


def main() -> None:
    """Print a line for each page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("address")
    parser.add_argument("key")
    parser.add_argument("link")
    parser.add_argument("--times", type=int, default=20)
    chosen = parser.parse_args()
    path = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        state = signed_in(browser, chosen.address, chosen.link)
        print(f"{'page':14} {'first':>7} {'median':>7} {'p95':>7} {'bytes':>8} {'again':>8}  requests")
        page = browser.new_context(storage_state=state).new_page()
        for name, where in PATHS.items():
            first = opened(page, chosen.address + where)
            until_computed(page, chosen.address + where)
            again = [opened(page, chosen.address + where) for _ in range(chosen.times)]
            ms = [one["ms"] for one in again]
            print(
                f"{name:14} {first['ms']:7.0f} {np.median(ms):7.0f} {np.quantile(ms, 0.95):7.0f} "
                f"{first['bytes']:8,.0f} {again[-1]['bytes']:8,.0f}  {first['requests']}"
            )
        new, rest = [], []
        for _ in range(chosen.times):
            context = browser.new_context(storage_state=state)
            new.append(opened(context.new_page(), chosen.address + "/"))
            context.close()
            rest.append(rest_milliseconds(chosen.address + "/v1/forecasts/this-quarter", chosen.key))
        ms = [one["ms"] for one in new]
        print(
            f"outlook in a new session: median {np.median(ms):.0f} ms, p95 {np.quantile(ms, 0.95):.0f} ms, "
            f"{new[-1]['bytes']:,.0f} bytes, {new[-1]['requests']} requests; the same forecast by REST: "
            f"median {np.median(rest):.0f} ms (n = {chosen.times} each)"
        )
        print(f"memory of a tab: {tab_memory(browser, state, chosen.address)}")
        browser.close()


def signed_in(browser: Browser, address: str, link: str) -> Any:
    """The state of a browser that has signed in by a one-time link."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(link)
    page.locator("main form button").click()
    page.wait_for_url(address + "/")
    return context.storage_state()


def opened(page: Page, address: str) -> dict[str, float]:
    """What the browser measured of one navigation."""
    answer = page.goto(address, wait_until="load")
    assert answer is not None
    assert answer.ok, f"{address}: {answer.status}"
    return dict(page.evaluate(_MEASURED))


def until_computed(page: Page, address: str) -> None:
    """Waits for a page whose answer is being computed, which asks again by itself."""
    while page.locator("meta[http-equiv=refresh]").count():
        page.wait_for_timeout(4_000)  # it may be on its way to its answer
        page.goto(address, wait_until="load")


def rest_milliseconds(address: str, key: str) -> float:
    """Milliseconds of a call of REST."""
    call = urllib.request.Request(address, headers={"Authorization": f"Bearer {key}"})
    begun = time.perf_counter()
    with urllib.request.urlopen(call) as answer:
        answer.read()
    return 1000 * (time.perf_counter() - begun)


def tab_memory(browser: Browser, state: Any, address: str) -> str:
    """The script memory of a tab after some navigations, in MB."""
    page = browser.new_context(storage_state=state).new_page()
    client = page.context.new_cdp_session(page)
    told = []
    for number in range(1, 101):
        page.goto(address + ("/deals" if number % 2 else "/"))
        if number in (10, 100):
            client.send("HeapProfiler.collectGarbage")
            told.append(f"{client.send('Runtime.getHeapUsage')['usedSize'] / 1e6:.1f} MB after {number}")
    return ", ".join(told)


if __name__ == "__main__":
    main()
