"""Co-DETR (Zong et al., ICCV 2023, arXiv 2211.12860), as it runs after training.

Its auxiliary heads only help the encoder learn; without them Co-Deformable-DETR and Co-DINO are
their namesakes with the switches that `detector_config` lists.
"""

from deformviz.models.deformable_detr import DeformableDETR
from deformviz.models.detector_config import CoDeformableDETRConfig, CoDINOConfig
from deformviz.models.dino import DINO


class CoDeformableDETR(DeformableDETR):
    """Deformable DETR of two stages with learnt contents (mixed selection)."""

    config_type = CoDeformableDETRConfig


class CoDINO(DINO):
    """DINO of five levels whose layers have heads of their own."""

    config_type = CoDINOConfig
