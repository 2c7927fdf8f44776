"""Which kinds of alert are there?"""

from __future__ import annotations

from collections.abc import Mapping

from crm.i18n import Text

DEAL_FELL, GOAL_CROSSED = "deal.fell", "goal.crossed"
DATA_STALE, MODEL_DUE = "data.stale", "model.due"
TEST = "test"  # sent when somebody asks whether a channel works
KINDS: Mapping[str, Text] = {
    DEAL_FELL: Text(
        "目標に影響する商談の受注確率が下がった", "a deal that matters to the goal has become less likely"
    ),
    GOAL_CROSSED: Text(
        "目標の達成確率が、ふだんの週の変動を超えて25%・50%・75%をまたいだ",
        "the probability of a goal crossed 25, 50 or 75 %, by more than it usually changes in a week",
    ),
    DATA_STALE: Text("データの更新が止まっている", "no new record for long"),
    MODEL_DUE: Text("モデルの再学習が必要", "the model is due for a retraining"),
}
