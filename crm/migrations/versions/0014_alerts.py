"""Whom are alerts sent to, what were they told, and what do they not want to be told?"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates the tables."""
    op.create_table(
        "alert_channels",
        sa.Column("channel_id", sa.Text(), primary_key=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("form", "address", "kinds")),
        *(
            sa.Column(name, sa.Text())
            for name in ("secret", "person_id", "scope", "language", "requested_by")
        ),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("leased_until", sa.BigInteger(), nullable=False),
        sa.Column("lease", sa.Text()),
    )
    op.create_table(
        "alerts",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("channel_id", "key", "kind", "body", "state")
        ),
        sa.Column("group_id", sa.Text()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("created_at", "due_at")),
        sa.Column("finished_at", sa.BigInteger()),
        sa.Column("last_error", sa.Text()),
    )
    op.create_index("alerts_once", "alerts", ["channel_id", "key"], unique=True)
    op.create_index("alerts_of", "alerts", ["channel_id", "state", "number"])
    op.create_table(
        "alert_mutes",
        *(sa.Column(name, sa.Text(), primary_key=True) for name in ("who", "kind")),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "alert_marks",
        *(sa.Column(name, sa.Text(), primary_key=True) for name in ("kind", "subject")),
        sa.Column("value", sa.Text(), nullable=False),
    )


def downgrade() -> None:
    """Removes them, with all they hold."""
    for table in ("alert_marks", "alert_mutes", "alerts", "alert_channels"):
        op.drop_table(table)
