"""DAT: one grid of keys, bent for all queries of a group together."""

from deformviz.walkthrough.derivation import GRID, SAMPLES, STEPS, Derivation

DERIVATION = Derivation(
    name="dat",
    place=7,
    follows=GRID,
    work_out="deformviz.walkthrough.dat:work_out",
    parts={
        STEPS: ("depthwise", "depthwise_normed", "depthwise_active", "raw_offsets"),
        SAMPLES: ("attention_weights", "attended"),
    },
    legend="grid",
    own_model="dat-scenes",
)
