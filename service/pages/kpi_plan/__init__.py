"""計画: what does it take to reach the target with a probability, and what does each person do?"""
