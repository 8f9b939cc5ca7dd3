"""Every kind of network deformviz can open, one record each.

A file is tried by the layouts of each system in this order: a system whose files contain another
one's keys comes before it.
"""

from deformviz.checkpoints.systems import hand_over
from deformviz.systems.dat import DAT
from deformviz.systems.deformable_detr import DEFORMABLE_DETR
from deformviz.systems.system import System

SYSTEMS: dict[str, System] = {system.name: system for system in (DEFORMABLE_DETR, DAT)}
hand_over(SYSTEMS)
