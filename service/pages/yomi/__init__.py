"""ヨミ表: the reps' own ranks beside the model's chances, and both marked."""
