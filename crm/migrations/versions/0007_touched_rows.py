"""Which rows did each import write to? So that who has read the store reads those alone again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates the table."""
    op.create_table(
        "touched_rows",
        sa.Column("import_id", sa.Integer(), primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.Text(), primary_key=True) for name in ("table_name", "row_key")),
    )


def downgrade() -> None:
    """Removes it, with all it holds."""
    op.drop_table("touched_rows")
