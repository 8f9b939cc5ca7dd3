"""Everything that makes one Deformable DETR differ from another, as plain data."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from deformviz.models.plain_values import to_fields
from deformviz.models.position import FREQUENCIES
from deformviz.models.resnet import TOPOLOGIES

MOST_LAYERS = 100
POSITIVE = (
    "classes",
    "hidden_channels",
    "heads",
    "decoder_heads",
    "levels",
    "encoder_layers",
    "decoder_layers",
    "encoder_points",
    "decoder_points",
    "feedforward_channels",
    "decoder_feedforward_channels",
    "queries",
    "backbone_width",
    "backbone_stem",
    "projection_groups",
    "short_side",
    "long_side",
)
CHOICES = {
    "backbone": (*TOPOLOGIES, "resnet", "compact"),
    "content_queries": ("from_proposals", "learned"),
    "query_position": ("pos_trans", "mlp"),
    "position_frequencies": FREQUENCIES,
    "proposal_score": ("first_class", "max_class"),
}


@dataclass(frozen=True)
class DeformableDETRConfig:
    """Sizes and switches of a Deformable DETR; the defaults are the published ones.

    The last group holds the differences of the small detector that is trained from scratch on
    rendered scenes: learned content queries (mixed query selection), positions as octaves, other
    anchors, and a query position that follows the reference box.

    Raises:
        ValueError: an unknown choice, or values that contradict each other.
    """

    classes: int = 91
    class_names: tuple[str, ...] = ()
    hidden_channels: int = 256
    heads: int = 8
    decoder_heads: int | None = None  # None: as many as the encoder
    levels: int = 4
    encoder_layers: int = 6
    decoder_layers: int = 6
    encoder_points: int = 4
    decoder_points: int = 4
    feedforward_channels: int = 1024
    decoder_feedforward_channels: int | None = None  # None: as many as the encoder
    queries: int = 300
    dropout: float = 0.1
    refine: bool = False
    two_stage: bool = False
    dilation: bool = False
    backbone: str = "resnet50"
    backbone_width: int = 64
    backbone_stem: int | None = None  # None: `backbone_width`
    resnet_blocks: tuple[int, ...] = ()  # of backbone "resnet", four stages
    resnet_bottleneck: bool = True
    image_mean: tuple[float, ...] = (0.485, 0.456, 0.406)  # RGB, of values from 0 to 1
    image_std: tuple[float, ...] = (0.229, 0.224, 0.225)
    short_side: int | None = 800  # px; None: long_side decides alone
    long_side: int = 1333  # px

    compact_channels: tuple[int, ...] = (16, 32, 64, 96, 128)
    compact_blocks: tuple[int, ...] = (1, 2, 2, 1)
    projection_groups: int = 32
    content_queries: str = "from_proposals"
    query_position: str = "pos_trans"
    position_frequencies: str = "paper"
    proposal_base_size: float = 0.05
    proposal_score: str = "first_class"

    def __post_init__(self):
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}; it must be one of {', '.join(choices)}."
                )
        for name in POSITIVE:
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1.")
        width = self.hidden_channels
        for name in ("heads", "decoder_heads", "projection_groups"):
            divisor = getattr(self, name) or 1
            if width % 4 or width % divisor:
                raise ValueError(
                    f"hidden_channels is {width}; it must be a multiple of 4 and of {name} "
                    f"({divisor})."
                )
        stacks = (*self.compact_blocks, *self.resnet_blocks)
        if max(self.encoder_layers, self.decoder_layers, *stacks) > MOST_LAYERS:
            raise ValueError(f"A stack of layers may have at most {MOST_LAYERS}.")
        if self.levels > 5:
            raise ValueError(f"levels is {self.levels}; Deformable DETR is built for 1 to 5.")
        if self.class_names and len(self.class_names) != self.classes:
            raise ValueError(
                f"class_names has {len(self.class_names)} names for {self.classes} classes."
            )
        self._check_switches()

    def _check_switches(self) -> None:
        if self.two_stage and not self.refine:
            raise ValueError("two_stage=True needs refine=True: proposals are boxes.")
        if self.backbone == "resnet" and len(self.resnet_blocks) != 4:
            raise ValueError("backbone='resnet' needs resnet_blocks, one number per stage (4).")
        if self.dilation and (self.backbone == "compact" or not self.resnet_topology[1]):
            raise ValueError(f"dilation=True (DC5) is not defined for backbone {self.backbone!r}.")
        if len(self.image_mean) != 3 or len(self.image_std) != 3 or min(self.image_std) <= 0:
            raise ValueError("image_mean and image_std need 3 numbers each, image_std above 0.")
        if len(self.compact_channels) != 5 or len(self.compact_blocks) != 4:
            raise ValueError("compact_channels needs 5 numbers and compact_blocks 4.")
        for name in ("content_queries", "query_position"):
            if getattr(self, name) != CHOICES[name][0] and not self.two_stage:
                raise ValueError(f"{name}={getattr(self, name)!r} needs two_stage=True.")

    @property
    def backbone_stages(self) -> tuple[int, ...]:
        """Which backbone stages feed the levels; further levels are convolved from the last."""
        return tuple(range(5 - min(self.levels, 3), 5))

    @property
    def resnet_topology(self) -> tuple[tuple[int, ...], bool]:
        """Blocks per stage, and whether they are bottlenecks."""
        return TOPOLOGIES.get(self.backbone, (self.resnet_blocks, self.resnet_bottleneck))

    @property
    def variant(self) -> str:
        """What sets this model apart, in words."""
        parts = ["single scale" if self.levels == 1 else f"{self.levels} levels"]
        parts += ["DC5"] if self.dilation else []
        if self.two_stage:
            parts.append("two-stage")
        elif self.refine:
            parts.append("iterative box refinement")
        return ", ".join(parts)

    @property
    def head_count(self) -> int:
        """Class and box heads: one per decoder layer, one more for two-stage proposals."""
        return self.decoder_layers + int(self.two_stage)

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "DeformableDETRConfig":
        """The inverse of `to_dict`, also after JSON has turned tuples into lists.

        Raises:
            ValueError: a field this class does not have, or a value of another type.
        """
        return cls(**to_fields(cls, values))
