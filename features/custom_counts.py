"""How often does each of a company's custom activity kinds, outcomes and materials occur?"""

from __future__ import annotations

from typing import Any

from crm.i18n import Text
from features.arrays import KIND, KINDS, MATERIAL, RESULT
from features.as_of import count_before
from features.catalogue import Feature
from features.kernel_cache import compiled
from features.levels import MAX_CUSTOM_NAMES, Levels, names_of

_COUNT = Text("件", "count")


def custom_count_features(levels: Levels) -> tuple[Feature, ...]:
    """One count for each custom kind, outcome and material, in the order of `fill_custom_counts`."""
    return tuple(
        Feature(f"{prefix}:{word}", label.format(word=word), _COUNT, "activity", True, reads=(column,))
        for prefix, (words, label, column) in _custom_names(levels).items()
        for word in words
    )


def _custom_names(levels: Levels) -> dict[str, tuple[list[str], Text, str]]:
    return {
        "kind": (
            names_of(levels, "activity_kind"),
            Text("「{word}」の件数", "Activities of the kind “{word}”"),
            "activities.kind",
        ),
        "outcome": (
            names_of(levels, "last_outcome")[:MAX_CUSTOM_NAMES],
            Text("結果が「{word}」の活動の件数", "Activities with the outcome “{word}”"),
            "activities.outcome",
        ),
        "material": (
            names_of(levels, "material"),
            Text("資料「{word}」を送付・提示した回数", "Times the material “{word}” was sent or shown"),
            "activities.material",
        ),
    }


def custom_count_sizes(levels: Levels) -> tuple[int, int, int]:
    """The numbers of custom kinds, outcomes and materials that are counted."""
    kinds, outcomes, materials = (len(words) for words, _, _ in _custom_names(levels).values())
    return kinds, outcomes, materials


_NAMED = len(KINDS)


@compiled
def fill_custom_counts(
    activities: Any, kinds: Any, outcomes: Any, materials: Any, deals: Any, moments: Any, column: Any, x: Any
) -> None:
    """Fill kinds + outcomes + materials columns from `column` on."""
    for row in range(len(deals)):
        deal = deals[row]
        low = activities.start[deal]
        end = count_before(activities.at, low, activities.start[deal + 1], moments[row])
        for i in range(kinds + outcomes + materials):
            x[row, column + i] = 0.0
        for i in range(low, end):
            entry = activities.entry
            kind, outcome, material = entry[i, KIND] - _NAMED, entry[i, RESULT], entry[i, MATERIAL]
            if 0 <= kind < kinds:
                x[row, column + kind] += 1.0
            if 0 <= outcome < outcomes:
                x[row, column + kinds + outcome] += 1.0
            if 0 <= material < materials:
                x[row, column + kinds + outcomes + material] += 1.0
