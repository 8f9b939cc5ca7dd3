"""One sample: from its location over four corners to its value."""

from deformviz.walkthrough.change import WHOLE_LAYER
from deformviz.walkthrough.derivation import ANY_LAYER, CORNERS, SAMPLES, Derivation
from deformviz.walkthrough.mistakes import MISTAKES

PARTS = {
    SAMPLES: ("sampling_location", "pixel", "sampled_value"),
    CORNERS: ("value_map", "corners", "corner_weights", "corner_values"),
}

DERIVATION = Derivation(
    name="bilinear",
    place=1,
    follows=ANY_LAYER,
    work_out="deformviz.walkthrough.bilinear:work_out",
    toy=True,
    edits=WHOLE_LAYER,
    mistakes=MISTAKES,
    parts=PARTS,
)
