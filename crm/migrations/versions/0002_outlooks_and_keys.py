"""Where is it kept how likely a target was, day by day? And the keys, which used to make their own table."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates them."""
    op.create_table(
        "outlooks",
        *(sa.Column(name, sa.Text(), primary_key=True) for name in ("period", "scope", "day")),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("kept_at", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Double()) for name in ("probability", "target")),
        *(sa.Column(name, sa.Double(), nullable=False) for name in ("mean", "p10", "p50", "p90")),
        sa.Column("model_version", sa.Text(), nullable=False),
    )
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.Text(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("secret_sha256", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger()),
        if_not_exists=True,
    )


def downgrade() -> None:
    """Removes them, with all they hold."""
    op.drop_table("api_keys")
    op.drop_table("outlooks")
