"""How are effects on the goal shown: in points while they say something, and else in money?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crm.i18n import Text
from service.cli.reader import Reader

POINTS = Text("達成確率への影響（pt）", "effect on chance\nof target (points)")
GAIN = Text("増加\n見込み", "expected gain")
SHARE = Text("不足見込みに\n占める割合", "share of\nshortfall")


def effect_columns(
    rows: Sequence[Mapping[str, Any]],
    by: str | None,
    reader: Reader,
    points: Text = POINTS,
    gain: Text = GAIN,
) -> tuple[list[Text], list[list[str]]]:
    """Two headings and the two cells of each row: points and gain, or gain and its share of the shortfall."""
    heading, gains = reader.amounts(gain, (row["revenue"] for row in rows), signed=True)
    if by == "revenue":
        cells = [[money, reader.gap_share(row["gap_share"])] for money, row in zip(gains, rows, strict=True)]
        return [heading, SHARE], cells
    cells = [
        [reader.points_cell(row["attainment_pp"]), money] for money, row in zip(gains, rows, strict=True)
    ]
    return [points, heading], cells


def show_ranking(answer: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], reader: Reader) -> None:
    """Says so where the order is by money although there is a target: its probability tells nothing apart."""
    aimed = any(row.get("attainment_pp", row.get("swing_pp")) is not None for row in rows)
    if answer.get("ranked_by") == "revenue" and aimed:
        reader.line(
            reader.text(
                "達成確率では差がつかないため、金額の大きい順に並べています。",
                "The chance of target hardly tells these apart, so they are ranked by revenue.",
            )
        )
