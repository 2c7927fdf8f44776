"""What does the funnel say where nobody knows yet who goes on?"""

from __future__ import annotations

from crm.i18n import Text
from pictures.funnel import Funnel, Stage


def test_a_funnel_without_a_conversion_tells_its_first_stage() -> None:
    stages = [Stage(Text("リード", "Lead"), 1200), Stage(Text("提案", "Proposal"), 3)]
    funnel = Funnel(name="funnel", title=Text("流れ", "Flow"), stages=stages)
    assert funnel.sentence.ja == "リードに1,200件。ステージ移行率はまだ分かりません。"
    assert funnel.sentence.en == "Lead: 1,200 deals. No stage conversion is known yet."
