"""The published configurations of DAT as ours: constructor values, or a whole yacs tree."""

from collections.abc import Mapping
from typing import Any

from deformviz.checkpoints.errors import CheckpointError
from deformviz.models.dat_config import DATConfig, StageConfig
from deformviz.models.dat_presets import V1_OFFSET_KERNELS

STAGES = 4
# Defaults of the original constructors, per stage where a list is meant.
DEFAULTS: dict[str, Any] = {
    "img_size": 224,
    "patch_size": 4,
    "num_classes": 1000,
    "expansion": 4,
    "dim_stem": 96,
    "dims": [96, 192, 384, 768],
    "depths": [2, 2, 6, 2],
    "stage_spec": [["L", "D"], ["L", "D"], ["L", "D", "L", "D", "L", "D"], ["L", "D"]],
    "heads": [3, 6, 12, 24],
    "heads_q": [6, 12, 24, 48],
    "window_sizes": [7] * STAGES,
    "groups": [-1, -1, 3, 6],
    "use_pes": [False] * STAGES,
    "dwc_pes": [False] * STAGES,
    "strides": [-1] * STAGES,
    "sr_ratios": [8, 4, 2, 1],
    "offset_range_factor": [1, 2, 3, 4],
    "no_offs": [False] * STAGES,
    "fixed_pes": [False] * STAGES,
    "use_dwc_mlps": [False] * STAGES,
    "use_conv_patches": False,
    "ksizes": list(V1_OFFSET_KERNELS),
    "ksize_qnas": [3] * STAGES,
    "nqs": [2] * STAGES,
    "qna_activation": "exp",
    "nat_ksizes": [3] * STAGES,
    "layer_scale_values": [-1] * STAGES,
    "use_lpus": [False] * STAGES,
    "log_cpb": [False] * STAGES,
    "drop_rate": 0.0,
    "attn_drop_rate": 0.0,
    "drop_path_rate": 0.0,
}
PER_STAGE = tuple(
    name for name, value in DEFAULTS.items() if isinstance(value, list) and name != "stage_spec"
)
# Constructor values that say nothing about the network.
SILENT = {"lower_lr_kvs", "ns_per_pts", "lookup_22k", "in_chans"}
# What only the second code knows; a v1 constructor swallowed it without a word.
SECOND_CODE = (
    "ksizes",
    "ksize_qnas",
    "nqs",
    "heads_q",
    "nat_ksizes",
    "layer_scale_values",
    "use_lpus",
    "log_cpb",
    "sr_ratios",
)


def constructor_values(config: Mapping[str, Any]) -> dict[str, Any]:
    """Constructor values from themselves or from a yacs tree (its MODEL.DAT).

    A tree's DATA.IMG_SIZE, the size of the pictures, is kept as `input_size`.
    """
    tree = config.get("MODEL")
    if not isinstance(tree, Mapping):
        return dict(config)
    values = tree.get("DAT")
    if not isinstance(values, Mapping):
        raise CheckpointError("The configuration has a MODEL but no MODEL.DAT; it is not DAT's.")
    data = config.get("DATA")
    size = data.get("IMG_SIZE") if isinstance(data, Mapping) else None
    return dict(values) | ({"input_size": size} if isinstance(size, int) else {})


def to_config(values: Mapping[str, Any], version: str) -> DATConfig:
    """Our configuration of a model that was built with these constructor values.

    Raises:
        CheckpointError: unknown values, wrong numbers of stages, or contradictions.
    """
    values = dict(values)
    input_size = values.pop("input_size", None)
    unknown = sorted(set(values) - set(DEFAULTS) - SILENT)
    if unknown:
        raise CheckpointError(
            f"DAT's configuration has unknown values: {', '.join(unknown)}. Known are "
            f"{', '.join(DEFAULTS)}."
        )
    told = DEFAULTS | {name: v for name, v in values.items() if name in DEFAULTS}
    if version == "v1":
        told |= {name: DEFAULTS[name] for name in SECOND_CODE}
    _check(told)
    conv = bool(told["use_conv_patches"])
    stem = "patches"
    if conv:
        stem = "two_convolutions" if version == "++" else "one_convolution"
    try:
        return DATConfig(
            version=version,
            stages=tuple(_stage(told, i, version) for i in range(STAGES)),
            classes=told["num_classes"],
            image_size=told["img_size"],
            patch=told["patch_size"],
            stem=stem,
            stem_channels=told["dim_stem"],
            overlapping_patches=conv,
            expansion=told["expansion"],
            dropout=float(told["drop_rate"]),
            attention_dropout=float(told["attn_drop_rate"]),
            drop_path=float(told["drop_path_rate"]),
            qna_activation=told["qna_activation"],
            long_side=input_size or told["img_size"],
        )
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"DAT's configuration: {error}") from None


def _check(told: Mapping[str, Any]) -> None:
    """Every list has one entry per stage, every stage one letter per block."""
    for name in (*PER_STAGE, "stage_spec"):
        value = told[name]
        if not isinstance(value, (list, tuple)) or len(value) != STAGES:
            raise CheckpointError(
                f"DAT's configuration has {name}={value!r}; expected one entry for each of the "
                f"{STAGES} stages."
            )
    for letters, depth in zip(told["stage_spec"], told["depths"], strict=True):
        if len(letters) != depth:
            raise CheckpointError(
                f"DAT's configuration has {len(letters)} letters {letters!r} for a stage of depth "
                f"{depth}."
            )


# Which layers (stage letters) read a number, and what stands where none does.
USED_BY: dict[str, tuple[frozenset[str], int]] = {
    "ksizes": (frozenset("D"), 5),
    "nat_ksizes": (frozenset("N"), 7),
    "ksize_qnas": (frozenset("Q"), 3),
    "nqs": (frozenset("Q"), 2),
    "heads_q": (frozenset("Q"), 6),
    "window_sizes": (frozenset("LS"), 7),
}


def _stage(told: Mapping[str, Any], index: int, version: str) -> StageConfig:
    own = {name: told[name][index] for name in PER_STAGE}
    letters = "".join(told["stage_spec"][index])
    for name, (users, default) in USED_BY.items():
        # -1 stands for "not used" where the stage has no layer that reads the number.
        needed = users & set(letters) and not (name == "ksizes" and own["no_offs"])
        if own[name] == -1 and not needed:
            own[name] = default
    mlp = "plain"
    if own["use_dwc_mlps"]:
        mlp = "residual_convolution" if version == "++" else "convolution"
    return StageConfig(
        channels=own["dims"],
        blocks=letters,
        heads=own["heads"],
        groups=max(own["groups"], 1),
        stride=max(own["strides"], 1),
        offset_kernel=own["ksizes"],
        offset_range_factor=float(own["offset_range_factor"]),
        position_bias=_position_bias(own),
        no_offset=own["no_offs"],
        window=own["window_sizes"],
        neighborhood=own["nat_ksizes"],
        reduction=max(own["sr_ratios"], 1),
        qna_heads=own["heads_q"],
        qna_queries=own["nqs"],
        qna_kernel=own["ksize_qnas"],
        mlp=mlp,
        local_perception=own["use_lpus"],
        layer_scale=max(float(own["layer_scale_values"]), 0.0),
    )


def _position_bias(own: Mapping[str, Any]) -> str:
    """Which kind the flags mean together; the first that is set wins."""
    if not own["use_pes"]:
        return "none"
    if own["dwc_pes"]:
        return "dwc"
    if own["fixed_pes"]:
        return "fixed"
    return "log_cpb" if own["log_cpb"] else "table"
