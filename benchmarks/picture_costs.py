"""What do three pictures cost a browser: as SVG of the server, and by plotly.js? Bytes and milliseconds.

    python benchmarks/picture_costs.py [RUNS]

Both pages are files on this machine, opened in the system's Chromium; the milliseconds are from the beginning
of the navigation until the frame after the last picture is there. plotly.min.js is that of the plotly wheel.
"""

from __future__ import annotations

import gzip
import json
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import plotly
from playwright.sync_api import sync_playwright

from pictures.picture import stylesheet
from tests.support.sample_pictures import dots, fan, waterfall

_DONE = "new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => r(performance.now()))))"


def main(runs: int = 10) -> None:
    """Prints a line for each way."""
    ours = [dots(), fan(), waterfall()]
    svgs = "".join(one.svg("ja") for one in ours)
    script = (Path(plotly.__file__).parent / "package_data" / "plotly.min.js").read_text("utf-8")
    figures = json.dumps([_figure(one) for one in ours])
    draw = f"{figures}.forEach((one, n) => Plotly.newPlot('p' + n, one));"
    places = "".join(f'<div id="p{n}" style="width:640px;height:300px"></div>' for n in range(len(ours)))
    pages = {
        "SVG of the server": f"<!doctype html><style>{stylesheet()}</style>{svgs}",
        "plotly.min.js": f"<!doctype html>{places}<script>{script}</script><script>{draw}</script>",
    }
    path = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for name, html in pages.items():
            file = Path(folder, "page.html")
            file.write_text(html, "utf-8")
            raw = html.encode()
            times = sorted(_opened(browser, file) for _ in range(runs))
            print(
                f"{name}: {len(raw) / 1024:,.0f} KiB ({len(gzip.compress(raw)) / 1024:,.0f} compressed), "
                f"{statistics.median(times):.0f} ms (median of {runs}; slowest {times[-1]:.0f})"
            )
        browser.close()


def _opened(browser, file: Path) -> float:
    context = browser.new_context()
    page = context.new_page()
    page.goto(file.as_uri())
    milliseconds = page.evaluate(_DONE)
    context.close()
    return milliseconds


def _figure(picture) -> dict:
    """The picture's own table as plotly would draw it."""
    table = picture.table()
    names = [str(row[0]) for row in table.rows]
    columns = list(zip(*table.rows, strict=True))[1:]
    numbers = [[None if not isinstance(one, float) else one for one in column] for column in columns]
    return {"data": [{"type": "bar", "x": names, "y": column} for column in numbers], "layout": {}}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
