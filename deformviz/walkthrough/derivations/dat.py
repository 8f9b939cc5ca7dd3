"""DAT: one grid of keys, bent for all queries of a group together."""

from deformviz.walkthrough.derivation import GRID, SAMPLES, STEPS, Derivation

DERIVATION = Derivation(
    name="dat",
    place=7,
    follows=GRID,
    work_out="deformviz.walkthrough.dat:work_out",
    parts={STEPS: ("raw_offsets",), SAMPLES: ("attention_weights", "attended")},
    legend="grid",
    own_model="dat-scenes",
)
