"""One decoder layer for one query, up to its box."""

from deformviz.walkthrough.change import WHOLE_LAYER
from deformviz.walkthrough.derivation import BOX, DECODER, REFERENCE, Derivation
from deformviz.walkthrough.mistakes import MISTAKES

DERIVATION = Derivation(
    name="decoder",
    place=4,
    follows=DECODER,
    work_out="deformviz.walkthrough.decoder:work_out",
    edits=WHOLE_LAYER,
    mistakes=MISTAKES,
    parts={
        REFERENCE: ("references", "padded_references", "reference_logits"),
        BOX: ("box", "box_step"),
    },
)
