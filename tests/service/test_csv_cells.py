"""Is no cell of an exported CSV a formula?"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from service.csv_cells import write_csv


def test_a_name_that_begins_like_a_formula_is_a_text_in_a_spreadsheet(tmp_path: Path):
    frame = pd.DataFrame(
        {
            "deal_id": ["=1+1", "@sum", "D-1"],
            "name": pd.Categorical(["+81", "-", "plain"]),
            "expected_revenue": [-1.5, 2.0, 3.0],
        }
    )
    write_csv(frame, tmp_path / "scores.csv")
    lines = (tmp_path / "scores.csv").read_text().splitlines()
    assert lines[1:] == ["'=1+1,+81,-1.5", "'@sum,'-,2.0", "D-1,plain,3.0"]
