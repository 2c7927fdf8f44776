"""How does Alembic reach the store? On the connection that Store.open (or `alembic -x url=...`) hands it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context

from crm.store.tables import METADATA


def run(connection: sa.Connection) -> None:
    """Runs the migrations asked for on a connection."""
    context.configure(connection=connection, target_metadata=METADATA)
    with context.begin_transaction():
        context.run_migrations()


def main() -> None:
    """Runs them on the connection given, else on the one that -x url=... names."""
    given = context.config.attributes.get("connection")
    if given is not None:
        run(given)
        return
    with sa.create_engine(context.get_x_argument(as_dictionary=True)["url"]).connect() as opened:
        run(opened)


if hasattr(context, "config"):  # only Alembic gives one: it loads this file to run it
    main()
