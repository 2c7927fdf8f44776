"""The card of a deal, for pages of other systems: words, twenty dots, what to do next."""
