"""The formulas: one file per kind of attention, the plain reference and the public op."""
