"""Files of weights: what they are, reading them safely, one table per key layout."""
