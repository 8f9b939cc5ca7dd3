"""Rendered scenes, the training loop and its recordings."""
