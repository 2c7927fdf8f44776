"""Which three to five KPIs should a person have, and did those of last time do what they were to?"""
