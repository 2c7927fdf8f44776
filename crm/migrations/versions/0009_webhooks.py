"""Whom are events sent to, what was sent and what is still to be sent?"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates the tables."""
    op.create_table(
        "webhooks",
        sa.Column("webhook_id", sa.Text(), primary_key=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("url", "types", "secret")),
        sa.Column("requested_by", sa.Text()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("disabled_at", sa.BigInteger()),
        sa.Column("leased_until", sa.BigInteger(), nullable=False),
        sa.Column("lease", sa.Text()),
    )
    op.create_table(
        "webhook_events",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("event_id", "webhook_id", "type", "subject", "body", "state")
        ),
        sa.Column("attempts", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("created_at", "due_at")),
        sa.Column("finished_at", sa.BigInteger()),
        sa.Column("last_status", sa.Integer()),
        sa.Column("last_error", sa.Text()),
    )
    op.create_index("webhook_events_of", "webhook_events", ["webhook_id", "state", "number"])
    op.create_table(
        "webhook_marks",
        *(sa.Column(name, sa.Text(), primary_key=True) for name in ("type", "subject")),
        sa.Column("value", sa.Text(), nullable=False),
    )


def downgrade() -> None:
    """Removes them, with all they hold."""
    for table in ("webhook_marks", "webhook_events", "webhooks"):
        op.drop_table(table)
