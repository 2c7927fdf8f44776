"""KPIの見直し: which were reached, whether what they were to bring came, and what to do about each."""
