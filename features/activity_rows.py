"""Which activities has a deal had, how recently, by whom, and has the customer responded?"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crm.instants import DAY, NEVER
from features.arrays import (
    ACTOR,
    CALL,
    DEMO,
    EFFECTIVE,
    EMAIL,
    FOLLOW,
    INBOUND,
    KIND,
    KINDS,
    MATERIAL,
    PROPOSAL,
    QUANTUM,
    QUOTE,
    RESULT,
    SECONDS,
    SEMINAR,
    SENDING,
    VISIT,
    WEB,
)
from features.as_of import NAN, before, count_before, days, last_before
from features.catalogue import columns
from features.kernel_cache import compiled
from features.organisation import activity_gap

(IN_7, IN_30, IN_90, ALL, TREND, CALLS_30, EMAILS_30, MEETINGS_30) = columns(
    "activities_7d", "activities_30d", "activities_90d", "activities", "activity_trend", "calls_30d",
    "emails_30d", "meetings_30d",
)  # fmt: skip
(CALLS, EMAILS, VISITS, WEBS, DEMOS, PROPOSALS, QUOTES, FOLLOWS, SEMINARS, MATERIALS) = columns(
    "calls", "emails", "visits", "web_meetings", "demos", "proposals", "quotes", "follow_ups", "seminars",
    "materials",
)  # fmt: skip
(SINCE, SINCE_CALL, SINCE_MEETING, SINCE_PROPOSAL, SINCE_QUOTE, SINCE_MATERIAL) = columns(
    "days_since_activity", "days_since_call", "days_since_meeting", "days_since_proposal", "days_since_quote",
    "days_since_material",
)  # fmt: skip
(FROM_CUSTOMER, FROM_CUSTOMER_30, INBOUND_SHARE, SINCE_INBOUND, CONVERSATIONS, SINCE_EFFECTIVE) = columns(
    "inbound", "inbound_30d", "inbound_share", "days_since_inbound", "effective_meetings",
    "days_since_effective",
)  # fmt: skip
(PEOPLE, MANAGER, MINUTES, LAST_OUTCOME, GAP) = columns(
    "people_involved", "manager_meetings", "minutes", "last_outcome", "gap_days"
)
(TO_MEETING, TO_PROPOSAL, TO_QUOTE) = columns(
    "created_to_meeting_days", "meeting_to_proposal_days", "proposal_to_quote_days"
)
WINDOWS = (7 * DAY, 30 * DAY, 60 * DAY, 90 * DAY)
MAX_PEOPLE = 16
"""At most this many colleagues on a deal are counted."""


def _by_kind(*pairs: tuple[int, int]) -> NDArray[np.int64]:
    """Column of each kind of activity known by name, -1 = none."""
    of = np.full(len(KINDS), -1, np.int64)
    for kind, column in pairs:
        of[kind] = column
    return of


_COUNT_OF = _by_kind(
    (CALL, CALLS), (EMAIL, EMAILS), (VISIT, VISITS), (WEB, WEBS), (DEMO, DEMOS), (PROPOSAL, PROPOSALS),
    (QUOTE, QUOTES), (FOLLOW, FOLLOWS), (SEMINAR, SEMINARS),
)  # fmt: skip
_RECENT_OF = _by_kind(
    (CALL, CALLS_30), (EMAIL, EMAILS_30), (VISIT, MEETINGS_30), (WEB, MEETINGS_30), (DEMO, MEETINGS_30)
)
_SINCE_OF = _by_kind(
    (CALL, SINCE_CALL), (VISIT, SINCE_MEETING), (WEB, SINCE_MEETING), (DEMO, SINCE_MEETING),
    (PROPOSAL, SINCE_PROPOSAL), (QUOTE, SINCE_QUOTE),
)  # fmt: skip
_ZERO = np.array(
    [
        IN_7, IN_30, IN_90, TREND, CALLS_30, EMAILS_30, MEETINGS_30, CALLS, EMAILS, VISITS, WEBS, DEMOS,
        PROPOSALS, QUOTES, FOLLOWS, SEMINARS, MATERIALS, FROM_CUSTOMER, FROM_CUSTOMER_30, CONVERSATIONS,
        MANAGER,
    ],
    np.int64,
)  # fmt: skip


@compiled
def is_meeting(kind: Any) -> Any:
    """Whether the activity is a meeting: a visit, a web meeting or a demo."""
    return kind in (VISIT, WEB, DEMO)


@compiled
def activity_rows(
    created: Any, acts: Any, manager: Any, known: Any, levels: Any, which: Any, moments: Any, x: Any
) -> None:
    """Fill the activity columns in one pass over each deal's activities before its moment.

    `manager` and `known` are of `People`; `levels` is the number of outcomes that have a level.
    """
    actors = np.empty(MAX_PEOPLE, np.int64)
    for row in range(len(which)):
        deal, t = which[row], moments[row]
        low = acts.start[deal]
        end = count_before(acts.at, low, acts.start[deal + 1], t)
        for column in _ZERO:
            x[row, column] = 0.0
        people, gaps, gap_sum, seconds = 0, 0, 0, 0
        first_meeting, first_proposal, first_quote = NEVER, NEVER, NEVER
        for i in range(low, end):
            at, kind, actor = acts.at[i], acts.entry[i, KIND], acts.entry[i, ACTOR]
            meeting = is_meeting(kind)
            recent = not before(at, t - WINDOWS[1])
            x[row, IN_7] += not before(at, t - WINDOWS[0])
            x[row, IN_30] += recent
            x[row, IN_90] += not before(at, t - WINDOWS[3])
            x[row, TREND] += recent
            if not recent and not before(at, t - WINDOWS[2]):
                x[row, TREND] -= 1.0
            if kind < len(_COUNT_OF):
                column = _COUNT_OF[kind]
                if column >= 0:
                    x[row, column] += 1.0
                column = _RECENT_OF[kind]
                if column >= 0:
                    x[row, column] += recent
                column = _SINCE_OF[kind]
                if column >= 0:
                    x[row, column] = days(t - at)
            if meeting and first_meeting == NEVER:
                first_meeting = at
            if kind == PROPOSAL and first_proposal == NEVER:
                first_proposal = at
            if kind == QUOTE and first_quote == NEVER:
                first_quote = at
            if kind == SENDING or acts.entry[i, MATERIAL] >= 0:
                x[row, MATERIALS] += 1.0
                x[row, SINCE_MATERIAL] = days(t - at)
            if acts.entry[i, INBOUND] == 1:
                x[row, FROM_CUSTOMER] += 1.0
                x[row, FROM_CUSTOMER_30] += recent
                x[row, SINCE_INBOUND] = days(t - at)
            if acts.entry[i, EFFECTIVE] == 1:
                x[row, CONVERSATIONS] += 1.0
                x[row, SINCE_EFFECTIVE] = days(t - at)
            seconds += acts.entry[i, SECONDS]
            result = acts.entry[i, RESULT]
            if result >= 0:
                x[row, LAST_OUTCOME] = result if result < levels else NAN
            if actor >= 0:
                x[row, MANAGER] += meeting and joined(known, actor, t) and last_before(manager, actor, t) == 1
                new = people < MAX_PEOPLE
                for j in range(people):
                    new = new and actors[j] != actor
                if new:
                    actors[people] = actor
                    people += 1
            _, size = activity_gap(created[deal], acts.at, low, i)
            if size >= 0:
                gaps += 1
                gap_sum += size
        x[row, ALL], x[row, PEOPLE], x[row, MINUTES] = end - low, people, seconds / 60.0
        if end > low:
            x[row, SINCE] = days(t - acts.at[end - 1])
            x[row, INBOUND_SHARE] = x[row, FROM_CUSTOMER] / (end - low)
        if gaps > 0:
            x[row, GAP] = np.expm1(gap_sum / QUANTUM / gaps)
        if first_meeting != NEVER:
            x[row, TO_MEETING] = days(first_meeting - created[deal])
        if first_proposal != NEVER and first_meeting != NEVER:
            x[row, TO_PROPOSAL] = days(first_proposal - first_meeting)
        if first_proposal != NEVER and first_quote != NEVER:
            x[row, TO_QUOTE] = days(first_quote - first_proposal)


@compiled
def joined(known: Any, person: Any, t: Any) -> Any:
    """Whether a person's row was known at t; `known` is of `People`."""
    return known[person] == NEVER or before(known[person], t)
