"""Eq. 2: the layer as it would be with one level alone."""

from deformviz.walkthrough.derivation import ANY_LAYER, Derivation
from deformviz.walkthrough.derivations.multi_scale import PARTS
from deformviz.walkthrough.mistakes import MISTAKES

DERIVATION = Derivation(
    name="single_scale",
    place=3,
    follows=ANY_LAYER,
    work_out="deformviz.walkthrough.multi_scale:work_out_one_level",
    toy=True,
    mistakes=MISTAKES,
    parts=PARTS,
    opens="sampling_locations",
)
