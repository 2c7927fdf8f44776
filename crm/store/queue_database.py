"""Where do jobs and webhooks stand? In the store's database, or in a file beside it where that is SQLite."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa


def queue_url(store_url: str) -> str:
    """Where the queue of a store is: in its database, or in a file beside its file.

    >>> queue_url("sqlite:////data/sancho.db"), queue_url("postgresql://db/sancho")
    ('sqlite:////data/sancho-jobs.db', 'postgresql://db/sancho')
    """
    if "://" not in store_url:
        store_url = f"sqlite:///{store_url}"
    address = sa.make_url(store_url)
    if address.get_backend_name() != "sqlite" or address.database in (None, "", ":memory:"):
        return store_url
    file = Path(str(address.database))
    beside = address.set(database=str(file.with_name(f"{file.stem}-jobs{file.suffix}")))
    return beside.render_as_string(hide_password=False)
