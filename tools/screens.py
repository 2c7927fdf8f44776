"""How do the pages look? Screenshots and A4 sheets of the demo organisation, for docs/screens.

    python -m tools.screens --home DIR [--to docs/screens]

DIR is a home with a model (`sancho demo` makes one); copy it first, for looking is recorded. Each page of the
menu, a deal and a one-on-one: 1,280 and 390 pixels in Japanese, dark, English, and as PDF.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

from service.app import create_app
from service.pages.navigation import MENU
from service.settings import Settings
from service.use_cases import UseCases
from tests.browser.conftest import chromium_path
from tests.support.served import over_http

_VIEWS = {  # width, theme, language
    "desktop": (1280, "light", "ja"),
    "phone": (390, "light", "ja"),
    "dark": (1280, "dark", "ja"),
    "english": (1280, "light", "en"),
}
_TALLEST = 2_400  # pixels of a screenshot; what is below looks alike
_COLOURS = 96


def main() -> None:
    """Writes the files, and says how large they are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--to", type=Path, default=Path("docs/screens"))
    asked = parser.parse_args()
    asked.to.mkdir(parents=True, exist_ok=True)
    cases = UseCases.open(Settings(home=asked.home))
    cases.serving.refresh(warm=True)
    app = create_app(cases.settings, cases, warm=False)
    with over_http(app) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        page = browser.new_page()
        people = app.state.sign_in.people.read().everybody.values()
        admin = next(one.person_id for one in people if one.role == "admin" and one.refused is None)
        page.goto(f"{address}/sign-in?link={app.state.sign_in.book.add_link(admin, 600)}")
        with page.expect_navigation():
            page.locator("main button").click()
        for name, path in _places(page, address):
            _look(page, asked.to / name, f"{address}{path}")
        browser.close()
    cases.close()
    total = sum(file.stat().st_size for file in asked.to.iterdir())
    print(f"{len(list(asked.to.iterdir()))} files, {total / 2**20:.1f} MiB in {asked.to}")


def _places(page: Any, address: str) -> list[tuple[str, str]]:
    places = [(one.name, one.path) for one in MENU]
    for name, listed, link in (("deal", "/deals", "/deals/"), ("one-on-one", "/people", "/1on1")):
        page.goto(f"{address}{listed}")
        found = page.locator(f"main table a[href*='{link}']")
        if found.count():
            places.append((name, str(found.first.get_attribute("href"))))
    return places


def _look(page: Any, file: Path, address: str) -> None:
    joint = "&" if "?" in address else "?"
    for view, (width, theme, lang) in _VIEWS.items():
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme)
        page.goto(f"{address}{joint}lang={lang}")
        image = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
        image = image.crop((0, 0, image.width, min(image.height, _TALLEST)))
        image.quantize(_COLOURS, dither=Image.Dither.NONE).save(f"{file}-{view}.png", optimize=True)
    page.emulate_media(color_scheme="light")
    page.goto(f"{address}{joint}lang=ja")
    Path(f"{file}.pdf").write_bytes(page.pdf(prefer_css_page_size=True))


if __name__ == "__main__":
    main()
