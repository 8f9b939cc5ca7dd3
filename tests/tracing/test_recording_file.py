"""Recordings on disk: what was saved comes back, and a hostile file ends in one sentence."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, safe_open, save_file

import deformviz as dv
from deformviz.attention.lucidrains import LucidrainsAttention
from deformviz.schema import Detections
from deformviz.tracing.recorded_image import RecordedImage
from tests.tracing import foreign_modules as foreign

HEIGHT, WIDTH = 40, 56  # px of the batch


class Net(torch.nn.Module):
    """A picture goes in, unequal points come out."""

    def __init__(self):
        super().__init__()
        self.decoder = torch.nn.ModuleList([foreign.RTDETRAttention(num_points=(2, 1, 3))])
        self.features = torch.nn.Conv2d(3, 16, 8, 8)

    def forward(self, pixels):
        maps = [self.features(pixels)]
        maps += [maps[0][..., ::2, ::2], maps[0][..., ::4, ::4]]
        shapes = [tuple(level.shape[-2:]) for level in maps]
        memory = torch.cat([level.flatten(2).transpose(1, 2) for level in maps], 1)
        boxes = torch.rand(len(pixels), 5, 1, 4, generator=torch.Generator().manual_seed(1))
        return self.decoder[0](memory[:, :5], boxes, memory, shapes)


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 255, (80, 112, 3), dtype=np.uint8)


@pytest.fixture
def recording(picture):
    torch.manual_seed(0)
    model = Net().eval()
    with torch.no_grad(), dv.record(model) as made:
        model(torch.rand(2, 3, HEIGHT, WIDTH))
    made.place(picture)
    found = Detections(
        torch.tensor([[4.0, 5.0, 60.0, 70.0]]),
        torch.tensor([0.75]),
        torch.tensor([1]),
        torch.tensor([3]),
        ("cat", "dog"),
        torch.zeros(1, 80, 112, dtype=torch.bool),
    )
    found.masks[0, 10:30, 7:50] = True
    known = made.images[0]
    made.images[0] = RecordedImage(known.frame, known.picture, found, title="a garden")
    return made


@pytest.fixture
def saved(recording, tmp_path):
    return recording.save(tmp_path / "mine.deformviz")


def test_everything_comes_back(recording, saved):
    again = dv.open(saved)
    trace, kept = again["decoder.0"], recording["decoder.0"]
    assert type(trace) is type(kept) and trace.points_per_level == (2, 1, 3)
    for name in ("sampling_locations", "attention_weights", "reference_boxes", "spatial_shapes"):
        assert torch.equal(getattr(trace, name), getattr(kept, name))
    assert again.verify() == recording.verify() and again.versions == recording.versions
    first, second = again.images
    assert first.frame.original_hw == (80, 112) and first.frame.padded_hw == (HEIGHT, WIDTH)
    assert first.picture.shape == (80, 112, 3) and second.picture is None
    assert first.detections.name(0) == "dog" and first.title == "a garden"
    assert torch.equal(first.detections.masks, recording.images[0].detections.masks)


def test_one_picture_is_a_trace_like_that_of_a_run(saved):
    trace = dv.open(saved).trace(0)
    assert trace["decoder.0"].sampling_locations.shape == (5, 4, 6, 2)
    assert trace.frame.original_hw == (80, 112) and len(trace.detections) == 1


def test_every_kind_of_trace_is_kept(tmp_path):
    module = LucidrainsAttention(16, 3, heads=4, head_channels=8, offset_kernel=6).eval()
    with torch.no_grad(), dv.record(module) as recording:
        module(torch.rand(1, 16, 8, 8, 12))
    again = dv.open(recording.save(tmp_path / "volume"))
    assert again["attention"].grid_sizes == recording["attention"].grid_sizes
    assert again.images == []
    with pytest.raises(dv.RecordError, match="recording.place"):
        again.trace(0)


def test_pictures_may_be_left_out(recording, tmp_path):
    again = dv.open(recording.save(tmp_path / "bare", pictures=False))
    assert again.images[0].picture is None and again.images[0].frame.original_hw == (80, 112)


def rewritten(path, to, change_header=None, change_tensors=None):
    """The file with something changed by somebody who knows the format."""
    with safe_open(path, "pt") as file:
        header = dict(file.metadata())
    tensors = load_file(path)
    if change_header:
        change_header(header)
    if change_tensors:
        change_tensors(tensors)
    save_file(tensors, to, metadata=header)
    return to


def in_index(**changes):
    def change(header):
        index = json.loads(header["index"])
        for path, value in changes.items():
            target, *steps = index, *path.split("__")
            for step in steps[:-1]:
                target = target[int(step) if step.isdigit() else step]
            target[steps[-1]] = value
        header["index"] = json.dumps(index)

    return change


LIES = {
    "newer": (lambda header: header.update(version="2"), "update deformviz"),
    "no index": (lambda header: header.pop("index"), "no readable index"),
    "deep index": (lambda header: header.update(index="[" * 100_000), "no readable index"),
    "another file": (lambda header: header.update(format="pt"), "not a recording"),
    "a kind unknown": (in_index(layers__0__kind="Trace"), "altered"),
    "points that do not add up": (
        in_index(layers__0__facts={"points_per_level": [1, 1, 1]}),
        "contradicts",
    ),
    "a field too much": (in_index(layers__0__facts={"device": "cuda"}), "altered"),
    "a picture of another shape": (
        in_index(
            images__0__frame={"original_hw": [80, 50], "resized_hw": [4, 4], "padded_hw": [4, 4]}
        ),
        "does not belong",
    ),
    "a frame that does not fit": (
        in_index(
            images__0__frame={"original_hw": [8, 5], "resized_hw": [9, 9], "padded_hw": [4, 4]}
        ),
        "does not fit",
    ),
    "an array that is not there": (in_index(layers__0__arrays=["value"]), "altered"),
    "too few pictures": (in_index(images=[]), None),
    "too many pictures": (in_index(images=[{}] * 3), "altered"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_header_that_lies_ends_in_a_sentence(saved, tmp_path, lie):
    change, sentence = LIES[lie]
    path = rewritten(saved, tmp_path / "lie.deformviz", change)
    if sentence is None:
        assert dv.open(path).images == []
        return
    with pytest.raises(dv.RecordingError, match=sentence) as error:
        dv.open(path)
    assert "\n" not in str(error.value)


def test_pixels_that_are_no_picture_are_refused(saved, tmp_path):
    def spoil(tensors):
        tensors["image/0/picture"] = torch.zeros(50, dtype=torch.uint8)

    path = rewritten(saved, tmp_path / "lie.deformviz", change_tensors=spoil)
    with pytest.raises(dv.RecordingError, match="not an image"):
        dv.open(path)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.02, 0.5, 0.99])
def test_a_file_cut_short_ends_in_a_sentence(saved, tmp_path, share):
    path, content = tmp_path / "cut.deformviz", saved.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(dv.RecordingError, match="cut.deformviz"):
        dv.open(path)


def test_a_claimed_header_is_not_allocated(saved, tmp_path):
    path = tmp_path / "huge.deformviz"
    path.write_bytes((2**62).to_bytes(8, "little") + saved.read_bytes()[8:])
    with pytest.raises(dv.RecordingError, match="claims a header"):
        dv.open(path)


def test_random_bytes_never_end_in_a_traceback(saved, tmp_path):
    generator, content = np.random.default_rng(4), bytearray(saved.read_bytes())
    path, read = tmp_path / "fuzz.deformviz", 0
    for _ in range(200):
        spoilt = bytearray(content)
        for place in generator.integers(0, len(spoilt), 3):
            spoilt[place % (2000 if generator.random() < 0.7 else len(spoilt))] ^= 1 << int(
                generator.integers(8)
            )
        path.write_bytes(spoilt)
        try:
            dv.open(path)
            read += 1
        except dv.RecordingError:
            pass
    assert read < 200


def test_no_such_file_and_an_empty_recording_are_said(tmp_path):
    with pytest.raises(dv.RecordingError, match="cannot be opened"):
        dv.open(tmp_path / "none.deformviz")
    from deformviz.tracing.recording import Recording

    with pytest.raises(dv.RecordError, match="nothing was saved"):
        Recording().save(tmp_path / "empty")
