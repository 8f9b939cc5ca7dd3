"""The equations step by step: every symbol with its tensor and the code that made it."""
