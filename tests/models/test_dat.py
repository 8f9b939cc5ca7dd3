"""Whole DATs against the original code of both versions, and at their published sizes."""

import zlib

import numpy as np
import pytest
import torch

from deformviz.axes import ShapeError
from deformviz.checkpoints.dat import fit_tables
from deformviz.checkpoints.dat_config import constructor_values, to_config
from deformviz.models.dat import DAT
from deformviz.models.dat_config import DATConfig
from deformviz.models.dat_presets import PUBLISHED, dat_scenes
from tests.dat_parity import EXACT, assert_close, assert_gradient, cases, single_tolerance

MILLIONS = {
    "dat_tiny": 28.3,
    "dat_small": 49.7,
    "dat_base": 87.9,
    "dat_pp_tiny": 24.0,
    "dat_pp_small": 53.1,
    "dat_pp_base": 93.7,
    "dat_pp_base_384": 93.7,
    "dat_p": 22.8,
}


SECOND_ONLY = (".rpb", "patch_proj.3", "stages.0.local_perception")  # keys that only DAT++ has


def version_of(recorded):
    """Which code made a file: said by its notes, by the file it was made from, or by its keys."""
    meta = recorded.get("meta", {})
    for said in (meta.get("version"), meta.get("source_fixture"), meta.get("name")):
        if said and ("v1" in said or "v2" in said):
            return "++" if "v2" in said else "v1"
    keys = list(recorded.get("state_dict", ()))
    if any(part in key for key in keys for part in SECOND_ONLY):
        return "++"
    pytest.fail(f"The file says of no DAT version which one it is; its notes are {meta}.")


def test_the_version_of_a_file_is_told_by_its_notes_or_its_keys():
    assert version_of({"meta": {"version": "v2 (DAT++)"}}) == "++"
    assert version_of({"meta": {"source_fixture": "model_v1_tiny"}}) == "v1"
    assert version_of({"meta": {}, "state_dict": {"stages.0.rpb": 0, "a.rpb.0": 1}}) == "++"
    with pytest.raises(pytest.fail.Exception, match="says of no DAT version"):
        version_of({"meta": {}})


def build(recorded):
    version = version_of(recorded)
    return DAT(to_config(constructor_values(recorded["config"]), version)).eval()


def watch_stages(model, images):
    """Logits, traces, and what left the stem and each stage."""
    seen, handles = {}, []
    parts = {"patch_proj": model.patch_proj} | {
        f"stage{i}": stage for i, stage in enumerate(model.stages)
    }
    for name, part in parts.items():
        handles.append(
            part.register_forward_hook(lambda _, __, output, name=name: seen.update({name: output}))
        )
    logits, traces = model(images)
    for handle in handles:
        handle.remove()
    return logits, traces, seen


def check_layer(trace, recorded, name):
    """One deformable layer's trace against the recorded tensors of the original layer."""
    groups, (height, width) = trace.positions.shape[1], trace.grid_hw
    grids = {"reference": trace.reference_grid, "pos": trace.positions}
    for key, actual in grids.items():
        expected = recorded[key].flatten(2, 3)
        assert_close(
            actual.nan_to_num(posinf=9.0), expected.nan_to_num(posinf=9.0), 5e-5, f"{name} {key}"
        )
    offsets = trace.offsets.movedim(-1, 2).unflatten(-1, (height, width)).flatten(0, 1)
    if float(trace.offsets.abs().max()) > 0:  # else recorded before it was set to zero
        assert_close(offsets, recorded["offset"], 5e-5, f"{name} offset")
    assert_close(trace.sampled_features, recorded["x_sampled"].squeeze(2), 2e-4, f"{name} x")
    weights = trace.attention_weights.flatten(0, 1)
    if "attn_rows" in recorded:
        weights = weights[:, recorded["attn_rows"]]
    assert_close(weights, recorded["attn"], 2e-4, f"{name} attn")
    assert_close(trace.output, recorded["y"].flatten(2), 2e-4, f"{name} y")
    assert groups == recorded["pos"].shape[1]


@pytest.mark.parametrize("name", [n for n in cases("model_v*") if "input" not in n])
def test_a_small_model_equals_the_original(parity, name):
    recorded = parity(f"dat/{name}.pt")
    model = build(recorded)
    model.load_state_dict(recorded["state_dict"], strict=True)
    x = recorded["inputs"]["x"]
    with torch.no_grad():
        logits, traces, seen = watch_stages(model, x)
    assert_close(logits, recorded["outputs64"]["logits"], single_tolerance(name), "float32")
    for stage, expected in recorded["outputs"].items():
        if stage in seen:
            assert_close(seen[stage], expected, 5e-5, stage)
    assert set(traces) == set(recorded["d_layers"])
    for layer, tensors in recorded["d_layers"].items():
        check_layer(traces[layer], tensors, layer)

    model.double()
    x = x.double().requires_grad_()
    logits, _ = model(x, traced=False)
    assert_close(logits, recorded["outputs64"]["logits"], EXACT, "float64")
    if "grads" in recorded:
        logits.backward(recorded["grads"]["cotangent"].double())
        check_model_gradients(model, x.grad, recorded["grads"])


