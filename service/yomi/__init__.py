"""What does the deal sheet (ヨミ表) say? The reps' own ranks beside the model's chances, and both marked."""
