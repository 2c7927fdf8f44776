"""Where is it kept what was predicted for each deal, day by day?"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates the table."""
    op.create_table(
        "deal_scores",
        *(sa.Column(name, sa.Text(), primary_key=True) for name in ("deal_id", "day")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("as_of", "kept_at")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("period", "model_version")),
        *(
            sa.Column(name, sa.Double(), nullable=False)
            for name in (
                *("win_probability", "win_by_period_end", "expected_revenue"),
                *("revenue_p10", "revenue_p50", "revenue_p90"),
            )
        ),
        sa.Column("expected_close_date", sa.Text()),
    )
    op.create_index("deal_scores_day", "deal_scores", ["day"])


def downgrade() -> None:
    """Removes it, with all it holds."""
    op.drop_table("deal_scores")
