"""見通し: how likely the target is, what moves it, and who needs help."""
