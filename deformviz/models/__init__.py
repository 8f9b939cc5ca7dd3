"""Whole networks, one part one file."""
