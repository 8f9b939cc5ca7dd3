"""The page of equations: from a choice to a derivation, to JSON, to a component."""
