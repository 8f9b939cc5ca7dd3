"""DAT and DAT++ (Xia et al., CVPR 2022 and 2023): all queries read one deformed grid of points."""

from deformviz.checkpoints.systems import Published
from deformviz.schema import GridTrace
from deformviz.systems.system import System

V1, PLUS_PLUS = "arXiv 2201.00520, Table 2", "arXiv 2309.01430, Table 2"

DAT = System(
    name="dat",
    config="deformviz.models.dat_config:DATConfig",
    model="deformviz.models.dat:DAT",
    layouts=("deformviz.checkpoints.dat:LAYOUT",),
    description="deformviz.analysis.dat_parts:describe",
    traces=(GridTrace,),
    room="grid",
    buffers="deformviz.models.dat_buffers:computed_buffers",
    published=(
        Published("dat_tiny", 29.0, 4.6, V1),
        Published("dat_small", 50.0, 9.0, V1),
        Published("dat_base", 88.0, 15.8, V1),
        Published("dat_base_384", 88.0, 49.8, V1),
        Published("dat_pp_tiny", 24.0, 4.3, PLUS_PLUS),
        Published("dat_pp_small", 53.0, 9.4, PLUS_PLUS),
        Published("dat_pp_base", 94.0, 16.6, PLUS_PLUS),
        Published("dat_pp_base_384", 94.0, 49.7, PLUS_PLUS),
    ),
)
