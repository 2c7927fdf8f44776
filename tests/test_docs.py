"""Do the pages say what the code does?"""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from sancho.crm.importing.mapping import load_mapping

DOCS = Path(__file__).parent.parent / "docs"


@pytest.mark.parametrize("name", ["tables.md", "features.md"])
def test_a_page_made_from_code_is_up_to_date(name: str) -> None:
    page = runpy.run_path(str(DOCS / "generate.py"))["PAGES"][name]()
    assert (DOCS / name).read_text(encoding="utf-8") == page, "run: python docs/generate.py"


def test_the_mapping_shown_in_the_docs_is_one_that_loads(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", (DOCS / "import.md").read_text(encoding="utf-8"), re.S)
    file = tmp_path / "shown.toml"
    file.write_text(shown, encoding="utf-8")
    assert [block.table for block in load_mapping(file).blocks] == ["deals"]
