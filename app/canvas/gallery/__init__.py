"""A choice among pictures by looking at them."""
