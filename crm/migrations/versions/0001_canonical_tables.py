"""Which tables did the first store have? Written out, so that a later schema cannot change this step."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Kind = sa.types.TypeEngine[Any]
TEXT: Kind = sa.Text()
INSTANT: Kind = sa.BigInteger()
NUMBER: Kind = sa.Double()
FLAG: Kind = sa.Boolean()
JSON: Kind = sa.Text().with_variant(postgresql.JSONB(), "postgresql")
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# table: (key, {column: type}); a name that ends in ! must be filled.
TABLES: dict[str, tuple[tuple[str, ...], dict[str, Kind]]] = {
    "deals": (
        ("deal_id",),
        {"deal_id!": TEXT, "created_at!": INSTANT, "stage!": TEXT, "name": TEXT, "account_id": TEXT}
        | {"owner_id": TEXT, "product": TEXT, "source": TEXT, "deal_type": TEXT, "amount": NUMBER}
        | {"currency": TEXT, "expected_close_date": TEXT, "closed_at": INSTANT, "outcome": TEXT}
        | {"lost_reason": TEXT, "custom": JSON},
    ),
    "activities": (
        ("activity_id",),
        {"activity_id!": TEXT, "at!": INSTANT, "kind!": TEXT, "deal_id": TEXT, "lead_id": TEXT}
        | {"account_id": TEXT, "actor_id": TEXT, "direction": TEXT, "outcome": TEXT, "effective": FLAG}
        | {"minutes": NUMBER, "material": TEXT, "subject": TEXT},
    ),
    "leads": (
        ("lead_id",),
        {"lead_id!": TEXT, "created_at!": INSTANT, "source": TEXT, "owner_id": TEXT, "contacted_at": INSTANT}
        | {"appointment_at": INSTANT, "meeting_at": INSTANT, "qualified_at": INSTANT, "handed_to": TEXT}
        | {"deal_id": TEXT, "disqualified_at": INSTANT},
    ),
    "accounts": (
        ("account_id",),
        {"account_id!": TEXT, "name": TEXT, "industry": TEXT, "employees": NUMBER, "region": TEXT}
        | {"created_at": INSTANT, "custom": JSON},
    ),
    "people": (
        ("person_id",),
        {"person_id!": TEXT, "name": TEXT, "team_id": TEXT, "style": TEXT, "active_from": TEXT}
        | {"active_to": TEXT},
    ),
    "teams": (("team_id",), {"team_id!": TEXT, "name": TEXT, "parent_team_id": TEXT}),
    "contracts": (
        ("contract_id",),
        {"contract_id!": TEXT, "account_id!": TEXT, "started_at!": INSTANT, "ended_at": INSTANT}
        | {"monthly_amount!": NUMBER, "product": TEXT, "kind": TEXT},
    ),
    "targets": (
        ("metric", "scope", "period"),
        {"metric!": TEXT, "scope!": TEXT, "period!": TEXT, "value!": NUMBER, "set_at": INSTANT},
    ),
    "stages": (("stage",), {"stage!": TEXT, "position!": NUMBER, "outcome": TEXT, "kpi": TEXT}),
}


def upgrade() -> None:
    """Creates them."""
    for name, (key, columns) in TABLES.items():
        made = [
            sa.Column(
                column.rstrip("!"),
                kind,
                nullable=not column.endswith("!"),
                primary_key=column.rstrip("!") in key,
            )
            for column, kind in columns.items()
        ]
        op.create_table(name, *made, sqlite_with_rowid=False)
    op.create_table(
        "deal_events",
        sa.Column("seq", SERIAL, primary_key=True),
        sa.Column("deal_id", TEXT, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        *(sa.Column(name, TEXT, nullable=False) for name in ("field", "value", "old_value", "actor_id")),
        sa.UniqueConstraint("deal_id", "at", "field", "value", "old_value", "actor_id"),
    )
    op.create_table(
        "imports",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("mapping", TEXT),
        *(
            sa.Column(name, sa.BigInteger, nullable=False)
            for name in ("rows_read", "imported", "unchanged", "quarantined")
        ),
        sa.Column("digest", TEXT, nullable=False),
    )
    op.create_table(
        "quarantine",
        sa.Column("id", SERIAL, primary_key=True),
        sa.Column("import_id", sa.Integer, nullable=False),
        sa.Column("row", sa.BigInteger, nullable=False),
        sa.Column("table_name", TEXT, nullable=False),
        sa.Column("file", TEXT, nullable=False),
        sa.Column("line", sa.BigInteger),
        *(
            sa.Column(name, TEXT, nullable=False)
            for name in ("column_name", "value", "code", "reason_ja", "reason_en")
        ),
        sa.Column("identity", TEXT, nullable=False),
        sa.Column("raw", TEXT),
    )
    op.create_index("quarantine_identity", "quarantine", ["identity"])
    op.create_index("quarantine_row", "quarantine", ["import_id", "row"])


def downgrade() -> None:
    """Removes them, with all they hold."""
    for name in ("quarantine", "imports", "deal_events", *TABLES):
        op.drop_table(name)
