"""Who signs in, how, and who is signed in? Passwords, one-time links, sessions; whose an API key is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the tables."""
    op.create_table(
        "sign_in_passwords",
        sa.Column("person_id", sa.Text(), primary_key=True),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "sign_in_links",
        sa.Column("link_sha256", sa.Text(), primary_key=True),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
    )
    op.create_index("sign_in_links_of", "sign_in_links", ["person_id"])
    op.create_table(
        "sign_in_sessions",
        sa.Column("session_sha256", sa.Text(), primary_key=True),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("email_mac", sa.Text(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
    )
    op.create_index("sign_in_sessions_of", "sign_in_sessions", ["person_id"])
    op.add_column("api_keys", sa.Column("person_id", sa.Text()))


def downgrade() -> None:
    """Removes them."""
    op.drop_column("api_keys", "person_id")
    for name in ("sign_in_sessions", "sign_in_links", "sign_in_passwords"):
        op.drop_table(name)
