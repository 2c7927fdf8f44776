"""How do people and programs ask? Commands and REST over the rooms below: thin, no maths."""
