"""Where does the process stall, and what does that cost?"""

from sancho.models.bottlenecks.finding import Bottleneck
from sancho.models.bottlenecks.funnel import Step, funnel
from sancho.models.bottlenecks.search import Found, search
from sancho.models.bottlenecks.segments import PAIRED, SIZE, SIZE_NAMES, names_in, segment_codes, segments_of
from sancho.models.bottlenecks.trial import Condition, Key, Starts, Trial

__all__ = [
    "PAIRED",
    "SIZE",
    "SIZE_NAMES",
    "Bottleneck",
    "Condition",
    "Found",
    "Key",
    "Starts",
    "Step",
    "Trial",
    "funnel",
    "names_in",
    "search",
    "segment_codes",
    "segments_of",
]
