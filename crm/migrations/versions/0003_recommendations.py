"""Where is it kept what was recommended, and what became of it?"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates the tables."""
    op.create_table(
        "recommendations",
        sa.Column("recommendation_id", sa.Text(), primary_key=True),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("made_at", "valid_until")),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("deal_id", "action", "arm", "model_version")
        ),
        *(
            sa.Column(name, sa.Double(), nullable=False)
            for name in ("chance", "uplift", "low", "high", "propensity")
        ),
        sa.Column("alternatives", sa.Text(), nullable=False),
    )
    op.create_table(
        "recommendation_outcomes",
        *(sa.Column(name, sa.Text(), primary_key=True) for name in ("recommendation_id", "state")),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text()),
    )


def downgrade() -> None:
    """Removes them, with all they hold."""
    op.drop_table("recommendation_outcomes")
    op.drop_table("recommendations")
