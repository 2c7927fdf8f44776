"""The card of a deal in pages of other systems: who may see it, and for how long."""
