"""Who is told when a score, a goal, a bottleneck or the model changes? Signed calls to addresses."""

from __future__ import annotations
