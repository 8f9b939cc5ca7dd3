"""Whole networks, one part one file; each has a frozen dataclass as its configuration."""
