"""Who did what, and who read whose figures? Noted as it happens, stored in batches."""
