"""To which team is an API key limited? Keys of before are limited to none."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column."""
    op.add_column("api_keys", sa.Column("team_id", sa.Text()))


def downgrade() -> None:
    """Removes it."""
    op.drop_column("api_keys", "team_id")
