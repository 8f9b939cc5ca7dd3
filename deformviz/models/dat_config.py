"""Everything that makes one DAT differ from another, as plain data."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from deformviz.attention.dat_bias import KINDS
from deformviz.attention.dat_reference import check_version
from deformviz.models.config import MOST_NUMBER, MOST_SIDE_PX
from deformviz.models.plain_values import to_fields

LETTERS = {
    "L": "windows",
    "S": "shifted windows",
    "D": "deformed grid",
    "N": "neighborhood",
    "P": "pyramid",
    "E": "slide",
    "Q": "learnt queries",
    "X": "depthwise convolution",
}
STEMS = ("patches", "one_convolution", "two_convolutions")
MLPS = ("plain", "convolution", "residual_convolution")
OFFSET_STARTS = ("random", "zero")
MOST_BLOCKS = 100


@dataclass(frozen=True)
class StageConfig:
    """One stage of constant resolution.

    `blocks` has one letter per block: L windows, S shifted windows, D deformed grid,
    N neighborhood, P pyramid, E slide, Q learnt queries, X depthwise convolution.
    """

    channels: int
    blocks: str
    heads: int
    groups: int = 1  # D: share-outs of the channels, one grid each
    stride: int = 1  # D: pixels per knot
    offset_kernel: int = 5  # D: of the offset network
    offset_range_factor: float = -1.0  # D: reach of an offset in cells; negative: anywhere
    position_bias: str = "table"  # D: see attention/dat_bias
    no_offset: bool = False  # D: average cells instead
    window: int = 7  # L, S and X, pixels
    neighborhood: int = 7  # N, pixels
    reduction: int = 1  # P: pixels per key
    qna_heads: int = 1  # Q
    qna_queries: int = 2  # Q
    qna_kernel: int = 3  # Q, pixels
    mlp: str = "plain"  # one of MLPS
    local_perception: bool = False  # LPU: a depthwise 3x3 residual before each block
    layer_scale: float = 0.0  # initial value; 0: no layer scales

    def __post_init__(self):
        unknown = sorted(set(self.blocks) - set(LETTERS))
        if unknown or not 1 <= len(self.blocks) <= MOST_BLOCKS:
            raise ValueError(
                f"blocks is {self.blocks!r}; it must be 1 to {MOST_BLOCKS} of the letters "
                f"{', '.join(LETTERS)}."
            )
        for name, choices in (("position_bias", KINDS), ("mlp", MLPS)):
            if getattr(self, name) not in choices:
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}; it must be one of {', '.join(choices)}."
                )
        for name in (
            "channels",
            "heads",
            "groups",
            "stride",
            "offset_kernel",
            "window",
            "neighborhood",
            "reduction",
            "qna_heads",
            "qna_queries",
            "qna_kernel",
        ):
            most = MOST_SIDE_PX if name in ("image_size", "long_side") else MOST_NUMBER
            if not 1 <= getattr(self, name) <= most:
                rule = "at least 1" if getattr(self, name) < 1 else f"at most {most}"
                raise ValueError(f"{name} is {getattr(self, name)}; it must be {rule}.")
        if self.channels % self.heads:
            raise ValueError(
                f"channels ({self.channels}) must be a multiple of heads ({self.heads})."
            )


@dataclass(frozen=True)
class DATConfig:
    """Sizes and switches of a DAT; the version is part of it, as no weights can tell it.

    Raises:
        ValueError: an unknown choice, or values that contradict each other.
    """

    version: str  # "v1" or "++", see attention/dat_reference
    stages: tuple[StageConfig, ...]
    classes: int = 1000
    class_names: tuple[str, ...] = ()
    image_size: int = 224  # px; tables and masks are made for this square
    patch: int = 4  # px
    stem: str = "patches"
    stem_channels: int = 96
    overlapping_patches: bool = False  # 3x3 convolutions between stages, not 2x2
    expansion: int = 4  # of the MLPs
    dropout: float = 0.0
    attention_dropout: float = 0.0
    drop_path: float = 0.0  # of the last block; rises linearly from 0
    qna_activation: str = "exp"
    offset_start: str = "random"  # "zero": training starts on the undeformed grid
    image_mean: tuple[float, ...] = (0.485, 0.456, 0.406)  # RGB, of values from 0 to 1
    image_std: tuple[float, ...] = (0.229, 0.224, 0.225)
    short_side: int | None = None  # px; None: long_side decides alone
    long_side: int = 224  # px

    def __post_init__(self):
        check_version(self.version)
        for name, choices in (("stem", STEMS), ("offset_start", OFFSET_STARTS)):
            if getattr(self, name) not in choices:
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}; it must be one of {', '.join(choices)}."
                )
        for name in ("classes", "image_size", "patch", "stem_channels", "expansion", "long_side"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1.")
        if not self.stages:
            raise ValueError("A DAT needs at least one stage.")
        if self.image_size % (self.patch << (len(self.stages) - 1)):
            raise ValueError(
                f"image_size is {self.image_size}; it must be a multiple of "
                f"{self.patch << (len(self.stages) - 1)}, the last stage's stride."
            )
        if self.class_names and len(self.class_names) != self.classes:
            raise ValueError(
                f"class_names has {len(self.class_names)} names for {self.classes} classes."
            )
        if len(self.image_mean) != 3 or len(self.image_std) != 3 or min(self.image_std) <= 0:
            raise ValueError("image_mean and image_std need 3 numbers each, image_std above 0.")

    def map_hw(self, stage: int) -> tuple[int, int]:
        """Height and width of a stage's map for a picture of `image_size`."""
        side = self.image_size // (self.patch << stage)
        return side, side

    def drop_path_at(self, stage: int, block: int) -> float:
        """Chance that a block is skipped in training."""
        depths = [len(s.blocks) for s in self.stages]
        place = sum(depths[:stage]) + block
        return self.drop_path * place / max(sum(depths) - 1, 1)

    @property
    def variant(self) -> str:
        """What sets this model apart, in words."""
        blocks = " ".join(stage.blocks for stage in self.stages)
        return f"version {self.version}, stages {blocks}, {self.image_size} px"

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "DATConfig":
        """The inverse of `to_dict`, also after JSON has turned tuples into lists.

        Raises:
            ValueError: a field this class does not have, or a value of another type.
        """
        plain = to_fields(
            cls, {k: v for k, v in values.items() if k != "stages"}, apart=("stages",)
        )
        stages = values.get("stages")
        if not isinstance(stages, (list, tuple)) or not all(isinstance(s, Mapping) for s in stages):
            raise ValueError("The configuration's stages must be a list of stages.")
        return cls(stages=tuple(StageConfig(**to_fields(StageConfig, s)) for s in stages), **plain)
