"""One 商談: will it be won, when, what to do next, and why."""
