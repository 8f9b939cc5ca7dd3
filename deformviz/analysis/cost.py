"""What attention costs: the paper's formula term by term, and what a real module does.

Costs are multiply-adds; biases, softmax and the computation of locations are not counted.
"""

from dataclasses import dataclass

BILINEAR = 4  # multiply-adds of one bilinear sample per channel: four corners
WEIGHTED = 1  # and one more for its attention weight: the 5 of the formula


@dataclass(frozen=True)
class AttentionSizes:
    """The letters of the formula (Deformable DETR, Appendix A.1).

    The paper counts one level; with L levels, `pixels` is the sum of their H·W and every K
    becomes L·K.
    """

    queries: int  # N_q
    pixels: int  # HW
    channels: int  # C
    heads: int  # M
    points: int  # K
    levels: int = 1  # L

    def __post_init__(self):
        for name, value in vars(self).items():
            if value < 1:
                raise ValueError(f"{name} is {value}; it must be at least 1.")

    @property
    def samples(self) -> int:
        """LK, the samples per query and head."""
        return self.levels * self.points


def output_cost(sizes: AttentionSizes) -> int:
    """N_q C²: W_m over all heads."""
    return sizes.queries * sizes.channels**2


def value_first_cost(sizes: AttentionSizes) -> int:
    """HWC²: project every pixel, then sample. What every published code does."""
    return sizes.pixels * sizes.channels**2


def sample_first_cost(sizes: AttentionSizes) -> int:
    """N_q K C²: sample the input, then project the samples."""
    return sizes.queries * sizes.samples * sizes.channels**2


def sampling_cost(sizes: AttentionSizes) -> int:
    """5 N_q K C: bilinear interpolation and the weighted sum."""
    return (BILINEAR + WEIGHTED) * sizes.queries * sizes.samples * sizes.channels


def prediction_cost(sizes: AttentionSizes) -> int:
    """3 N_q C M K: the linear layers of offsets (two per sample) and weights (one)."""
    return 3 * sizes.queries * sizes.channels * sizes.heads * sizes.samples


def deformable_cost(sizes: AttentionSizes) -> int:
    """N_q C² + min(HWC², N_q K C²) + 5 N_q K C + 3 N_q C M K, the full formula."""
    projection = min(value_first_cost(sizes), sample_first_cost(sizes))
    return output_cost(sizes) + projection + sampling_cost(sizes) + prediction_cost(sizes)


def module_cost(sizes: AttentionSizes) -> int:
    """The same for a module that always projects the value first, as ours and the published do."""
    return (
        output_cost(sizes) + value_first_cost(sizes) + sampling_cost(sizes) + prediction_cost(sizes)
    )


def short_form_holds(sizes: AttentionSizes) -> bool:
    """5K + 3MK < C: only then may the paper's short form O(2 N_q C² + min(..)) stand for it."""
    return 5 * sizes.samples + 3 * sizes.heads * sizes.samples < sizes.channels


def flip_queries(sizes: AttentionSizes) -> float:
    """The N_q at which min() changes its mind: above HW/K, projecting values first is cheaper."""
    return sizes.pixels / sizes.samples


def dense_cost(queries: int, keys: int, channels: int) -> int:
    """2 N_q C² + 2 N_k C² + 2 N_q N_k C: dense multi-head attention with its four projections."""
    return 2 * channels * (queries * channels + keys * channels + queries * keys)


def convolution_parameters(inputs: int, outputs: int, kernel: int, groups: int = 1) -> int:
    """C_in · C_out · k² / g weights, biases excluded."""
    if min(inputs, outputs, kernel, groups) < 1 or inputs % groups or outputs % groups:
        raise ValueError(
            f"inputs and outputs must be positive multiples of groups; got inputs={inputs}, "
            f"outputs={outputs}, kernel={kernel}, groups={groups}."
        )
    return inputs * outputs * kernel**2 // groups


def separable_parameters(inputs: int, outputs: int, kernel: int) -> int:
    """C_in · k² + C_in · C_out weights: one filter per channel, then a 1x1 convolution."""
    return convolution_parameters(inputs, inputs, kernel, groups=inputs) + convolution_parameters(
        inputs, outputs, 1
    )
