"""Files of DAT: read without running anything, told apart, resized, and refused in words."""

import sys
import types

import pytest
import torch

import deformviz as dv
from deformviz.checkpoints.dat import pick_classes, resize_steps
from deformviz.checkpoints.dat_config import to_config
from deformviz.checkpoints.errors import CheckpointError
from deformviz.checkpoints.own import save
from deformviz.models.dat import DAT
from deformviz.models.dat_presets import dat_scenes
from tests.dat_parity import assert_close

VALUES = {
    "img_size": 64,
    "patch_size": 4,
    "num_classes": 5,
    "expansion": 2,
    "dim_stem": 8,
    "dims": [8, 16, 32, 64],
    "depths": [2, 1, 2, 1],
    "stage_spec": [["L", "S"], ["D"], ["L", "D"], ["D"]],
    "heads": [1, 2, 2, 4],
    "window_sizes": [4, 4, 4, 2],
    "groups": [-1, 1, 2, 2],
    "use_pes": [False, True, True, True],
    "strides": [-1, 2, 1, 1],
    "offset_range_factor": [-1, 2, 2, 2],
}


class CfgNode(dict):
    """Pickles as the class of the same name in yacs 0.1.8 does."""

    def __init__(self, values):
        super().__init__({k: CfgNode(v) if isinstance(v, dict) else v for k, v in values.items()})
        self.__dict__.update(
            {
                "__immutable__": True,
                "__deprecated_keys__": set(),
                "__renamed_keys__": {},
                "__new_allowed__": True,
            }
        )


@pytest.fixture
def yacs(monkeypatch):
    """CfgNode under the name it has in real files; gone again before anything is read."""
    module = types.ModuleType("yacs.config")
    module.CfgNode = CfgNode
    monkeypatch.setattr(CfgNode, "__module__", "yacs.config")
    monkeypatch.setitem(sys.modules, "yacs", types.ModuleType("yacs"))
    monkeypatch.setitem(sys.modules, "yacs.config", module)

    def write(content, path, **options):
        torch.save(content, path, **options)
        monkeypatch.delitem(sys.modules, "yacs.config")
        monkeypatch.delitem(sys.modules, "yacs")

    return write


def small_dat(version="v1", **changes):
    torch.manual_seed(5)
    return DAT(to_config(VALUES | changes, version)).eval()


def picture(side=64):
    return torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(1))


def logits_of(model, side=64):
    with torch.no_grad():
        return model(picture(side), traced=False)[0]


def test_a_file_with_plain_constructor_values_loads(tmp_path):
    model = small_dat()
    torch.save({"model": model.state_dict(), "config": VALUES}, tmp_path / "dat.pth")
    loaded = dv.load(tmp_path / "dat.pth", version="v1")
    torch.testing.assert_close(logits_of(loaded), logits_of(model), rtol=0, atol=0)
    assert not loaded.training and loaded.load_report.system == "dat"
    assert loaded.load_report.layout == "official DAT"


@pytest.mark.parametrize("zipped", [True, False])
def test_a_training_file_with_a_yacs_tree_loads_without_yacs(tmp_path, yacs, zipped):
    model = small_dat()
    tree = CfgNode(
        {
            "MODEL": {"TYPE": "dat", "DAT": VALUES},
            "DATA": {"IMG_SIZE": 96},
            "TRAIN": {"BETAS": (0.9, 0.999), "START_EPOCH": 0},
        }
    )
    content = {
        "model": model.state_dict(),
        "optimizer": {"state": {}, "param_groups": []},
        "lr_scheduler": {"base": 1e-3},
        "max_accuracy": 82.0,
        "epoch": 300,
        "config": tree,
    }
    yacs(content, tmp_path / "dat.pth", _use_new_zipfile_serialization=zipped)
    loaded = dv.load(tmp_path / "dat.pth", version="v1")
    torch.testing.assert_close(logits_of(loaded), logits_of(model), rtol=0, atol=0)
    assert loaded.config.long_side == 96 and loaded.config.image_size == 64


def test_bare_weights_need_the_configuration(tmp_path):
    model = small_dat("++")
    torch.save({"model": model.state_dict()}, tmp_path / "dat.pth")
    with pytest.raises(CheckpointError, match="Give config="):
        dv.load(tmp_path / "dat.pth", version="++")
    loaded = dv.load(tmp_path / "dat.pth", version="++", config={"MODEL": {"DAT": VALUES}})
    torch.testing.assert_close(logits_of(loaded), logits_of(model), rtol=0, atol=0)


def test_the_version_changes_the_answer_and_must_be_said(tmp_path):
    torch.save({"model": small_dat().state_dict(), "config": VALUES}, tmp_path / "dat.pth")
    with pytest.raises(CheckpointError, match='needs version="v1"'):
        dv.load(tmp_path / "dat.pth")
    with pytest.raises(CheckpointError, match="version='2' was given"):
        dv.load(tmp_path / "dat.pth", version="2")
    first, second = (dv.load(tmp_path / "dat.pth", version=v) for v in ("v1", "++"))
    assert float((logits_of(first) - logits_of(second)).abs().max()) > 1e-5


def test_a_file_of_the_second_code_is_not_taken_for_the_first(tmp_path):
    values = VALUES | {"use_lpus": [True] * 4}
    torch.save(
        {"model": small_dat("++", **values).state_dict(), "config": values}, tmp_path / "dat.pth"
    )
    with pytest.raises(CheckpointError, match="which only DAT\\+\\+ has"):
        dv.load(tmp_path / "dat.pth", version="v1")


