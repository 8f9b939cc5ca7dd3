"""A layer written as ONNX: standard operators only, and the same numbers."""

import logging

import pytest
import torch

from deformviz.attention.op import ms_deform_attn
from tests.attention.op_cases import SHAPES, inputs, relative

pytestmark = pytest.mark.slow


class Layer(torch.nn.Module):
    """The op with its shapes fixed, as an exported model has them."""

    def forward(self, value, locations, weights):
        return ms_deform_attn(value, SHAPES, locations, weights)


def test_an_exported_file_holds_grid_sample_and_gives_the_same_numbers(third_party):
    from onnx.reference import ReferenceEvaluator

    given = inputs()
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    layer = Layer().eval()
    model = torch.onnx.export(layer, given, dynamo=True, verbose=False).model_proto
    kinds = {node.op_type for node in model.graph.node}
    assert "GridSample" in kinds and {node.domain for node in model.graph.node} <= {"", "ai.onnx"}
    fed = {item.name: tensor.numpy() for item, tensor in zip(model.graph.input, given, strict=True)}
    (output,) = ReferenceEvaluator(model).run(None, fed)
    assert relative(torch.tensor(output), layer(*given)) < 1e-5
