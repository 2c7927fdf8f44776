"""Where does the process stall, and what does that cost?"""

from models.bottlenecks.bottleneck import Bottleneck
from models.bottlenecks.contrast import Condition, Key, Starts, Trial
from models.bottlenecks.funnel import Step, funnel
from models.bottlenecks.search import Found, search
from models.bottlenecks.segments import PAIRED, SIZE, SIZE_NAMES, names_in, segment_codes, segments_of

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
