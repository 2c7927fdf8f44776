"""Which steps bring an older store to today's tables? Alembic's scripts; Store.open runs them."""
