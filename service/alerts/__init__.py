"""Which people are told when something needs them, how, and when? In messages that they read."""

from __future__ import annotations