def test_another_size_resizes_the_tables_and_says_so(tmp_path):
    model = small_dat()
    torch.save({"model": model.state_dict(), "config": VALUES}, tmp_path / "dat.pth")
    loaded = dv.load(tmp_path / "dat.pth", version="v1", config={"img_size": 128})
    assert loaded.stages[1].attns[0].rpe_table.shape == (2, 31, 31)
    assert loaded.stages[0].attns[1].attn_mask.shape == (64, 16, 16)
    assumed = {assumption.name for assumption in loaded.load_report.assumed}
    assert {"img_size", "stages.1.attns.0.rpe_table"} <= assumed
    assert logits_of(loaded, 128).shape == (1, 5)
    resized = torch.nn.functional.interpolate(
        model.stages[1].attns[0].rpe_table[None].detach(), (31, 31), mode="bicubic"
    )[0]
    assert_close(loaded.stages[1].attns[0].rpe_table, resized, 1e-6, "table")


def test_a_head_with_other_classes_needs_a_lookup(tmp_path):
    model = small_dat()
    torch.save({"model": model.state_dict(), "config": VALUES}, tmp_path / "dat.pth")
    with pytest.raises(CheckpointError, match="does not fit"):
        dv.load(tmp_path / "dat.pth", version="v1", config={"num_classes": 2})
    picked = dv.load(
        tmp_path / "dat.pth", version="v1", config={"num_classes": 2, "lookup_22k": [4, 1]}
    )
    torch.testing.assert_close(logits_of(picked), logits_of(model)[:, [4, 1]])
    with pytest.raises(CheckpointError, match="whole numbers from 0 to 4"):
        dv.load(tmp_path / "dat.pth", version="v1", config={"num_classes": 2, "lookup_22k": [4, 9]})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"dims": [8, 16, 32]}, "one entry for each of the 4 stages"),
        ({"depths": [2, 2, 2, 1]}, "1 letters .* for a stage of depth 2"),
        ({"colour": 3}, "unknown values: colour"),
        ({"stage_spec": [["L", "S"], ["Z"], ["L", "D"], ["D"]]}, "of the letters"),
        ({"no_offs": [False, True, False, False]}, "no working no-offset mode"),
        ({"img_size": 72}, "do not tile a map|must be a multiple"),
        ({"heads": "many"}, "one entry for each"),
        ({"expansion": "four"}, "DAT's configuration"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused_in_words(tmp_path, values, message):
    torch.save({"model": small_dat().state_dict(), "config": VALUES}, tmp_path / "dat.pth")
    with pytest.raises(CheckpointError, match=message):
        dv.load(tmp_path / "dat.pth", version="v1", config=values)


def test_our_own_files_carry_their_configuration(tmp_path):
    torch.manual_seed(0)
    model = DAT(dat_scenes(("boat", "cat", "tree"))).eval()
    save(model, tmp_path / "own.safetensors", dtype=torch.float32)
    loaded = dv.load(tmp_path / "own.safetensors")
    assert loaded.config == model.config
    torch.testing.assert_close(logits_of(loaded, 96), logits_of(model, 96), rtol=0, atol=0)
    assert loaded.stages[0].attns[0].relative_position_index.dtype == torch.int64


def test_the_recorded_model_loads_as_an_official_file(parity, tmp_path):
    recorded = parity("dat/model_v2_datpp_128.pt")
    torch.save(
        {"model": recorded["state_dict"], "config": recorded["config"]}, tmp_path / "dat_pp.pth"
    )
    model = dv.load(tmp_path / "dat_pp.pth", version="++")
    with torch.no_grad():
        logits, _ = model(recorded["inputs"]["x"])
    assert_close(logits, recorded["outputs64"]["logits"], 6e-6, "logits")


@pytest.mark.parametrize("name", ["nat_ksizes", "ksize_qnas", "nqs", "heads_q"])
def test_numbers_no_layer_reads_may_be_minus_one(name):
    told = VALUES | {name: [-1] * 4, "ksizes": [-1, 9, 7, 5]}
    stages = to_config(told, "++").stages
    assert [stage.offset_kernel for stage in stages] == [5, 9, 7, 5]


def test_a_number_that_a_layer_reads_may_not():
    with pytest.raises(CheckpointError, match="offset_kernel is -1"):
        to_config(VALUES | {"ksizes": [-1, -1, 7, 5]}, "++")
    assert to_config(VALUES | {"ksizes": [-1] * 4, "no_offs": [True] * 4}, "++")


def test_a_window_s_table_is_resized_along_its_own_axes():
    """Steps of 3 x 3 that grow from column to column only, for two heads of opposite sign."""
    columns = torch.tensor([-1.0, 0.0, 1.0]).repeat(3)  # row by row
    table = torch.stack([columns, -columns], 1)  # [step head]
    grown = resize_steps(table, 25, "table").view(5, 5, 2)
    torch.testing.assert_close(grown, grown[:1].expand_as(grown))  # all rows alike
    assert (grown[0, 1:, 0] > grown[0, :-1, 0]).all()
    torch.testing.assert_close(grown[..., 0], -grown[..., 1])
    assert grown[2, 2, 0].abs() < 1e-6


def test_a_lookup_takes_its_rows_in_its_own_order():
    head = torch.arange(12.0).view(4, 3)
    assert pick_classes(head, [2, 0, 3], "cls_head.weight").tolist() == head[[2, 0, 3]].tolist()
