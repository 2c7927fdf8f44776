"""商談: which open deals need attention, and all of them in a table."""
