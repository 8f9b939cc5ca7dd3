"""Looking at a picture with any model: its own preprocessing, its answer, and the proof."""

import pytest
import torch

import deformviz as dv
from deformviz.schema import ImageFrame
from deformviz.tracing.answers import masks_of_picture
from tests.tracing import looked_at
from tests.tracing.transformers_families import build

transformers = pytest.importorskip("transformers")
UNNAMED = "no word above the threshold"


@pytest.fixture(scope="module")
def picture():
    return looked_at.picture()


def fixed_size(**more):
    return transformers.RTDetrImageProcessorPil(size={"height": 64, "width": 96}, **more)


def by_sides(kind, **more):
    size = {"shortest_edge": 48, "longest_edge": 80}
    return getattr(transformers, kind)(size=size, **more)


def saved(tmp_path, family, processor, **options):
    model = build(family, **options)
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    return model


def test_our_own_models_are_looked_at_like_any(model, picture):
    recording = dv.look(model, picture)
    assert recording.verify().agrees
    trace, alone = recording.trace(), dv.run(model, picture)
    torch.testing.assert_close(trace.detections.scores, alone.detections.scores)
    torch.testing.assert_close(
        trace["decoder.1"].sampling_locations, alone["decoder.1"].sampling_locations
    )


@pytest.mark.parametrize("family", ["rt_detr", "d_fine"])
def test_a_folder_of_transformers_runs_with_its_own_processor(tmp_path, picture, family):
    theirs = saved(tmp_path, family, fixed_size())
    model = dv.load(tmp_path)
    assert type(model) is type(theirs) and not model.training
    recording = dv.look(model, picture)
    assert recording.verify().worst < 1e-6 and len(recording) == 2
    known = recording.images[0]
    assert known.frame.original_hw == (90, 144) and known.frame.padded_hw == (64, 96)
    inputs = fixed_size()(images=picture, return_tensors="pt")
    with torch.no_grad():
        outputs = theirs(**inputs)
    (expected,) = fixed_size().post_process_object_detection(
        outputs, threshold=0.0, target_sizes=[(90, 144)]
    )
    found = known.detections
    torch.testing.assert_close(found.scores[:11], expected["scores"][:11])
    torch.testing.assert_close(found.boxes_xyxy_px[:11], expected["boxes"][:11])
    assert found.labels[:11].tolist() == expected["labels"][:11].tolist()


def test_a_run_hands_out_a_trace_of_one_picture(tmp_path, picture):
    saved(tmp_path, "rt_detr", fixed_size())
    trace = dv.run(dv.load(tmp_path), picture, layers="decoder.1")
    assert list(trace) == ["decoder.1"]
    assert trace["decoder.1"].attention_weights.shape == (11, 4, 3, 3)
    assert len(trace.detections) == 55


def test_the_report_says_how_pictures_are_fed(tmp_path):
    saved(tmp_path, "rt_detr", fixed_size(do_normalize=True, image_mean=(0.1, 0.2, 0.3)))
    report = str(dv.load(tmp_path).load_report)
    for fact in ("do_normalize=True", "image_mean=(0.1, 0.2, 0.3)", "'height': 64, 'width': 96"):
        assert fact in report
    assert "rt_detr (RTDetrForObjectDetection), layout transformers" in report


@pytest.mark.parametrize(
    "said", [{"do_normalize": False}, {"do_resize": False}, {"size": {"height": 64, "width": 96}}]
)
def test_unusual_preprocessing_is_followed_not_ignored(tmp_path, picture, said):
    processor = transformers.DeformableDetrImageProcessorPil(
        **({"size": {"shortest_edge": 48, "longest_edge": 80}} | said)
    )
    theirs = saved(tmp_path, "deformable_detr", processor)
    known = dv.look(dv.load(tmp_path), picture).images[0]
    inputs = processor(images=picture, return_tensors="pt")
    assert known.frame.padded_hw == tuple(inputs["pixel_values"].shape[-2:])
    with torch.no_grad():
        outputs = theirs(**inputs)
    best = outputs.logits.sigmoid().max()
    torch.testing.assert_close(known.detections.scores[0], best)