def check_model_gradients(model, x_gradient, grads):
    """Of the picture (every 4th pixel where only those were kept), and norms of parameters'."""
    if "x" in grads:
        assert_gradient(x_gradient, grads["x"], "x")
    if "x_s4" in grads:
        assert_gradient(x_gradient[..., ::4, ::4], grads["x_s4"], "x")
    parameters = dict(model.named_parameters())
    scale = max(value for value in grads["param_grad_norms"].values() if value is not None)
    for key, norm in grads["param_grad_norms"].items():
        if norm is None:
            assert parameters[key].grad is None
        else:
            found = float(parameters[key].grad.norm())
            assert found == pytest.approx(norm, rel=1e-3, abs=2e-5 * scale), key


@pytest.mark.parametrize("name", cases("model_v*_input*"))
def test_a_model_at_another_size_equals_the_original(parity, name):
    recorded = parity(f"dat/{name}.pt")
    model = build(recorded)
    weights = recorded.get("state_dict")
    if weights is None:
        weights = parity(f"dat/{name.split('_input')[0]}.pt")["state_dict"]
    model.load_state_dict(weights, strict=True)
    with torch.no_grad():
        logits, _ = model.double()(recorded["inputs"]["x"].double())
    assert_close(logits, recorded["outputs64"]["logits"], EXACT, "float64")


@pytest.mark.parametrize("name", cases("load_pretrained_*"))
def test_tables_are_resized_as_the_original_does(parity, name):
    recorded = parity(f"dat/{name}.pt")
    source = parity(f"dat/{recorded['meta']['source_fixture']}.pt")["state_dict"]
    model = DAT(to_config(recorded["config"], version_of(recorded))).eval()
    fitted, _ = fit_tables(source, model, model.config, recorded["lookup_22k"])
    for key, expected in recorded["changed"].items():
        assert_close(fitted[key], expected, 5e-6, key)
    model.load_state_dict(fitted, strict=True)
    with torch.no_grad():
        logits, _ = model(recorded["inputs"]["x"])
    assert_close(logits, recorded["outputs64"]["logits"], single_tolerance(name), "float32")


# -- published sizes -----------------------------------------------------------------------------


def generator(name, seed):
    return np.random.RandomState(
        (zlib.crc32(name.encode()) ^ ((seed * 2654435761) & 0xFFFFFFFF)) & 0xFFFFFFFF
    )


def fill_value(name, shape, seed, gain):
    """The recorded builds' weights, drawn from each parameter's name."""
    random = generator(name, seed).standard_normal(int(np.prod(shape))).reshape(shape)
    leaf = name.split(".")[-1]
    if name.endswith("conv_offset.3.weight"):
        random = random * (gain * 1.6 / np.sqrt(shape[1]))
    elif leaf in ("rpe_table", "relative_position_bias_table", "rpb"):
        random = random * 0.8
    elif len(shape) >= 2:
        random = random / np.sqrt(float(np.prod(shape[1:])))
    elif leaf == "weight":
        random = 1.0 + 0.3 * random
    else:
        random = 0.2 * random
    return torch.from_numpy(random.astype(np.float32))


def fill(model, recorded):
    seed, gain = recorded["meta"]["fill_seed"], recorded["meta"]["gain_off"]
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(fill_value(name, tuple(parameter.shape), seed, gain))


@pytest.mark.parametrize("name", cases("full_*"))
def test_a_full_model_has_the_published_keys(parity, name):
    recorded = parity(f"dat/{name}.pt")
    with torch.device("meta"):
        model = build(recorded)
    found = {
        key: (list(value.shape), str(value.dtype).removeprefix("torch."))
        for key, value in model.state_dict().items()
    }
    assert found == {key: (list(shape), dtype) for key, shape, dtype in recorded["keys"]}
    assert sum(p.numel() for p in model.parameters()) == recorded["meta"]["n_params"]


