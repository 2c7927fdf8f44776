"""Which KPIs did somebody accept for a person or team, when, and why were they changed?"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates the table."""
    op.create_table(
        "kpi_sets",
        *(sa.Column(name, sa.Text(), primary_key=True) for name in ("scope", "period")),
        sa.Column("version", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("contents", sa.Text(), nullable=False),
        sa.Column("accepted_at", sa.BigInteger(), nullable=False),
        sa.Column("accepted_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
    )
    op.create_index("kpi_sets_of_period", "kpi_sets", ["period", "scope"])


def downgrade() -> None:
    """Removes it, with all it holds."""
    op.drop_table("kpi_sets")
