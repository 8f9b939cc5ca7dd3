"""Answers drawn from recorded numbers: one question per file, arrays in, records out."""
