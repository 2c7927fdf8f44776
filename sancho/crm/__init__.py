"""What is known, and since when: canonical tables, store, import, simulated world."""
