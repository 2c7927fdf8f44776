"""KPI: which will miss their targets, what leads to the goal, and is each a good one?"""