def test_masks_come_with_what_they_belong_to(tmp_path, picture):
    processor = by_sides("Mask2FormerImageProcessorPil", size_divisor=32)
    saved(tmp_path, "mask2former", processor)
    recording = dv.look(dv.load(tmp_path), picture)
    found = recording.images[0].detections
    assert list(recording) == ["encoder.0", "encoder.1"] and recording.verify().agrees
    assert found.masks.shape == (7, 90, 144) and found.masks.any()
    for mask, (left, top, right, bottom) in zip(found.masks, found.boxes_xyxy_px, strict=True):
        rows, columns = mask.nonzero().unbind(1)
        if len(rows):
            assert (left, top) == (columns.min(), rows.min())
            assert (right, bottom) == (columns.max() + 1, rows.max() + 1)


def test_masks_of_a_padded_picture_leave_the_padding_behind():
    logits = torch.full((1, 4, 8), -5.0)
    logits[0, :, :2] = 5.0  # the left quarter of the padded input, half of the picture
    frame = ImageFrame((20, 40), (16, 16), (16, 32))
    mask = masks_of_picture(logits, frame)[0]
    assert mask[:, :19].all() and not mask[:, 21:].any()


@pytest.mark.parametrize("family", ["grounding_dino", "mm_grounding_dino"])
def test_a_prompt_in_words_gives_answers_in_words(tmp_path, picture, family):
    processor = transformers.GroundingDinoProcessor(
        by_sides("GroundingDinoImageProcessorPil"), looked_at.tokenizer()
    )
    saved(tmp_path, family, processor)
    model = dv.load(tmp_path)
    recording = dv.look(model, picture, prompt=looked_at.PROMPT)
    found = recording.images[0].detections
    assert recording.verify().agrees and len(recording) == 3 and len(found) == 9
    assert set(" ".join(found.class_names).split()) <= {"a", "cat", ".", "remote", *UNNAMED.split()}
    with pytest.raises(dv.RecordError, match="give it a prompt"):
        dv.look(model, picture)


class OmDetTurboProcessor:
    """The signature of the one in transformers, which needs torchvision, on words of three."""

    def __init__(self):
        self.image_processor = fixed_size()

    def __call__(self, images, text, return_tensors):
        assert return_tensors == "pt"
        classes = torch.tensor([[2, 5 + number, 3] for number in range(len(text))])
        return {
            **self.image_processor(images=images, return_tensors="pt"),
            "classes_input_ids": classes,
            "classes_attention_mask": torch.ones_like(classes),
            "tasks_input_ids": torch.tensor([[2, 9, 3]]),
            "tasks_attention_mask": torch.ones(1, 3, dtype=torch.long),
            "classes_structure": torch.tensor([len(text)]),
        }


def test_names_in_a_prompt_are_classes_where_a_model_compares_with_classes(picture):
    recording = dv.look(
        build("omdet_turbo"), picture, prompt="cat. dog. remote.", processor=OmDetTurboProcessor()
    )
    found = recording.images[0].detections
    assert found.class_names == ("cat", "dog", "remote") and recording.verify().agrees
    assert int(found.labels.max()) < 3


def test_a_model_without_a_processor_asks_for_one(picture):
    with pytest.raises(dv.RecordError, match="Nothing says how RTDetrForObjectDetection"):
        dv.look(build("rt_detr"), picture)


def test_missing_weights_are_not_shown_as_if_they_were_there(tmp_path):
    from safetensors.torch import load_file, save_file

    saved(tmp_path, "rt_detr", fixed_size())
    tensors = load_file(tmp_path / "model.safetensors")
    gone = next(name for name in tensors if "value_proj.weight" in name)
    save_file({n: t for n, t in tensors.items() if n != gone}, tmp_path / "model.safetensors")
    with pytest.raises(dv.CheckpointError, match="lacks 1 weights"):
        dv.load(tmp_path)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    folder = tmp_path / "model"
    saved(folder, "rt_detr", fixed_size())
    (folder / "model.safetensors").rename(tmp_path / "elsewhere.safetensors")
    (folder / "model.safetensors").symlink_to(tmp_path / "elsewhere.safetensors")
    with pytest.raises(dv.CheckpointError, match="link out of the folder"):
        dv.load(folder)


def test_a_name_nobody_has_is_said_in_a_sentence():
    with pytest.raises(dv.CheckpointError, match="cannot be loaded") as error:
        dv.load("hf:nobody/nothing-of-this-name")
    assert "\n" not in str(error.value)
