"""What meetings look at and leave behind: weekly reviews, one-on-ones, agreements, calls of the revenue."""
