"""Do all pictures hold what a page needs: valid SVG, both languages, labels that fit, a table?"""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from crm.i18n import LANGUAGES
from pictures.layout import text_width
from pictures.picture import NARROW, WIDE, stylesheet
from tests.support.sample_pictures import all_pictures

PICTURES = [pytest.param(picture, id=picture.name) for picture in all_pictures()]
WIDTHS = (WIDE, NARROW)
_JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
_SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("picture", PICTURES)
def test_a_picture_is_valid_svg_named_by_its_title_and_sentence(picture, width, lang) -> None:
    root = ElementTree.fromstring(picture.svg(lang, width))
    named = [root.find(f"{_SVG}{part}") for part in ("title", "desc")]
    assert [one.text for one in named] == [picture.title.to(lang), picture.sentence.to(lang)]
    assert root.get("aria-labelledby") == " ".join(one.get("id") for one in named)
    assert float(root.get("width")) == width


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("picture", PICTURES)
def test_no_label_leaves_its_picture(picture, width, lang) -> None:
    root = ElementTree.fromstring(picture.svg(lang, width))
    height = float(root.get("height"))
    texts = root.findall(f"{_SVG}text")
    for text in texts:
        size, x, y = text_width(text.text, 12), float(text.get("x")), float(text.get("y"))
        left = x - {"middle": size / 2, "end": size}.get(text.get("text-anchor"), 0.0)
        assert left >= -2, text.text
        assert left + size <= width + 2, text.text
        assert 8 <= y <= height, text.text


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("picture", PICTURES)
def test_no_two_labels_stand_on_each_other(picture, width) -> None:
    for lang in LANGUAGES:
        boxes = []
        for text in ElementTree.fromstring(picture.svg(lang, width)).findall(f"{_SVG}text"):
            size, x, y = text_width(text.text, 11), float(text.get("x")), float(text.get("y"))
            left = x - {"middle": size / 2, "end": size}.get(text.get("text-anchor"), 0.0)
            boxes.append((left, left + size, y - 9, y, text.text))
        for number, (left, right, top, bottom, words) in enumerate(boxes):
            for other in boxes[number + 1 :]:
                apart = right <= other[0] or other[1] <= left or bottom <= other[2] or other[3] <= top
                assert apart, (lang, words, other[4])


@pytest.mark.parametrize("picture", PICTURES)
def test_an_english_figure_has_no_japanese_and_neither_has_styles_or_scripts(picture) -> None:
    assert not _JAPANESE.search(picture.figure("en"))
    for lang in LANGUAGES:
        assert not re.search(r"<script|<style|style=|onload|href", picture.figure(lang))


@pytest.mark.parametrize("picture", PICTURES)
def test_the_table_in_the_figure_holds_every_number_exactly(picture) -> None:
    table = picture.table()
    numbers = [value for row in table.rows for value in row if isinstance(value, float | int)]
    written = re.findall(r'<data value="([^"]+)">', picture.figure("ja"))
    assert numbers
    assert [float(value) for value in written] == numbers


@pytest.mark.parametrize("picture", PICTURES)
def test_every_class_in_a_picture_has_a_rule(picture) -> None:
    used = set(" ".join(re.findall(r'class="([^"]+)"', picture.svg("ja"))).split())
    missing = {name for name in used if not re.search(rf"\.{name}\b", stylesheet())}
    assert missing == set()


def test_a_notebook_shows_the_figure_with_its_colours() -> None:
    shown = all_pictures()[0]._repr_html_()
    assert shown.startswith("<style>")
    assert shown.count("<svg") == 2
