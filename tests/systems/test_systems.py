"""A system is one record: everything it names exists, and what it says is true."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from deformviz.checkpoints.load import load
from deformviz.checkpoints.own import save
from deformviz.checkpoints.systems import system_of
from deformviz.models.deformable_detr import DeformableDETR
from deformviz.systems import SYSTEMS
from deformviz.systems.system import referred
from deformviz.tracing.run import run
from tests.models.tiny_detector import tiny_detector

every_system = pytest.mark.parametrize("system", SYSTEMS.values(), ids=list(SYSTEMS))
SHIPPED = {"deformable-detr": "deformable-detr-scenes", "dat": "dat-scenes"}


class Twin(DeformableDETR):
    """A network of its own that happens to compute what another one does."""


@every_system
def test_everything_a_record_names_is_there(system):
    assert all(callable(referred(r)) or referred(r).name for r in system.references)
    assert system.title and system.sentence.endswith(".")


@pytest.mark.parametrize("name", SHIPPED)
def test_its_layers_leave_the_records_it_promises(name):
    model, picture = load(SHIPPED[name]), np.zeros((40, 56, 3), np.uint8)
    assert system_of(model) is SYSTEMS[name]
    kinds = {type(layer) for layer in run(model, picture).layers.values()}
    assert kinds == set(SYSTEMS[name].traces)


def test_a_new_system_is_one_record(monkeypatch, tmp_path):
    record = replace(SYSTEMS["deformable-detr"], name="twin", model=f"{__name__}:Twin")
    monkeypatch.setitem(sys.modules, __name__, sys.modules[Twin.__module__])
    monkeypatch.setitem(SYSTEMS, "twin", record)
    config = tiny_detector().config
    with torch.random.fork_rng():
        model = Twin(config).eval()
    save(model, tmp_path / "twin.safetensors", dtype=torch.float32)
    again = load(tmp_path / "twin.safetensors")
    assert type(again) is Twin and again.load_report.system == "twin"
    for key, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[key], tensor)


def test_a_reference_is_written_module_colon_name():
    with pytest.raises(ValueError, match="deformviz.models.dat"):
        replace(SYSTEMS["dat"], model="deformviz.models.dat.DAT")


def test_asking_what_systems_there_are_needs_no_torch():
    code = (
        "import sys; from deformviz.systems import SYSTEMS; "
        "print(*(s.title for s in SYSTEMS.values()), 'torch' in sys.modules, sep=', ')"
    )
    reply = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True)
    assert {"Deformable DETR", "DINO", "DETR", "DAT"} < set(reply.stdout.strip().split(", "))
    assert reply.stdout.strip().endswith("False")
