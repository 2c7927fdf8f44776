"""What was noted and agreed in weekly reviews and one-on-ones, and which revenue did somebody call?"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates the tables."""
    for table, keys in (("reviews", ("scope", "week")), ("one_on_ones", ("person_id", "day"))):
        op.create_table(
            table,
            *(sa.Column(name, sa.Text(), primary_key=True) for name in keys),
            sa.Column("version", sa.Integer(), nullable=False),
            sa.Column("notes", sa.Text(), nullable=False),
            sa.Column("saved_at", sa.BigInteger(), nullable=False),
            sa.Column("saved_by", sa.Text(), nullable=False),
        )
    op.create_table(
        "agreements",
        sa.Column("agreement_id", sa.Text(), primary_key=True),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("person_id", "what", "due", "scope", "meeting", "made_by", "result")
        ),
        *(
            sa.Column(name, sa.Text())
            for name in ("activity", "deal_id", "account_id", "recommendation_id", "result_by")
        ),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("times", "version")),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("result_at", sa.BigInteger()),
    )
    op.create_index("agreements_of_scope", "agreements", ["scope", "meeting"])
    op.create_index("agreements_of_person", "agreements", ["person_id", "due"])
    op.create_table(
        "calls",
        sa.Column("call_id", sa.Text(), primary_key=True),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("scope", "period", "confidence", "made_by", "model_version")
        ),
        *(sa.Column(name, sa.Double(), nullable=False) for name in ("amount", "p10", "p50", "p90")),
        sa.Column("probability", sa.Double()),
        sa.Column("reason", sa.Text()),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
    )
    op.create_index("calls_of_scope", "calls", ["scope", "period", "made_at"])


def downgrade() -> None:
    """Removes them, with all they hold."""
    for table in ("calls", "agreements", "one_on_ones", "reviews"):
        op.drop_table(table)
