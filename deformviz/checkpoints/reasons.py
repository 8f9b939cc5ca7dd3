"""Why a key may not fit: the most likely reason, told by its name."""

import re

KINDS = ("missing", "unexpected", "wrong_shape")
# The first row that fits counts: (kind, pattern of the key, reason).
RULES: tuple[tuple[str, str, str], ...] = (
    (
        "missing",
        r"(class|bbox)_embed\.",
        "with refinement or two stages every layer has its own head, and this file has fewer",
    ),
    (
        "missing",
        r"enc_output|pos_trans|tgt_embed",
        "part of the two-stage variant, which this file has only in part",
    ),
    (
        "missing",
        r"rpe_table|local_perception|layer_scale",
        "an option of the configuration that was off when this file was trained",
    ),
    ("missing", r"backbone|patch_proj", "the file may hold the model without its backbone"),
    ("missing", "", "the file was cut, or saved without this part"),
    ("unexpected", r"mask_head|bbox_attention|mask_branch", "a segmentation head"),
    ("unexpected", r"label_enc|refpoint_embed|ref_point_head", "a part of DAB-DETR or DINO"),
    ("unexpected", r"(rpn_head|roi_head|query_head)\.", "a part of Co-DETR"),
    ("unexpected", r"(^|\.)(ema|optimizer|lr_scheduler|teacher)", "state of the training"),
    ("unexpected", r"enc_output|pos_trans", "a part of the two-stage variant"),
    ("unexpected", r"(class|bbox)_embed\.", "more heads than this variant has layers"),
    ("unexpected", "", "a part this variant does not have; perhaps a relative of the system"),
    ("wrong_shape", r"class_embed|cls_head", "another number of classes"),
    (
        "wrong_shape",
        r"sampling_offsets|attention_weights",
        "another number of heads, levels or points",
    ),
    ("wrong_shape", r"query_embed|tgt_embed", "another number of queries"),
    ("wrong_shape", r"rpe_table|relative_position|attn_mask", "made for pictures of another size"),
    ("wrong_shape", r"level_embed|input_proj", "another number of levels, or another width"),
    ("wrong_shape", "", "a layer of another width"),
)


def likely_reason(kind: str, key: str) -> str:
    """Why a key is missing, unexpected or of a wrong shape, in words.

    Raises:
        KeyError: `kind` is not one of KINDS.
    """
    if kind not in KINDS:
        raise KeyError(f"No kind {kind!r}; there are {', '.join(KINDS)}.")
    return next(
        reason for rule, pattern, reason in RULES if rule == kind and re.search(pattern, key)
    )
