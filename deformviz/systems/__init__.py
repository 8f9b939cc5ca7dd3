"""Every kind of network deformviz can open, one record each.

A file is tried by the layouts of each system in this order: a system whose files contain another
one's keys comes before it.
"""

import os
from collections.abc import Iterable

from deformviz.checkpoints.systems import hand_over
from deformviz.systems.co_deformable_detr import CO_DEFORMABLE_DETR
from deformviz.systems.co_dino import CO_DINO
from deformviz.systems.dab_deformable_detr import DAB_DEFORMABLE_DETR
from deformviz.systems.dab_detr import DAB_DETR
from deformviz.systems.dat import DAT
from deformviz.systems.deformable_detr import DEFORMABLE_DETR
from deformviz.systems.detr import DETR
from deformviz.systems.dino import DINO
from deformviz.systems.swin import SWIN
from deformviz.systems.system import System, referred

MORE = "DEFORMVIZ_SYSTEMS"  # environment: records of one's own, "module:name", with spaces between

SYSTEMS: dict[str, System] = {
    system.name: system
    for system in (
        DINO,
        CO_DINO,
        DAB_DEFORMABLE_DETR,
        CO_DEFORMABLE_DETR,
        DEFORMABLE_DETR,
        DAB_DETR,
        DETR,
        DAT,
        SWIN,
    )
}
hand_over(SYSTEMS)


def take_in(references: Iterable[str]) -> None:
    """Know further systems by their records, each written "module:name"."""
    for reference in references:
        system = referred(reference)
        SYSTEMS[system.name] = system


take_in(os.environ.get(MORE, "").split())
