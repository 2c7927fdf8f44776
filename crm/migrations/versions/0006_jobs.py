"""Where is work kept that a process beside the service does: imports, trainings, what is scheduled?"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_OPEN = "state IN ('queued', 'running')"


def upgrade() -> None:
    """Creates the tables."""
    op.create_table(
        "jobs",
        sa.Column("job_id", sa.Text(), primary_key=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("kind", "state", "payload")),
        *(sa.Column(name, sa.Text()) for name in ("unique_key", "requested_by")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("created_at", "due_at")),
        *(sa.Column(name, sa.BigInteger()) for name in ("started_at", "finished_at")),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("attempts", "beats")),
        sa.Column("cancel_asked", sa.Boolean(), nullable=False),
        *(sa.Column(name, sa.Text()) for name in ("step_ja", "step_en")),
        *(sa.Column(name, sa.BigInteger()) for name in ("done", "total")),
        *(sa.Column(name, sa.Text()) for name in ("result", "error_code", "error_ja", "error_en")),
    )
    op.create_index("jobs_due", "jobs", ["state", "due_at"])
    where = sa.text(_OPEN)
    op.create_index(
        "jobs_open_key", "jobs", ["unique_key"], unique=True, sqlite_where=where, postgresql_where=where
    )
    op.create_table(
        "job_files",
        sa.Column("job_id", sa.Text(), primary_key=True),
        sa.Column("part", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("contents", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "job_schedules",
        sa.Column("name", sa.Text(), primary_key=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("kind", "payload")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("every_seconds", "next_due")),
        sa.Column("requested_by", sa.Text()),
    )


def downgrade() -> None:
    """Removes them, with all they hold."""
    for table in ("job_schedules", "job_files", "jobs"):
        op.drop_table(table)
