"""予測の成績: what came of the predictions, beside plain methods, and which model answers."""
