"""The published DATs, and the small one that is trained on rendered scenes.

Source: the configurations of LeapLabTHU/DAT; sizes in millions of parameters as its README says.
"""

from dataclasses import replace

from deformviz.models.dat_config import DATConfig, StageConfig

V1_OFFSET_KERNELS = (9, 7, 5, 3)


def _v1(width: int, blocks: int, heads: int, groups: int, window: int = 7) -> DATConfig:
    """Windows in two stages, windows and deformed grids in turn in the others."""
    letters = ("LS", "LS", "LD" * (blocks // 2), "LD")
    stages = tuple(
        StageConfig(
            channels=width << i,
            blocks=letters[i],
            heads=heads << i,
            window=window,
            groups=groups << (i - 2) if i > 1 else 1,
            offset_kernel=V1_OFFSET_KERNELS[i],
            offset_range_factor=2 if i > 1 else -1,
        )
        for i in range(4)
    )
    side = 32 * window
    return DATConfig(
        version="v1", stages=stages, stem_channels=width, image_size=side, long_side=side
    )


def _plus(
    width: int, heads: int, groups: tuple[int, ...], *, side: int = 224, convolved: bool = True
) -> DATConfig:
    """Neighborhoods and deformed grids in turn; `convolved=False` is DAT+."""
    letters = ("ND", "NDND", "ND" * 9, "DD")
    stages = tuple(
        StageConfig(
            channels=width << i,
            blocks=letters[i],
            heads=heads << i,
            groups=groups[i],
            stride=8 >> i,
            offset_kernel=V1_OFFSET_KERNELS[i],
            mlp="residual_convolution" if convolved else "plain",
            local_perception=convolved,
        )
        for i in range(4)
    )
    return DATConfig(
        version="++",
        stages=stages,
        stem_channels=width,
        long_side=side,
        stem="two_convolutions" if convolved else "patches",
        overlapping_patches=convolved,
    )


# The tables of dat_pp_base_384 keep the size for 224 px; only the pictures are larger.
PUBLISHED: dict[str, DATConfig] = {
    "dat_tiny": _v1(96, 6, 3, 3),  # 28.3
    "dat_small": _v1(96, 18, 3, 3),  # 49.7
    "dat_base": _v1(128, 18, 4, 4),  # 87.9
    "dat_base_384": _v1(128, 18, 4, 4, window=12),
    "dat_p": _plus(64, 2, (1, 2, 4, 8), convolved=False),  # 22.8
    "dat_pp_tiny": _plus(64, 2, (1, 2, 4, 8)),  # 24.0
    "dat_pp_small": _plus(96, 3, (1, 2, 3, 6)),  # 53.1
    "dat_pp_base": _plus(128, 4, (2, 4, 8, 16)),  # 93.7
    "dat_pp_base_384": _plus(128, 4, (2, 4, 8, 16), side=384),
}


def dat_scenes(class_names: tuple[str, ...]) -> DATConfig:
    """A small DAT for rendered scenes of one object, 96 px, about 0.4 million parameters.

    Three stages of 24, 12 and 6 pixels on a side, deformed grids in the last two; formulas of
    "v1", whose undeformed grid is symmetric, with the stem and perception units of "++". Offset
    networks start at zero, so the grid is undeformed before training.
    """
    small = StageConfig(channels=32, blocks="LS", heads=2, window=4, local_perception=True)
    stages = (
        small,
        replace(small, channels=64, blocks="LD", heads=4, groups=2, offset_range_factor=3),
        replace(small, channels=128, blocks="D", heads=8, groups=4, offset_range_factor=3),
    )
    return DATConfig(
        version="v1",
        stages=stages,
        classes=len(class_names),
        class_names=class_names,
        image_size=96,
        long_side=96,
        stem="two_convolutions",
        stem_channels=32,
        overlapping_patches=True,
        expansion=3,
        offset_start="zero",
        image_mean=(0.5, 0.5, 0.5),
        image_std=(0.5, 0.5, 0.5),
    )
