"""What may an API key do, and until when? Keys of before may do all, for ever."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the columns."""
    op.add_column("api_keys", sa.Column("rights", sa.Text()))
    op.add_column("api_keys", sa.Column("expires_at", sa.BigInteger()))


def downgrade() -> None:
    """Removes them."""
    for name in ("expires_at", "rights"):
        op.drop_column("api_keys", name)
