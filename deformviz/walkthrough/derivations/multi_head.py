"""Eq. 1: dense attention, as the decoder's queries attend to each other."""

from deformviz.walkthrough.derivation import DECODER, REFERENCE, SAMPLES, Derivation
from deformviz.walkthrough.mistakes import MISTAKES

DERIVATION = Derivation(
    name="multi_head",
    place=6,
    follows=DECODER,
    work_out="deformviz.walkthrough.multi_head:work_out",
    mistakes=MISTAKES,
    parts={REFERENCE: ("query",), SAMPLES: ("keys", "scores", "attention_weights", "attended")},
    keys_are_queries=True,
    legend="keys",
)
