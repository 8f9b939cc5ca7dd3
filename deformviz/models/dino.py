"""DINO (Zhang et al., ICLR 2023, arXiv 2203.03605): learnt contents on proposed anchors."""

from deformviz.models.deformable_detr import DeformableDETR
from deformviz.models.detector_config import DINOConfig


class DINO(DeformableDETR):
    """4 or 5 levels; what is its own beyond Deformable DETR stands in `DINOConfig`."""

    config_type = DINOConfig
