"""The public op: multi-scale deformable attention between its projections."""

from torch import Tensor

from deformviz.attention.reference import check_inputs, ms_deform_attn_reference


def ms_deform_attn(
    value: Tensor,
    spatial_shapes,
    sampling_locations: Tensor,
    attention_weights: Tensor,
    *,
    backend: str = "auto",
) -> Tensor:
    """Multi-scale deformable attention before `output_proj` (Deformable DETR, Eq. 3 without W_m).

    value [batch pixel head channel], spatial_shapes [level hw],
    sampling_locations [batch query head level point xy],
    attention_weights [batch query head level point] -> [batch query head*channel]

    Raises ShapeError if sizes disagree.
    """
    check_inputs(value, spatial_shapes, sampling_locations, attention_weights)
    return ms_deform_attn_reference(value, spatial_shapes, sampling_locations, attention_weights)
