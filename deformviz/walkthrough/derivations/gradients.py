"""What a loss tells one offset: the chain rule by hand, and autograd beside it."""

from deformviz.walkthrough.change import WHOLE_LAYER
from deformviz.walkthrough.derivation import (
    ANY_LAYER,
    CORNERS,
    REFERENCE,
    SAMPLES,
    STEPS,
    Derivation,
)
from deformviz.walkthrough.derivations.bilinear import PARTS as OF_ONE_SAMPLE
from deformviz.walkthrough.mistakes import MISTAKES

DERIVATION = Derivation(
    name="gradients",
    place=2,
    follows=ANY_LAYER,
    work_out="deformviz.walkthrough.gradients:work_out",
    edits=WHOLE_LAYER,
    mistakes=MISTAKES,
    parts={
        REFERENCE: ("reference",),
        STEPS: ("offset_gradient",),
        SAMPLES: (*OF_ONE_SAMPLE[SAMPLES], "attention_weight"),
        CORNERS: (*OF_ONE_SAMPLE[CORNERS], "slopes"),
    },
)
