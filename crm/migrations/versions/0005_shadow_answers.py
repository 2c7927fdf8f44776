"""Where is it kept what a model answered beside the one in service, without being shown?"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates the table."""
    op.create_table(
        "shadow_answers",
        sa.Column("deal_id", sa.Text(), primary_key=True),
        sa.Column("as_of", sa.BigInteger(), primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.Text(), primary_key=True) for name in ("version", "shadow_version")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("asked_at", "period_end")),
        sa.Column("stage", sa.Text(), nullable=False),
        *(
            sa.Column(name, sa.Double(), nullable=False)
            for name in ("ever", "by_end", "shadow_ever", "shadow_by_end")
        ),
    )


def downgrade() -> None:
    """Removes it, with all it holds."""
    op.drop_table("shadow_answers")
