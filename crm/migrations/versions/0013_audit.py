"""Who changed what, who read whose figures, who was erased, and what did people say of their own figures?"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates the tables."""
    op.create_table(
        "audit",
        sa.Column("audit_id", sa.Text(), primary_key=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("caller", "operation", "result")),
        *(
            sa.Column(name, sa.Text())
            for name in ("person_id", "role", "scope", "about", "touched", "request_id", "address")
        ),
        sa.Column("status", sa.Integer()),
    )
    op.create_index("audit_at", "audit", ["at", "audit_id"])
    op.create_index("audit_about", "audit", ["about", "at"])
    op.create_table(
        "erasures",
        sa.Column("erasure_id", sa.Text(), primary_key=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("table_name", "pseudonym", "state")),
        *(sa.Column(name, sa.Text()) for name in ("row_key", "salt", "key_hash")),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.BigInteger()),
        sa.Column("requested_by", sa.Text(), nullable=False),
    )
    op.create_table(
        "person_answers",
        sa.Column("answer_id", sa.Text(), primary_key=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("person_id", "subject", "answer")),
        sa.Column("period", sa.Text()),
        sa.Column("at", sa.BigInteger(), nullable=False),
    )
    op.create_index("person_answers_of", "person_answers", ["person_id", "at"])


def downgrade() -> None:
    """Removes them, with all they hold."""
    for table in ("person_answers", "erasures", "audit"):
        op.drop_table(table)
