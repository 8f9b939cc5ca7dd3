"""Eq. 3: one query, several levels, points or boxes."""

from deformviz.walkthrough.change import WHOLE_LAYER
from deformviz.walkthrough.derivation import (
    ANY_LAYER,
    PADDING,
    REFERENCE,
    SAMPLES,
    STEPS,
    Derivation,
)
from deformviz.walkthrough.mistakes import MISTAKES

PARTS = {
    REFERENCE: ("reference_points", "reference_boxes"),
    STEPS: ("raw_offsets", "sampling_offsets", "offset_normaliser"),
    SAMPLES: (
        "attention_logits",
        "attention_weights",
        "sampling_locations",
        "sampled_values",
        "attended",
    ),
    PADDING: ("masked_value",),
}

DERIVATION = Derivation(
    name="multi_scale",
    place=0,
    follows=ANY_LAYER,
    work_out="deformviz.walkthrough.multi_scale:work_out",
    toy=True,
    edits=WHOLE_LAYER,
    mistakes=MISTAKES,
    parts=PARTS,
    opens="sampling_locations",
)
