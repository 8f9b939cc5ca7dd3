"""Counting is PyTorch's own, to the last multiply-add, and disturbs nobody else's forward pass."""

import json
import subprocess
import sys
import threading

import pytest
import torch
from torch import nn

from deformviz.analysis.architecture import describe
from deformviz.analysis.multiply_adds import count_multiply_adds
from deformviz.checkpoints.load import load

# In a process of its own: PyTorch's counter hooks every module of the process it runs in.
ORACLE = """
import json, sys, torch
from math import prod
from torch.utils.flop_counter import FlopCounterMode
from deformviz.analysis import multiply_adds
from deformviz.analysis.architecture import describe
from deformviz.checkpoints.load import load

def attention(value, shapes, locations, weights, *rest, out_shape=None, **_):
    return 2 * 5 * prod(weights) * value[-1]

def fused(value, shapes, references, offsets, logits, *rest, out_shape=None, **_):
    return attention(value, shapes, offsets, logits)

def samples(image, grid, *rest, out_shape=None, **_):
    return 2 * 4 * prod(out_shape)

def counted(compute):
    counter = FlopCounterMode(display=False, custom_mapping={
        torch.ops.deformviz.ms_deform_attn: attention,
        torch.ops.deformviz.ms_deform_attn_fused: fused,
        torch.ops.aten.grid_sampler_2d: samples,
    })
    with torch.no_grad(), counter:
        result = compute()
    return result, counter.get_total_flops() // 2

model = load(sys.argv[1])
ours = [part.multiply_adds for part in describe(model).parts]
from deformviz.analysis import dat_parts, detector_parts
for module in (dat_parts, detector_parts):
    module.counted = counted
detector_parts.count_multiply_adds = lambda compute: counted(compute)[1]
print(json.dumps([ours, [part.multiply_adds for part in describe(model).parts]]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["deformable-detr-scenes", "dat-scenes"])
def test_every_part_costs_what_pytorch_counts(name):
    reply = subprocess.run(
        [sys.executable, "-c", ORACLE, name], text=True, capture_output=True, check=True
    )
    ours, pytorchs = json.loads(reply.stdout)
    assert ours == pytorchs and min(ours[:3]) > 0


def test_a_linear_layer_costs_its_weights_per_token():
    layer, tokens = nn.Linear(6, 4), torch.zeros(2, 5, 6)
    assert count_multiply_adds(lambda: layer(tokens)) == 2 * 5 * 6 * 4


def test_a_forward_pass_in_another_thread_neither_counts_nor_fails():
    """While one thread describes a model, another one's passes give what they gave alone."""
    model, pictures = load("deformable-detr-scenes"), [torch.zeros(3, 64, 96)]
    expected_cost = describe(model).multiply_adds
    with torch.no_grad():
        expected = model(pictures)[0].logits
    costs, problems, done = [], [], threading.Event()

    def describe_again_and_again():
        try:
            while not done.is_set():
                costs.append(describe(model).multiply_adds)
        except Exception as problem:
            problems.append(problem)

    thread = threading.Thread(target=describe_again_and_again)
    thread.start()
    try:
        with torch.no_grad():
            answers = [model(pictures)[0].logits for _ in range(12)]
    finally:
        done.set()
        thread.join()
    assert not problems and set(costs) == {expected_cost}
    assert all(torch.equal(answer, expected) for answer in answers)
