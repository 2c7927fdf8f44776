"""Which versions did every row have, and what do a company's books hold beside deals?

What is stored already counts as having been so from the beginning.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

Kind = sa.types.TypeEngine[Any]
TEXT: Kind = sa.Text()
INSTANT: Kind = sa.BigInteger()
NUMBER: Kind = sa.Double()

# table: (key, {column: type}); a name that ends in ! must be filled.
TABLES: dict[str, tuple[tuple[str, ...], dict[str, Kind]]] = {
    "contacts": (
        ("contact_id",),
        {"contact_id!": TEXT, "account_id": TEXT, "name": TEXT, "role": TEXT},
    ),
    "deal_contacts": (
        ("deal_id", "contact_id"),
        {"deal_id!": TEXT, "contact_id!": TEXT, "role": TEXT},
    ),
    "products": (
        ("product",),
        {"product!": TEXT, "family": TEXT, "unit_price": NUMBER, "currency": TEXT},
    ),
    "deal_products": (
        ("deal_id", "product"),
        {"deal_id!": TEXT, "product!": TEXT, "quantity": NUMBER, "amount": NUMBER, "currency": TEXT},
    ),
    "absences": (
        ("person_id", "from"),
        {"person_id!": TEXT, "from!": TEXT, "to!": TEXT, "reason": TEXT},
    ),
    "rates": (
        ("currency", "kind", "at"),
        {"currency!": TEXT, "kind!": TEXT, "at!": INSTANT, "rate!": NUMBER},
    ),
    "organisation": (
        ("organisation_id",),
        {"organisation_id!": TEXT, "fiscal_start_month": NUMBER, "time_zone": TEXT, "country": TEXT}
        | {"currency": TEXT, "rate_kind": TEXT, "rank_column": TEXT, "deal_word": TEXT},
    ),
}
ADDED: dict[str, tuple[str, ...]] = {
    "people": ("email", "role", "leads_team_id"),
    "contracts": ("currency",),
    "targets": ("currency", "kind", "set_by"),
}


def upgrade() -> None:
    """Creates the tables and adds the columns."""
    op.create_table(
        "versions",
        *(sa.Column(name, sa.Text(), primary_key=True) for name in ("table_name", "row_key")),
        sa.Column("known_from", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.Column("merged_into", sa.Text()),
        sa.Column("contents", sa.Text(), nullable=False),
        sqlite_with_rowid=False,
    )
    for name, (key, columns) in TABLES.items():
        made = [
            sa.Column(
                column.rstrip("!"),
                kind,
                nullable=not column.endswith("!"),
                primary_key=column.rstrip("!") in key,
                autoincrement=False,
            )
            for column, kind in columns.items()
        ]
        op.create_table(name, *made, sqlite_with_rowid=False)
    for name, added in ADDED.items():
        for column in added:
            op.add_column(name, sa.Column(column, sa.Text()))


def downgrade() -> None:
    """Removes them, with all they hold."""
    for name, added in ADDED.items():
        for column in added:
            op.drop_column(name, column)
    for name in ("versions", *TABLES):
        op.drop_table(name)
