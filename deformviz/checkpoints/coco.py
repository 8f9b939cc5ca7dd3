"""Names of the COCO classes, by the category ids that 91-row heads are indexed with."""

# The 80 names in order of their id, and the ids from 0 to 90 that no class has.
NAMES = (
    "person|bicycle|car|motorcycle|airplane|bus|train|truck|boat|traffic light|fire hydrant|"
    "stop sign|parking meter|bench|bird|cat|dog|horse|sheep|cow|elephant|bear|zebra|giraffe|"
    "backpack|umbrella|handbag|tie|suitcase|frisbee|skis|snowboard|sports ball|kite|"
    "baseball bat|baseball glove|skateboard|surfboard|tennis racket|bottle|wine glass|cup|fork|"
    "knife|spoon|bowl|banana|apple|sandwich|orange|broccoli|carrot|hot dog|pizza|donut|cake|"
    "chair|couch|potted plant|bed|dining table|toilet|tv|laptop|mouse|remote|keyboard|"
    "cell phone|microwave|oven|toaster|sink|refrigerator|book|clock|vase|scissors|teddy bear|"
    "hair drier|toothbrush"
).split("|")
UNUSED = frozenset({0, 12, 26, 29, 30, 45, 66, 68, 69, 71, 83})
ROWS = 91


def coco_class_names() -> tuple[str, ...]:
    """91 names; an id that COCO does not use is called by its number."""
    names = iter(NAMES)
    return tuple(f"class {i}" if i in UNUSED else next(names) for i in range(ROWS))
