"""The page KPIの見直し: what became of the KPIs of a quarter, and what to do about each?"""
