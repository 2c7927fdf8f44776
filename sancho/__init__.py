"""Sancho: how likely a sales target is, why, and what to do about it, with proof."""

__version__ = "0.1.0"
