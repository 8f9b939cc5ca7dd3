"""Comparison with outputs recorded from the original code, shared by the tests of `parity/dat`.

Tests name their files by pattern, so a fuller folder (DEFORMVIZ_PARITY) tests more variants.
"""

import os
import re
from pathlib import Path

import pytest
import torch

FOLDER = Path(os.environ.get("DEFORMVIZ_PARITY", Path(__file__).parents[2] / "shared/parity"))
EXACT = 1e-9  # float64, relative to the largest value
USUAL_SINGLE = 5e-6  # float32, where the folder's README gives no other figure
GRADIENT = 1e-4  # gradients were recorded in float32
GRADIENT_FLOOR = 2e-5  # some are zero in theory, rounding in practice


def cases(*patterns):
    """Names of the recorded files that match; without any the patterns, to be skipped by name."""
    if not FOLDER.is_dir():
        return list(patterns)
    found = sorted(
        {path.stem for pattern in patterns for path in (FOLDER / "dat").glob(f"{pattern}.pt")}
    )
    lacking = pytest.mark.skip(reason="only a fuller DEFORMVIZ_PARITY holds such recordings")
    return found or [pytest.param(pattern, marks=lacking) for pattern in patterns]


def single_tolerance(name):
    """The float32 tolerance that the folder's README suggests for a file."""
    readme = FOLDER / "dat" / "README.md"
    row = (
        re.search(rf"^\| `{name}` \|.*\| (\S+) \|$", readme.read_text(), re.M)
        if readme.is_file()
        else None
    )
    return float(row[1]) if row else USUAL_SINGLE


def difference(actual, expected):
    """Largest difference relative to the largest expected value."""
    actual, expected = actual.detach().double(), expected.double()
    assert actual.shape == expected.shape, f"{tuple(actual.shape)} for {tuple(expected.shape)}"
    return float((actual - expected).abs().max() / expected.abs().max().clamp(min=1e-30))


def assert_close(actual, expected, tolerance, what):
    found = difference(actual, expected)
    assert found < tolerance, f"{what}: {found:.1e} is not below {tolerance:.0e}"


def assert_gradient(actual, expected, what):
    expected = expected.double()
    found = float((actual.double() - expected).abs().max())
    allowed = GRADIENT * float(expected.abs().max()) + GRADIENT_FLOOR
    assert found < allowed, f"gradient of {what}: {found:.1e} is not below {allowed:.1e}"


def check_module(name, recorded, module, run=lambda module, x: module(x)[0]):
    """Load the recorded weights, then compare outputs in both precisions, and all gradients.

    Returns whatever `run` needs no more: the float64 module, ready for further looks.
    """
    module.load_state_dict(recorded["state_dict"], strict=True)
    module.eval()
    expected = recorded["outputs64"]["y"]
    with torch.no_grad():
        single = run(module.float(), recorded["inputs"]["x"])
    assert_close(single, expected, single_tolerance(name), "float32")

    module.double()
    x = recorded["inputs"]["x"].double().requires_grad_()
    output = run(module, x)
    assert_close(output, expected, EXACT, "float64")
    if "grads" in recorded:
        module.zero_grad()
        grads = recorded["grads"]
        output.backward(grads["cotangent"].double())
        assert_gradient(x.grad, grads["inputs"]["x"], "x")
        parameters = dict(module.named_parameters())
        for key, gradient in grads.get("params", {}).items():
            if gradient is not None:
                assert_gradient(parameters[key].grad, gradient, key)
    return module
