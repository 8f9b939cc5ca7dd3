"""Everything that makes one detector of the family differ from another, as plain data."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

from deformviz.models.plain_values import to_fields
from deformviz.models.resnet import TOPOLOGIES

MOST_LAYERS = 100
MOST_NUMBER = 10**6  # of classes, queries or channels: beyond it a file lies or is damaged
MOST_SIDE_PX = 4096  # of a picture: published models go up to 1,536
POSITIVE = (
    "classes",
    "hidden_channels",
    "heads",
    "decoder_heads",
    "encoder_layers",
    "decoder_layers",
    "feedforward_channels",
    "decoder_feedforward_channels",
    "queries",
    "backbone_width",
    "backbone_stem",
    "short_side",
    "long_side",
)


@dataclass(frozen=True)
class DetectorConfig:
    """What every detector of the family has: sizes, backbone, and how pictures are prepared.

    The constants below the fields are what the parts ask of a configuration; a system overrides
    them, as fields where its files differ in them.

    Raises:
        ValueError: an unknown choice, or values that contradict each other.
    """

    classes: int = 91  # without "no object"
    class_names: tuple[str, ...] = ()
    hidden_channels: int = 256
    heads: int = 8
    decoder_heads: int | None = None  # None: as many as the encoder
    encoder_layers: int = 6
    decoder_layers: int = 6
    feedforward_channels: int = 1024
    decoder_feedforward_channels: int | None = None  # None: as many as the encoder
    queries: int = 300
    dropout: float = 0.1
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

    CHOICES: ClassVar[dict[str, tuple[str, ...]]] = {"backbone": (*TOPOLOGIES, "resnet")}
    POSITIVE: ClassVar[tuple[str, ...]] = POSITIVE
    levels: ClassVar[int] = 1
    refine: ClassVar[bool] = False  # each layer moves the reference boxes of the next
    two_stage: ClassVar[bool] = False  # queries start from proposals of the encoder's tokens
    no_object: ClassVar[bool] = False  # a last logit says "nothing here", under a softmax
    level_embedding: ClassVar[bool] = True
    pre_norm: ClassVar[bool] = False  # normalise before each part instead of after its sum
    activation: ClassVar[str] = "relu"
    decoder_norm: ClassVar[bool] = False  # heads read normalised contents; boxes move by raw ones
    look_forward_twice: ClassVar[bool] = False  # a box's gradient also reaches the layer before
    shared_heads: ClassVar[bool | None] = None  # one head for all layers; None: unless `refine`
    query_position: ClassVar[str] = "pos_trans"
    query_scale: ClassVar[bool] = False  # a factor per channel and query from its content
    position_frequencies: ClassVar[str] = "paper"
    position_shift: ClassVar[float] = -0.5  # of a token's place, in cells
    position_temperature: ClassVar[float] = 10000.0
    logit_epsilon: ClassVar[float] = 1e-5  # odds of a reference are kept above it
    projection_groups: ClassVar[int] = 32  # 0: the projection is not normalised
    projection_bias: ClassVar[bool] = True

    def __post_init__(self):
        for name, choices in self.CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}; it must be one of {', '.join(choices)}."
                )
        for name in self.POSITIVE:
            value = getattr(self, name)
            most = MOST_SIDE_PX if name in ("short_side", "long_side") else MOST_NUMBER
            if value is not None and not 1 <= value <= most:
                rule = "at least 1" if value < 1 else f"at most {most}"
                raise ValueError(f"{name} is {value}; it must be {rule}.")
        self._check_widths()
        if self.class_names and len(self.class_names) != self.classes:
            raise ValueError(
                f"class_names has {len(self.class_names)} names for {self.classes} classes."
            )
        self._check_switches()

    def _check_widths(self) -> None:
        width = self.hidden_channels
        for name in ("heads", "decoder_heads", "projection_groups"):
            divisor = getattr(self, name) or 1
            if width % 4 or width % divisor:
                raise ValueError(
                    f"hidden_channels is {width}; it must be a multiple of 4 and of {name} "
                    f"({divisor})."
                )
        if max(self.encoder_layers, self.decoder_layers, *self.stacks) > MOST_LAYERS:
            raise ValueError(f"A stack of layers may have at most {MOST_LAYERS}.")

    def _check_switches(self) -> None:
        if self.backbone == "resnet" and len(self.resnet_blocks) != 4:
            raise ValueError("backbone='resnet' needs resnet_blocks, one number per stage (4).")
        if self.dilation and not self.resnet_topology[1]:
            raise ValueError(f"dilation=True (DC5) is not defined for backbone {self.backbone!r}.")
        if len(self.image_mean) != 3 or len(self.image_std) != 3 or min(self.image_std) <= 0:
            raise ValueError("image_mean and image_std need 3 numbers each, image_std above 0.")

    @property
    def stacks(self) -> tuple[int, ...]:
        """Lengths of the backbone's stacks of blocks."""
        return tuple(self.resnet_blocks)

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
        """What sets this model apart from others of its system, in words."""
        return "DC5" if self.dilation else "plain"

    @property
    def query_count(self) -> int:
        """Queries of one picture."""
        return self.queries

    @property
    def head_count(self) -> int:
        """Class and box heads: one per decoder layer, one more for two-stage proposals."""
        return self.decoder_layers + int(self.two_stage)

    @property
    def logit_count(self) -> int:
        """Numbers a class head gives per query."""
        return self.classes + int(self.no_object)

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`, also after JSON has turned tuples into lists.

        Raises:
            ValueError: a field this class does not have, or a value of another type.
        """
        return cls(**to_fields(cls, values))
