"""Every rung of the ladder computes the same output as the reference, on the emulator."""

import ctypes

import pytest
import torch

from deformviz.attention.reference import ms_deform_attn_reference

RUNGS = [
    "1_thread_per_channel",
    "2_levels_by_value",
    "3_shared_samples",
    "4_wide_loads",
    "5_head_tiles",
    "6_half_values",
]
SHAPES = [(9, 11), (5, 6), (3, 2), (1, 1)]
PIXELS = 136


@pytest.fixture(scope="module")
def climb(emulate):
    library = emulate("emulated_ladder")

    def run(rung, value, locations, weights):
        batch, queries, heads = locations.shape[:3]
        output = torch.full((batch, queries, heads * 32), torch.nan)
        sizes = (ctypes.c_int * 8)(*sum(map(list, SHAPES), []))
        pointers = [
            ctypes.c_void_p(tensor.data_ptr()) for tensor in (value, locations, weights, output)
        ]
        library.climb(rung, sizes, batch, heads, queries, *pointers)
        return output

    return run


@pytest.mark.parametrize("rung", RUNGS)
def test_rung_equals_the_reference(climb, rung):
    generator = torch.Generator().manual_seed(0)
    value = torch.randn(2, PIXELS, 3, 32, generator=generator)
    locations = torch.rand(2, PIXELS, 3, 4, 4, 2, generator=generator) * 1.4 - 0.2
    weights = torch.rand(2, PIXELS, 3, 4, 4, generator=generator)
    given = value.half() if rung == "6_half_values" else value
    output = climb(int(rung[0]), given, locations, weights)
    truth = ms_deform_attn_reference(given.double(), SHAPES, locations.double(), weights.double())
    assert (output - truth).abs().max() / truth.abs().max() < 2e-6


def test_every_file_of_the_ladder_is_a_rung():
    from deformviz.attention.backends import kernels_folder

    files = sorted(path.stem for path in (kernels_folder() / "ladder").glob("[0-9]_*.cuh"))
    assert files == RUNGS
    text = (kernels_folder() / "ladder" / "README.md").read_text()
    assert all(f"`{rung}`" in text for rung in RUNGS)
