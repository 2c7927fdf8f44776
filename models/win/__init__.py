"""How likely is a deal to be won, lost or still open by any date? The stacked win model."""
