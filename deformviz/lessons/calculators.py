"""What the player's calculators begin with; the player computes the rest for any size.

A test holds what they say against the library's own modules. Without torch: the page of lessons
reads it.
"""

from typing import Any

from deformviz.lessons.lesson import Scene

SIZE_HW = (608, 843)  # the picture that the operator's arguments are spelled out for
OPERATOR = {
    "height": SIZE_HW[0],
    "width": SIZE_HW[1],
    "pictures": 2,
    "queries": 300,
    "channels": 256,
    "heads": 8,
    "levels": 4,
    "points": 4,
}
SIDE = 224
NEIGHBORHOOD = 7
# Blocks and the stride of D in each stage, of the published models (see models/dat_presets).
MODELS = {
    "DAT-T": (("LS", 1), ("LS", 1), ("LDLDLD", 1), ("LD", 1)),
    "DAT-T++": (("ND", 8), ("NDND", 4), ("ND" * 9, 2), ("DD", 1)),
}
CALCULATORS = ("operator", "stages")


def calculator(scene: Scene, language: str = "en") -> dict[str, Any]:
    """What a step's calculator is handed. Raises KeyError if there is none of this name."""
    stages = {
        model: [
            {"blocks": blocks, "stride": stride, "neighborhood": NEIGHBORHOOD}
            for blocks, stride in told
        ]
        for model, told in MODELS.items()
    }
    known = {
        "operator": {"given": OPERATOR, "language": language},
        "stages": {
            "side": SIDE,
            "model": scene.begin or next(iter(MODELS)),
            "models": stages,
            "language": language,
        },
    }
    return known[scene.canvas]
