"""Recording in the ways models are really run: compiled, 16-bit, checkpointed, several times."""

import copy

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

import deformviz as dv
from deformviz.training.recorder import Recorder, every
from deformviz.training.run_folder import RunFolderError
from tests.tracing import foreign_modules as foreign

QUERIES = 6


class Decoder(nn.Module):
    """Two layers of deformable attention over a memory made of a picture."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 4, 4)
        self.decoder = nn.ModuleList(
            [foreign.RTDETRAttention(num_points=(2, 1, 3)) for _ in range(2)]
        )
        self.query = nn.Parameter(torch.randn(QUERIES, 16))
        self.checkpointed = False

    def forward(self, pixels):
        first = self.stem(pixels)
        maps = [first, first[..., ::2, ::2], first[..., ::4, ::4]]
        shapes = [tuple(level.shape[-2:]) for level in maps]
        memory = torch.cat([level.flatten(2).transpose(1, 2) for level in maps], 1)
        query = self.query.expand(len(pixels), -1, -1)
        boxes = torch.rand(len(pixels), QUERIES, 1, 4, generator=torch.Generator().manual_seed(1))
        boxes = boxes.to(query.dtype)
        for layer in self.decoder:
            inputs = (query, boxes, memory, shapes)
            query = query + (
                checkpoint(layer, *inputs, use_reentrant=False)
                if self.checkpointed
                else layer(*inputs)
            )
        return query


@pytest.fixture
def model():
    torch.manual_seed(0)
    made = Decoder()
    for parameter in made.decoder.parameters():
        nn.init.normal_(parameter, std=0.3)
    return made.eval()


@pytest.fixture
def pixels():
    return torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(2))


def hooks_of(module):
    return [
        hook
        for child in module.modules()
        for hook in (*child._forward_hooks, *child._forward_pre_hooks)
    ]


def test_a_compiled_model_runs_as_it_is_written_while_it_is_recorded(model, pixels):
    compiled = torch.compile(copy.deepcopy(model), backend="eager")
    with torch.no_grad(), dv.record(compiled) as recording:
        recorded = compiled(pixels)
    assert list(recording) == ["decoder.0", "decoder.1"] and recording.verify().worst < 1e-6
    torch.testing.assert_close(recorded, model(pixels))


def test_data_parallel_on_one_device_is_recorded(model, pixels):
    with torch.no_grad(), dv.record(nn.DataParallel(model)) as recording:
        model(pixels)
    assert len(recording) == 2


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_sixteen_bits_are_proven_within_their_own_rounding(model, pixels, dtype):
    low = model.to(dtype)
    with torch.no_grad(), dv.record(low) as recording:
        low(pixels.to(dtype))
    proofs = recording.verify()
    assert proofs.agrees and proofs.worst > 1e-6
    assert recording["decoder.0"].attention_weights.dtype == dtype


def test_autocast_is_recorded_as_it_ran(model, pixels):
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16), dv.record(model) as recording:
        model(pixels)
    assert recording.verify().agrees


def test_gradient_checkpointing_does_not_record_twice(model, pixels):
    model.checkpointed = True
    with dv.record(model, passes="all") as recording:
        model(pixels).sum().backward()
    assert len(recording.passes) == 1 and list(recording) == ["decoder.0", "decoder.1"]
    assert model.query.grad is not None


def test_every_pass_is_kept_where_that_is_asked_for(model, pixels):
    with torch.no_grad(), dv.record(model, passes="all") as recording:
        for scale in (1.0, 0.5, 0.25):
            model(scale * pixels)
    first, _, last = (one.traces["decoder.1"] for one in recording.passes)
    assert not torch.equal(first.sampling_locations, last.sampling_locations)
    torch.testing.assert_close(recording["decoder.1"].sampling_locations, last.sampling_locations)


def test_passes_go_to_disk_one_at_a_time(model, pixels, tmp_path):
    with torch.no_grad(), dv.record(model, passes=tmp_path / "run") as recording:
        for scale in (1.0, 0.5, 0.25):
            model(scale * pixels)
            assert len(recording.passes) == 1
    files = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert files == ["pass-0000.deformviz", "pass-0001.deformviz", "pass-0002.deformviz"]
    again = dv.open(tmp_path / "run" / files[2])
    assert torch.equal(
        again["decoder.1"].sampling_locations, recording["decoder.1"].sampling_locations
    )


def test_parts_called_without_the_whole_begin_a_pass_each(model):
    inputs = torch.rand(1, QUERIES, 16), torch.rand(1, QUERIES, 1, 4), torch.rand(1, 51, 16)
    with torch.no_grad(), dv.record(model, passes="all") as recording:
        for _ in range(2):
            model.decoder[0](*inputs, foreign.SHAPES)
    assert len(recording.passes) == 2 and list(recording) == ["decoder.0"]


def test_a_module_called_twice_in_one_pass_has_two_names(model, pixels):
    model.decoder[1] = model.decoder[0]
    with torch.no_grad(), dv.record(model) as recording:
        model(pixels)
    assert list(recording) == ["decoder.0", "decoder.0#2"]


def test_layers_are_chosen_by_name_or_pattern(model, pixels):
    with torch.no_grad(), dv.record(model, layers={"decoder.1"}) as recording:
        model(pixels)
    assert list(recording) == ["decoder.1"]
    with pytest.raises(KeyError, match="no layer 'encoder.*'; it has decoder.0, decoder.1"):
        with dv.record(model, layers=["encoder.*"]):
            pass


def test_queries_are_chosen_after_all_were_proven(model, pixels):
    with torch.no_grad(), dv.record(model, queries=[4, 1]) as recording:
        model(pixels)
    with torch.no_grad(), dv.record(model) as whole:
        model(pixels)
    kept, every_one = recording["decoder.0"], whole["decoder.0"]
    torch.testing.assert_close(kept.sampling_locations, every_one.sampling_locations[:, [4, 1]])
    torch.testing.assert_close(kept.reference_boxes, every_one.reference_boxes[:, [4, 1]])
    assert recording.queries == (4, 1) and recording.verify() == whole.verify()


def test_training_goes_on_undisturbed(model, pixels):
    model.train()
    alone = torch.autograd.grad(model(pixels).sum(), model.query)[0]
    with dv.record(model) as recording:
        recorded = torch.autograd.grad(model(pixels).sum(), model.query)[0]
    torch.testing.assert_close(alone, recorded)
    assert model.training and recording.verify().agrees


def test_an_error_in_the_block_leaves_no_hook(model, pixels):
    with pytest.raises(ZeroDivisionError), dv.record(model):
        model(pixels)
        raise ZeroDivisionError
    assert hooks_of(model) == []


WRONG = {
    "a name": ("rt_detr", "Load the model first"),
    "nothing": (None, "got None"),
    "a pipeline": (type("Pipeline", (), {"model": nn.Linear(2, 2)})(), "dv.record(pipeline.model)"),
    "no module": (3, "needs a torch module, got int"),
    "no such layer": (nn.Linear(2, 2), "If this model has one that looks different, declare it"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_model_is_said_with_the_cure(what):
    given, sentence = WRONG[what]
    with pytest.raises(dv.RecordError, match=sentence.replace("(", r"\(").replace(")", r"\)")):
        with dv.record(given):
            pass


def test_a_model_without_numbers_is_said(model):
    with pytest.raises(dv.RecordError, match="on the meta device"), dv.record(model.to("meta")):
        pass


def test_a_block_without_a_pass_is_said(model):
    with pytest.raises(dv.RecordError, match="The block ran no forward pass"), dv.record(model):
        pass


class Wrong(foreign.RTDETRAttention):
    """One that does not do what its parts say: half of what it reads."""

    def forward(self, query, reference_points, value, value_spatial_shapes):
        return super().forward(query, reference_points, value, value_spatial_shapes) * 0.5


def test_a_layer_that_does_not_agree_is_refused_by_name_and_the_others_stay(model, pixels):
    model.decoder[1] = Wrong(num_points=(2, 1, 3)).eval()
    with pytest.warns(UserWarning, match="decoder.1: its replay by Eq. 3 .* differs"):
        with torch.no_grad(), dv.record(model) as recording:
            model(pixels)
    assert list(recording) == ["decoder.0"] and not recording.verify().agrees
    assert "DIFFERS" in str(recording.verify()).splitlines()[2]


def test_a_recorder_refuses_at_the_first_snapshot(tmp_path, pixels, model):
    model.decoder = nn.ModuleList([Wrong(num_points=(2, 1, 3))])
    with pytest.raises(dv.RecordError, match="differs from what the module returned"):
        Recorder(tmp_path / "run", model, schedule=every(5), probe=lambda: model(pixels))


def test_a_recorder_refuses_what_cannot_be_packed(tmp_path):
    from deformviz.attention.deformable_conv import DeformableConv

    convolution = DeformableConv(3, 4, 3, padding=1)
    with pytest.raises(RunFolderError, match="TapTrace"):
        Recorder(
            tmp_path / "run",
            convolution,
            schedule=every(5),
            probe=lambda: convolution(torch.rand(1, 3, 6, 7)),
        )
