"""One page per question: selection -> trace -> figure."""
