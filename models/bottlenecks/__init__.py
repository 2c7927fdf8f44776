"""Where does the sales process stall, and what does that cost?"""

from models.bottlenecks.bottleneck import Bottleneck
from models.bottlenecks.contrast import Condition, ConditionContrast, SegmentKey, StageCohort
from models.bottlenecks.funnel import FunnelStep, funnel_steps
from models.bottlenecks.search import FoundBottleneck, search_conditions
from models.bottlenecks.segments import PAIRED, SIZE, SIZE_NAMES, names_in, segment_codes, segments_of

__all__ = [
    "PAIRED",
    "SIZE",
    "SIZE_NAMES",
    "Bottleneck",
    "Condition",
    "ConditionContrast",
    "FoundBottleneck",
    "FunnelStep",
    "SegmentKey",
    "StageCohort",
    "funnel_steps",
    "names_in",
    "search_conditions",
    "segment_codes",
    "segments_of",
]
