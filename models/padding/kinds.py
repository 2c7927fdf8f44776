"""Which kinds of padding are there: which KPIs of which styles do they raise, and what is asked then?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from crm.i18n import Text

_ALL = ("field", "route", "inside")
_OUTSIDE = ("field", "route")


@dataclass(frozen=True)
class Kind:
    """A kind of padding: the KPIs that it raises, the styles that have them, what is asked about it."""

    id: str
    label: Text
    kpis: tuple[str, ...]
    styles: tuple[str, ...]
    question: Text


def _question(ja: str, en: str) -> Text:
    return Text("".join(ja.splitlines()), " ".join(en.splitlines()))


_CALLS = _question(
    """電話は{rows}件（いつもの水準なら{usual_rows}件）に増えましたが、つながったのは{settled}件中{followed}件です
（いつもの割合なら{usual_followed}件）。
リストの質や架電の時間帯に変化がなかったか、理由を聞いてみてください。""",
    """Calls rose to {rows} ({usual_rows} would be usual), and {followed} of {settled} reached somebody
({usual_followed} at the usual share). Ask what has changed: the list, or the hours of the calls?""",
)
_VISITS = _question(
    """訪問は{rows}件（いつもの水準なら{usual_rows}件）に増えましたが、有効商談と記録されたのは
{settled}件中{followed}件です（いつもの割合なら{usual_followed}件）。
訪問先や記録のしかたに変化がなかったか、理由を聞いてみてください。""",
    """Visits rose to {rows} ({usual_rows} would be usual), and {followed} of {settled} were recorded as
effective ({usual_followed} at the usual share). Ask what has changed: who is visited, or how visits are
recorded?""",
)
_NEW_DEALS = _question(
    """新規商談は{rows}件（いつもの水準なら{usual_rows}件）に増えましたが、作成後{days}日以内に活動や進展が
あったのは{settled}件中{followed}件です（いつもの割合なら{usual_followed}件）。
手が回っていないのか、記録が漏れているのか、理由を聞いてみてください。""",
    """Deals created rose to {rows} ({usual_rows} would be usual), and {followed} of {settled} saw an activity
or a step forward within {days} days ({usual_followed} at the usual share). Ask why: is there no time for
them, or is the work on them not recorded?""",
)
_STAGE_MOVES = _question(
    """ステージの前進は{rows}件（いつもの水準なら{usual_rows}件）に増えましたが、{days}日以内に戻されなかったのは
{settled}件中{followed}件です（いつもの割合なら{usual_followed}件）。
ステージの判断基準に迷いがないか、理由を聞いてみてください。""",
    """Steps forward rose to {rows} ({usual_rows} would be usual), and {followed} of {settled} were not taken
back within {days} days ({usual_followed} at the usual share). Ask why: is it unclear when a stage is
reached?""",
)
_DUE_DEALS = _question(
    """当月受注予定の商談は{rows}件（いつもの水準なら{usual_rows}件）に増えましたが、月末の{days}日間に
後ろ倒しされなかったのは{settled}件中{followed}件です（いつもの割合なら{usual_followed}件）。
受注予定日をどう決めているか、理由を聞いてみてください。""",
    """Deals due in their month rose to {rows} ({usual_rows} would be usual), and {followed} of {settled} were
not pushed back in the month's last {days} days ({usual_followed} at the usual share). Ask how close dates
are set.""",
)

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.id: kind
        for kind in (
            Kind(
                "calls", Text("つながらない電話", "Calls that reach nobody"), ("calls",), ("inside",), _CALLS
            ),
            Kind(
                "visits",
                Text("有効商談にならない訪問", "Visits that are not effective"),
                ("visits",),
                _OUTSIDE,
                _VISITS,
            ),
            Kind(
                "new_deals",
                Text("作成後に動きのない商談", "Deals created and not touched"),
                ("new_deals",),
                _ALL,
                _NEW_DEALS,
            ),
            Kind(
                "stage_moves",
                Text("進めてから戻した商談", "Stages moved forward and back"),
                ("first_visits", "proposals", "closings"),
                _OUTSIDE,
                _STAGE_MOVES,
            ),
            Kind(
                "due_deals",
                Text("月末の受注予定日の後ろ倒し", "Close dates pushed at the month's end"),
                (),
                _OUTSIDE,
                _DUE_DEALS,
            ),
        )
    }
)
