"""Configurations of detectors with dense attention: DETR and DAB-DETR."""

from dataclasses import dataclass
from typing import ClassVar

from deformviz.models.config import DetectorConfig


@dataclass(frozen=True)
class DETRConfig(DetectorConfig):
    """Sizes and switches of a DETR (arXiv 2005.12872); the defaults are the published ones."""

    feedforward_channels: int = 2048
    queries: int = 100
    pre_norm: bool = False
    position_temperature: float = 10000.0

    no_object: ClassVar[bool] = True
    level_embedding: ClassVar[bool] = False
    decoder_norm: ClassVar[bool] = True
    position_shift: ClassVar[float] = 0.0
    projection_groups: ClassVar[int] = 0
    query_position: ClassVar[str] = "learned"
    encoder_scale: ClassVar[bool] = False  # positions are scaled by contents in every layer

    @property
    def variant(self) -> str:
        parts = ["DC5"] if self.dilation else []
        return ", ".join([*parts, "pre-norm" if self.pre_norm else "post-norm"])


@dataclass(frozen=True)
class DABDETRConfig(DETRConfig):
    """DAB-DETR (arXiv 2201.12329): learnt anchor boxes that modulate dense attention."""

    queries: int = 300
    dropout: float = 0.0
    position_temperature: float = 20.0
    logit_epsilon: float = 1e-3
    patterns: int = 0  # contents per anchor; 0: all begin at zero
    activation: str = "prelu"

    CHOICES: ClassVar[dict[str, tuple[str, ...]]] = {
        **DetectorConfig.CHOICES,
        "activation": ("prelu", "relu"),
    }
    no_object: ClassVar[bool] = False
    refine: ClassVar[bool] = True
    look_forward_twice: ClassVar[bool] = True
    shared_heads: ClassVar[bool | None] = True
    query_position: ClassVar[str] = "anchor"
    query_scale: ClassVar[bool] = True
    encoder_scale: ClassVar[bool] = True

    def _check_switches(self) -> None:
        if not 0 <= self.patterns <= 1000:
            raise ValueError(f"patterns is {self.patterns}; it must be 0 to 1000.")
        if self.pre_norm:
            raise ValueError("DAB-DETR is built with pre_norm=False only.")
        super()._check_switches()

    @property
    def query_count(self) -> int:
        return self.queries * max(self.patterns, 1)

    @property
    def variant(self) -> str:
        parts = ["DC5"] if self.dilation else []
        parts += [f"{self.patterns} patterns"] if self.patterns else []
        return ", ".join(parts) or "plain"
