"""How is what meetings leave behind laid out in a database? Times are microseconds UTC, days ISO text."""

from __future__ import annotations

import sqlalchemy as sa

from crm.store.tables import METADATA


def _notes(name: str, *keys: str) -> sa.Table:
    """Notes of a meeting, a JSON object by block; `version` counts how often they were saved."""
    return sa.Table(
        name,
        METADATA,
        *(sa.Column(key, sa.Text, primary_key=True) for key in keys),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("notes", sa.Text, nullable=False),
        sa.Column("saved_at", sa.BigInteger, nullable=False),
        sa.Column("saved_by", sa.Text, nullable=False),
    )


# Of a scope in a week (2026-W48), and of a person on a day.
REVIEWS = _notes("reviews", "scope", "week")
ONE_ON_ONES = _notes("one_on_ones", "person_id", "day")

# Who does what until when; `meeting` is the week of the review of `scope`, or the day of a one-on-one, whose
# scope is the person's. Where it says an activity, it is done once that was recorded so many times.
AGREEMENTS = sa.Table(
    "agreements",
    METADATA,
    sa.Column("agreement_id", sa.Text, primary_key=True),
    *(
        sa.Column(name, sa.Text, nullable=False)
        for name in ("person_id", "what", "due", "scope", "meeting", "made_by", "result")
    ),
    *(
        sa.Column(name, sa.Text)
        for name in ("activity", "deal_id", "account_id", "recommendation_id", "result_by")
    ),
    *(sa.Column(name, sa.Integer, nullable=False) for name in ("times", "version")),
    sa.Column("made_at", sa.BigInteger, nullable=False),
    sa.Column("result_at", sa.BigInteger),
    sa.Index("agreements_of_scope", "scope", "meeting"),
    sa.Index("agreements_of_person", "person_id", "due"),
)

# The revenue that somebody called for a scope in a period (first..last), beside what was forecast then.
CALLS = sa.Table(
    "calls",
    METADATA,
    sa.Column("call_id", sa.Text, primary_key=True),
    *(
        sa.Column(name, sa.Text, nullable=False)
        for name in ("scope", "period", "confidence", "made_by", "model_version")
    ),
    *(sa.Column(name, sa.Double, nullable=False) for name in ("amount", "p10", "p50", "p90")),
    sa.Column("probability", sa.Double),
    sa.Column("reason", sa.Text),
    sa.Column("made_at", sa.BigInteger, nullable=False),
    sa.Index("calls_of_scope", "scope", "period", "made_at"),
)