FAST = ("full_v1_dat_tiny", "full_v2_dat_tiny")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in FAST else pytest.mark.slow)
        for name in cases("full_*")
    ],
)
def test_a_full_model_equals_the_original(parity, name):
    recorded = parity(f"dat/{name}.pt")
    model = build(recorded)
    fill(model, recorded)
    state = model.state_dict()
    for key, (total, absolute) in recorded["checksums"].items():
        values = state[key].double()
        assert float(values.sum()) == pytest.approx(total, rel=1e-9, abs=1e-6), key
        assert float(values.abs().sum()) == pytest.approx(absolute, rel=1e-9), key
    side = recorded["input_size"]
    picture = (
        generator("input.x", recorded["meta"]["fill_seed"])
        .standard_normal((1, 3, side, side))
        .astype(np.float32)
    )
    with torch.no_grad():
        logits, _, seen = watch_stages(model, torch.from_numpy(picture))
    assert_close(logits, recorded["outputs64"]["logits"], single_tolerance(name), "float32")
    for stage, statistics in recorded["stage_stats"].items():
        values = seen[stage].flatten().double()
        assert list(seen[stage].shape) == list(statistics["shape"])
        assert_close(values[statistics["probe_idx"]], statistics["probe"], 5e-5, stage)
        assert float(values.std()) == pytest.approx(statistics["std"], rel=1e-3)


@pytest.mark.parametrize(("name", "millions"), MILLIONS.items())
def test_parameter_counts_are_the_published_ones(name, millions):
    with torch.device("meta"):
        model = DAT(PUBLISHED[name])
    assert round(sum(p.numel() for p in model.parameters()) / 1e6, 1) == millions


@pytest.mark.parametrize("name", cases("full_*"))
def test_presets_say_what_the_published_configurations_say(parity, name):
    recorded = parity(f"dat/{name}.pt")
    published = "dat" + name.removeprefix("full_").removeprefix("v1_dat").removeprefix("v2_dat")
    if name.startswith("full_v2") and published != "dat_p":
        published = published.replace("dat_", "dat_pp_")
    tree = {"MODEL": {"DAT": recorded["config"]}, "DATA": {"IMG_SIZE": recorded["input_size"]}}
    from_file = to_config(constructor_values(tree), version_of(recorded)).to_dict()
    preset = PUBLISHED[published].to_dict()
    from_file["drop_path"] = preset["drop_path"]  # differs by size, changes no output
    used = {
        "D": ("groups", "stride", "offset_kernel", "offset_range_factor", "position_bias"),
        "N": ("neighborhood",),
        "L": ("window",),
    }
    for ours, theirs in zip(preset.pop("stages"), from_file.pop("stages"), strict=True):
        kept = ["channels", "blocks", "heads", "mlp", "local_perception", "layer_scale"]
        kept += [field for letter in ours["blocks"] for field in used.get(letter, ())]
        assert {k: ours[k] for k in kept} == {k: theirs[k] for k in kept}
    assert preset == from_file


# -- the small model -----------------------------------------------------------------------------


def test_the_small_model_starts_on_the_undeformed_grid():
    torch.manual_seed(0)
    model = DAT(dat_scenes(("boat", "cat", "tree"))).eval()
    logits, traces = model(torch.randn(2, 3, 96, 96))
    assert logits.shape == (2, 3)
    assert list(traces) == ["stages.1.attns.1", "stages.2.attns.0"]
    for trace in traces.values():
        assert torch.equal(trace.positions, trace.reference_grid)
    assert sum(p.numel() for p in model.parameters()) < 1_000_000


def test_a_configuration_survives_json():
    import json

    config = dat_scenes(("boat", "cat"))
    assert DATConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    with pytest.raises(ValueError, match="unknown fields: colour"):
        DATConfig.from_dict(config.to_dict() | {"colour": 3})
    with pytest.raises(ValueError, match="lacks version"):
        DATConfig.from_dict({"stages": []})


def test_only_the_layers_asked_for_are_traced_and_progress_is_told():
    torch.manual_seed(0)
    model, heard = DAT(dat_scenes(("boat", "cat"))).eval(), []
    _, traces = model(
        torch.zeros(1, 3, 96, 96),
        traced=("stages.2.attns.0",),
        on_layer=lambda *stage: heard.append(stage),
    )
    assert list(traces) == ["stages.2.attns.0"]
    assert heard[0] == ("patch_proj", 0, 6) and heard[-1] == ("stages.2.attns.0", 5, 6)
    with pytest.raises(KeyError, match="does not have; it has stages.1.attns.1"):
        model(torch.zeros(1, 3, 96, 96), traced=("encoder.0",))


def test_a_picture_that_windows_do_not_tile_is_refused():
    model = DAT(dat_scenes(("boat", "cat"))).eval()
    with pytest.raises(ShapeError, match="do not tile a map of 10x24"):
        model(torch.zeros(1, 3, 40, 96))
