"""Configurations of detectors with deformable attention: Deformable DETR and its successors."""

from dataclasses import dataclass
from typing import ClassVar

from deformviz.models.config import DetectorConfig
from deformviz.models.position import FREQUENCIES
from deformviz.models.resnet import TOPOLOGIES

MOST_LEVELS = 5


@dataclass(frozen=True)
class DeformableDETRConfig(DetectorConfig):
    """Sizes and switches of a Deformable DETR; the defaults are the published ones.

    The group after `projection_groups` holds the differences of the small detector that is
    trained from scratch on rendered scenes, and those between the systems that followed.

    Raises:
        ValueError: an unknown choice, or values that contradict each other.
    """

    levels: int = 4
    encoder_points: int = 4
    decoder_points: int = 4
    refine: bool = False
    two_stage: bool = False
    backbone_maps: int | None = None  # backbone stages used; None: 3, or 1 of a single level
    decoder_self_heads: int | None = None  # of attention among queries; None: as the decoder's

    compact_channels: tuple[int, ...] = (16, 32, 64, 96, 128)
    compact_blocks: tuple[int, ...] = (1, 2, 2, 1)
    swin_depths: tuple[int, ...] = (2, 2, 6, 2)  # of backbone "swin", with `backbone_width`
    swin_heads: tuple[int, ...] = (3, 6, 12, 24)
    swin_window: int = 7
    swin_mlp_ratio: float = 4.0
    projection_groups: int = 32
    projection_bias: bool = True
    content_queries: str = "from_proposals"
    query_position: str = "pos_trans"
    query_scale: bool = False
    position_frequencies: str = "paper"
    position_shift: float = -0.5
    position_temperature: float = 10000.0
    logit_epsilon: float = 1e-5
    proposal_base_size: float = 0.05
    proposal_score: str = "first_class"
    decoder_norm: bool = False
    look_forward_twice: bool = False
    shared_heads: bool | None = None

    CHOICES: ClassVar[dict[str, tuple[str, ...]]] = {
        "backbone": (*TOPOLOGIES, "resnet", "compact", "swin"),
        "content_queries": ("from_proposals", "learned"),
        "query_position": ("pos_trans", "mlp", "anchor"),
        "position_frequencies": FREQUENCIES,
        "proposal_score": ("first_class", "max_class"),
    }
    POSITIVE: ClassVar[tuple[str, ...]] = (
        *DetectorConfig.POSITIVE,
        "levels",
        "encoder_points",
        "decoder_points",
        "projection_groups",
        "backbone_maps",
        "decoder_self_heads",
        "swin_window",
    )
    learned_anchors: ClassVar[bool] = False  # queries start from learnt boxes (DAB)

    def _check_switches(self) -> None:
        if self.levels > MOST_LEVELS:
            raise ValueError(
                f"levels is {self.levels}; Deformable DETR is built for 1 to {MOST_LEVELS}."
            )
        if self.two_stage and not self.refine:
            raise ValueError("two_stage=True needs refine=True: proposals are boxes.")
        if self.hidden_channels % (self.decoder_self_heads or 1):
            raise ValueError(
                f"hidden_channels is {self.hidden_channels}; it must be a multiple of "
                f"decoder_self_heads ({self.decoder_self_heads})."
            )
        if self.backbone_maps is not None and self.backbone_maps > min(self.levels, 4):
            raise ValueError(
                f"backbone_maps is {self.backbone_maps}; it must be at most levels and 4."
            )
        if self.dilation and self.backbone in ("compact", "swin"):
            raise ValueError(f"dilation=True (DC5) is not defined for backbone {self.backbone!r}.")
        super()._check_switches()
        if len(self.compact_channels) != 5 or len(self.compact_blocks) != 4:
            raise ValueError("compact_channels needs 5 numbers and compact_blocks 4.")
        if len(self.swin_depths) != 4 or len(self.swin_heads) != 4:
            raise ValueError("swin_depths and swin_heads need 4 numbers each, one per stage.")
        for name in ("content_queries", "query_position"):
            if getattr(self, name) != self.CHOICES[name][0] and not (
                self.two_stage or self.learned_anchors
            ):
                raise ValueError(f"{name}={getattr(self, name)!r} needs two_stage=True.")

    @property
    def stacks(self) -> tuple[int, ...]:
        return (*self.compact_blocks, *self.resnet_blocks, *self.swin_depths)

    @property
    def backbone_stages(self) -> tuple[int, ...]:
        return tuple(range(5 - (self.backbone_maps or min(self.levels, 3)), 5))

    @property
    def variant(self) -> str:
        parts = ["single scale" if self.levels == 1 else f"{self.levels} levels"]
        parts += ["DC5"] if self.dilation else []
        parts += ["Swin"] if self.backbone == "swin" else []
        if self.two_stage:
            parts.append("two-stage")
        elif self.refine:
            parts.append("iterative box refinement")
        return ", ".join(parts)


@dataclass(frozen=True)
class DABDeformableDETRConfig(DeformableDETRConfig):
    """DAB-Deformable-DETR (arXiv 2201.12329): learnt anchor boxes, moved by every layer."""

    feedforward_channels: int = 2048
    dropout: float = 0.0
    refine: bool = True
    query_position: str = "anchor"
    query_scale: bool = True
    logit_epsilon: float = 1e-3

    learned_anchors: ClassVar[bool] = True

    def _check_switches(self) -> None:
        if self.two_stage or not self.refine:
            raise ValueError("DAB-Deformable-DETR has refine=True and two_stage=False.")
        super()._check_switches()


@dataclass(frozen=True)
class DINOConfig(DeformableDETRConfig):
    """DINO (arXiv 2203.03605): learnt contents on anchors that the encoder proposes."""

    feedforward_channels: int = 2048
    queries: int = 900
    dropout: float = 0.0
    refine: bool = True
    two_stage: bool = True
    content_queries: str = "learned"
    query_position: str = "anchor"
    position_shift: float = 0.0
    position_temperature: float = 20.0
    logit_epsilon: float = 1e-3
    proposal_score: str = "max_class"
    decoder_norm: bool = True
    look_forward_twice: bool = True
    shared_heads: bool | None = True


@dataclass(frozen=True)
class CoDeformableDETRConfig(DeformableDETRConfig):
    """Co-Deformable-DETR (arXiv 2211.12860), without the heads that only training uses."""

    classes: int = 80
    feedforward_channels: int = 2048
    decoder_self_heads: int | None = 8
    refine: bool = True
    two_stage: bool = True
    projection_bias: bool = False
    content_queries: str = "learned"
    look_forward_twice: bool = True


@dataclass(frozen=True)
class CoDINOConfig(DINOConfig):
    """Co-DINO (arXiv 2211.12860), without the heads that only training uses."""

    classes: int = 80
    levels: int = 5
    backbone_maps: int | None = 4
    decoder_self_heads: int | None = 8
    projection_bias: bool = False
    shared_heads: bool | None = False
