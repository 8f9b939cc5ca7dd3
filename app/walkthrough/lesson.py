"""From a subject to a derivation and what is seen of it: the real model runs here."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import Any

import torch

from app.runs import ModelChoice, key_of
from app.session import MEBIBYTE, QUEUE, ByteCache, load_model
from app.sources import Source
from app.walkthrough.costs import pixels_of
from app.walkthrough.subject import Change, Subject
from deformviz.analysis.cost import AttentionSizes
from deformviz.attention.deformable import MultiScaleDeformableAttention
from deformviz.geometry import cell_centres, grid_to_normalised
from deformviz.models.detector_config import DeformableDETRConfig
from deformviz.models.parts import attention_layers
from deformviz.models.postprocess import postprocess
from deformviz.models.preprocess import preprocess
from deformviz.models.square import framed_in_square, pad_to_square
from deformviz.schema import AttentionTrace, Detections, GridTrace, ImageFrame
from deformviz.tracing.pictures import read_picture
from deformviz.walkthrough.bilinear import bilinear
from deformviz.walkthrough.breaking import MISTAKES, broken, broken_module
from deformviz.walkthrough.complexity import complexity
from deformviz.walkthrough.convolutions import convolutions
from deformviz.walkthrough.dat import dat
from deformviz.walkthrough.decoder import decoder
from deformviz.walkthrough.gradients import best_score, gradients, layer_gradients, score_of
from deformviz.walkthrough.multi_head import multi_head
from deformviz.walkthrough.multi_scale import multi_scale, single_scale
from deformviz.walkthrough.observe import Observation, observe
from deformviz.walkthrough.observe_grids import observe_grids
from deformviz.walkthrough.padded import SHARE
from deformviz.walkthrough.proposals import proposals, tokens_of
from deformviz.walkthrough.step import Derivation
from deformviz.walkthrough.toy import toy_inputs, toy_module
from deformviz.walkthrough.what_if import Edit, asked_alone, edit_module, edited, go_on

DAT_MODEL = "dat-scenes"
OBSERVED = ByteCache(384 * MEBIBYTE)  # forward passes with all that went into their layers
_ONE_AT_A_TIME = threading.Lock()  # derivations use the shared model's device


@dataclass(frozen=True)
class Sight:
    """What one version of a model sees: the query's samples and the detections."""

    trace: AttentionTrace  # of one image
    frame: ImageFrame
    detections: Detections | None
    output: Any  # DetectorOutput of one image; None for the toy
    title: str


@dataclass(frozen=True)
class Lesson:
    """A derivation, the sight it belongs to, and the right sight beside a changed one."""

    subject: Subject  # with every index inside its layer
    derivation: Derivation
    sight: Sight | None
    right: Sight | None  # set where a mistake or an edit changes something
    layers: tuple[str, ...] = ()
    queries: int = 1
    sizes: tuple[int, int, int] = (1, 1, 1)  # heads, levels, points
    note: str = ""  # what to know before both sights are compared


def edit_of(subject: Subject) -> Edit:
    """The subject's "what if" as an edit of its layer, for its query."""
    change = subject.change if subject.can_edit else Change()
    return Edit(subject.layer, subject.query, **vars(change))


@dataclass(frozen=True)
class Seen:
    """A cached forward pass of a model, right or changed."""

    observation: Observation
    frame: ImageFrame
    detections: Detections


class RunFailed(RuntimeError):
    """A forward pass did not come to its end; the message is one sentence."""


def look(
    source: Source,
    model: ModelChoice,
    session: str,
    *,
    mistake: str = "",
    padded: bool = False,
    edit: Edit | None = None,
) -> Seen:
    """A forward pass, from the cache or in line with all others.

    Raises:
        RunFailed: the picture or the model cannot be used.
        QueueFull: too many wait.
    """
    key = _key(source, model, mistake, padded, edit)
    if (seen := OBSERVED.get(key)) is None:
        QUEUE.submit(key, lambda report: _work(key, source, model, mistake, padded, edit), session)
        progress = QUEUE.wait(key)
        seen = OBSERVED.get(key)
        if seen is None:
            raise RunFailed(progress.error if progress else "The run is gone; reload the page.")
    return seen


def _key(source, model, mistake="", padded=False, edit=None) -> str:
    return f"walk|{key_of(source, model)}|{mistake}|{padded}|{edit}"


def _work(key, source, choice, mistake, padded, edit) -> None:
    right = OBSERVED.get(_key(source, choice)) if edit is not None else None
    if right is not None:
        _keep(key, go_on(right.observation, edit), right.frame)
        return
    model = load_model(choice.path, choice.stamp)
    if not isinstance(getattr(model, "config", None), DeformableDETRConfig):
        raise ValueError("The equations follow Deformable DETR; choose such a model.")
    picture = read_picture(source.read())
    pixels, frame = preprocess(picture, model.config)
    parameter = next(model.parameters())
    images = [pixels.to(parameter.device, parameter.dtype)]
    if padded:
        height, width = (
            round(side * (1 + share)) for side, share in zip(pixels.shape[1:], SHARE, strict=True)
        )
        images.append(images[0].new_zeros(3, height, width))
        frame = replace(frame, padded_hw=(height, width))
    version = model
    if mistake:
        version = broken(model, mistake)
    elif edit is not None:
        version = edited(model, edit)
    _keep(key, observe(version, images), frame)


def _keep(key: str, observation: Observation, frame: ImageFrame) -> None:
    one = observation.output.image(0).map(lambda tensor: tensor.cpu())
    found = postprocess(
        one, frame.original_hw, top=30, class_names=observation.model.config.class_names
    )
    OBSERVED.put(key, Seen(observation, frame, found), _bytes_of(observation))


def _bytes_of(observation: Observation) -> int:
    tensors = [
        tensor
        for inputs in observation.attention.values()
        for tensor in (inputs.query, inputs.value_input)
    ]
    tensors += [
        result for result in observation.results.values() if isinstance(result, torch.Tensor)
    ]
    traces = [
        getattr(trace, name)
        for trace in observation.traces.values()
        for name in ("value", "sampling_locations", "attention_weights")
        if getattr(trace, name, None) is not None
    ]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors + traces)


def lesson(subject: Subject, source: Source, model: ModelChoice, session: str) -> Lesson:
    """The derivation somebody asked for. Raises RunFailed or QueueFull."""
    if not subject.can_break:  # what was broken elsewhere stays there
        subject = replace(subject, mistake="")
    if not subject.needs_picture:
        with _ONE_AT_A_TIME:
            return _toy_lesson(subject) if subject.is_toy else _lesson_without_picture(subject)
    if subject.derivation == "dat":
        with _ONE_AT_A_TIME:
            return _dat_lesson(subject, source)
    padded = bool(subject.mistake) and MISTAKES[subject.mistake].needs_padding
    right = look(source, model, session, padded=padded)
    layers = tuple(attention_layers(right.observation.model))
    subject = settle(subject, right, layers)
    changed, edit = None, edit_of(subject)
    if subject.mistake:
        changed = look(source, model, session, mistake=subject.mistake, padded=padded)
    elif not edit.changes_nothing:
        changed = look(source, model, session, edit=edit)
    seen = changed or right
    with _ONE_AT_A_TIME:
        derivation = _derive(subject, seen.observation, right.observation.module(subject.layer))
    module = seen.observation.module(subject.layer)
    return Lesson(
        subject,
        derivation,
        _sight(
            seen, subject, "Broken" if subject.mistake else "Changed" if changed else "This query"
        ),
        _sight(right, subject, "Right" if subject.mistake else "As it was") if changed else None,
        layers,
        right.observation.attention[subject.layer].query.shape[1],
        (module.heads, module.levels, module.points),
        _reranked(subject, right.observation, changed.observation) if changed else "",
    )


def _reranked(subject: Subject, right: Observation, changed: Observation) -> str:
    """One sentence where a decoder query stands for another proposal than before."""
    if right.output.proposals is None or not subject.layer.startswith("decoder"):
        return ""
    before, now = tokens_of(right), tokens_of(changed)
    token = before[subject.query]
    if now[subject.query] == token:
        return ""
    place = (now == token).nonzero().flatten().tolist()
    found = f"is query {place[0]} now" if place else "is not among the queries any more"
    return (
        f"The encoder ranks its proposals differently now, so query {subject.query} follows "
        f"different proposals on the two sides; the one it had {found}."
    )


def settle(subject: Subject, seen: Seen, layers: tuple[str, ...]) -> Subject:
    """The subject with a layer that exists and indices inside it."""
    needs_decoder = subject.derivation in ("decoder", "proposals", "multi_head")
    layer = subject.layer if subject.layer in layers else layers[-1]
    if needs_decoder and not layer.startswith("decoder"):
        layer = layers[-1]
    derivation = subject.derivation
    if derivation == "proposals" and seen.observation.output.proposals is None:
        derivation = "decoder"
    module = seen.observation.module(layer)
    query = subject.query
    count = seen.observation.attention[layer].query.shape[1]
    if query is None:
        query = _first_query(seen, layer)
    return replace(
        subject,
        layer=layer,
        derivation=derivation,
        query=min(query, count - 1),
        head=min(subject.head, module.heads - 1),
        level=min(subject.level, module.levels - 1),
        point=min(subject.point, module.points - 1),
    )


def _first_query(seen: Seen, layer: str) -> int:
    """The query of the best detection; of the encoder, the token nearest its middle."""
    best = int(seen.detections.queries[0])
    if layer.startswith("decoder"):
        return best
    middle = seen.observation.output.boxes_cxcywh[0, best, :2]
    references = seen.observation.traces[layer].references[0, :, 0, :2]
    return int((references - middle).norm(dim=-1).argmin())


def _derive(
    subject: Subject, seen: Observation, right: MultiScaleDeformableAttention
) -> Derivation:
    """`right` is the layer as it is, without a mistake and before an edit."""
    query, layer = subject.query, subject.layer
    sample = (query, subject.head, subject.level, subject.point)
    number = int(layer.split(".")[1])
    if subject.derivation == "multi_scale":
        edit = edit_of(subject)
        module = seen.module(layer) if edit.changes_nothing else asked_alone(right, edit)
        return multi_scale(module, seen.attention[layer], query)
    if subject.derivation == "single_scale":
        return single_scale(seen.module(layer), seen.attention[layer], query, subject.level)
    if subject.derivation == "bilinear":
        return bilinear(seen.traces[layer].image(0), *sample)
    if subject.derivation == "gradients":
        loss = score_of(query) if layer.startswith("decoder") else best_score
        return gradients(layer_gradients(seen.model, seen.images, layer, loss), *sample)
    if subject.derivation == "decoder":
        return decoder(seen, number, query)
    if subject.derivation == "proposals":
        return proposals(seen, query)
    queries = seen.traces[f"{layer}.self"].query
    module = seen.model.transformer.decoder.layers[number].self_attn
    return multi_head(module, queries, queries, seen.decoder.layer_contents[number], query)


def _sight(seen: Seen, subject: Subject, title: str) -> Sight:
    trace = seen.observation.traces[subject.layer].image(0).map(lambda tensor: tensor.cpu())
    output = seen.observation.output.image(0).map(lambda tensor: tensor.cpu())
    return Sight(trace, seen.frame, seen.detections, output, title)


@torch.no_grad()
def _toy_lesson(subject: Subject) -> Lesson:
    inputs, right = toy_inputs(), toy_module()
    subject = replace(
        subject,
        query=0,
        head=min(subject.head, 1),
        level=min(subject.level, 1),
        point=min(subject.point, 1),
        layer="toy",
    )
    edit, module = edit_of(subject), right
    if subject.mistake == "forget_valid_ratios":
        inputs = replace(inputs, references=torch.full_like(inputs.references, 0.5))
    elif subject.mistake:
        module = broken_module(right, **_formula_of(subject.mistake))
    elif not edit.changes_nothing:
        module = broken_module(right)
        edit_module(module, edit)
    changed = bool(subject.mistake) or module is not right
    trace = _toy_trace(module, inputs)
    if subject.derivation == "bilinear":
        derivation = bilinear(trace, 0, subject.head, subject.level, subject.point)
    elif subject.derivation == "single_scale":
        derivation = single_scale(module, inputs, 0, subject.level)
    else:
        derivation = multi_scale(module, inputs, 0)
    frame = ImageFrame((48, 48), (48, 48), (48, 64))
    before = Sight(_toy_trace(right, toy_inputs()), frame, None, None, "Right")
    title = "Broken" if subject.mistake else "Changed" if changed else "The toy"
    return Lesson(
        subject,
        derivation,
        Sight(trace, frame, None, None, title),
        before if changed else None,
        ("toy",),
        1,
        (2, 2, 2),
    )


def _formula_of(mistake: str) -> dict[str, Any]:
    function = MISTAKES[mistake].formula
    place = {"weights_per_level": "normalise_weights", "keep_padding": "mask_value"}
    return {place.get(function.__name__, "sampling_locations"): function}


def _toy_trace(module, inputs) -> AttentionTrace:
    _, trace = module(
        inputs.query,
        inputs.references,
        inputs.value_input,
        inputs.spatial_shapes,
        inputs.padding_mask,
    )
    return trace.image(0)


@torch.no_grad()
def _dat_lesson(subject: Subject, source: Source) -> Lesson:
    """The last deformed grid of the shipped DAT on the picture; knots stand for samples."""
    model = load_model(DAT_MODEL, 0)
    pixels, frame = preprocess(read_picture(source.read()), model.config)
    side, parameter = model.config.long_side, next(model.parameters())
    batch = pad_to_square(pixels, side)[None].to(parameter.device, parameter.dtype)
    seen = observe_grids(model, batch)
    layer = model.trace_names[-1]
    trace = seen.traces[layer].image(0).map(lambda tensor: tensor.cpu())
    height, width = trace.query_hw
    count = height * width
    middle = height // 2 * width + width // 2
    query = min(middle if subject.query is None else subject.query, count - 1)
    heads, knots = trace.attention_weights.shape[0], trace.positions.shape[1]
    subject = replace(
        subject,
        query=query,
        layer=layer,
        head=min(subject.head, heads - 1),
        level=0,
        point=min(subject.point, knots - 1),
    )
    sight = Sight(
        _as_samples(trace),
        framed_in_square(frame, side),
        None,
        None,
        "All queries of a group share these knots",
    )
    return Lesson(
        subject,
        dat(seen.module(layer), seen.features[layer], query),
        sight,
        None,
        (layer,),
        count,
        (heads, 1, knots),
    )


def _as_samples(trace: GridTrace) -> AttentionTrace:
    """A deformed grid as places and weights of every query: what a picture of samples needs."""
    hw, heads = trace.query_hw, trace.attention_weights.shape[0]
    groups = torch.tensor([trace.group_of(head) for head in range(heads)])
    knots = grid_to_normalised(trace.positions, hw, align_corners=trace.align_corners)[groups]
    start = grid_to_normalised(trace.reference_grid, hw, align_corners=trace.align_corners)[groups]
    count = hw[0] * hw[1]
    each = (count, heads, 1, knots.shape[1], 2)
    return AttentionTrace(
        spatial_shapes=torch.tensor([hw]),
        sampling_offsets=(knots - start)[:, None].expand(each),
        sampling_locations=knots[:, None].expand(each),
        attention_weights=trace.attention_weights.movedim(1, 0)[:, :, None],
        reference_points=torch.from_numpy(cell_centres(hw)).to(knots)[:, None],
    )


def _lesson_without_picture(subject: Subject) -> Lesson:
    if subject.derivation == "convolutions":
        return Lesson(subject, convolutions(), None, None)
    if subject.derivation == "complexity":
        sizes, hw = subject.sizes, subject.sizes.map_hw
        pixels = pixels_of(sizes.side, sizes.levels)
        letters = AttentionSizes(
            sizes.queries or pixels, pixels, sizes.channels, sizes.heads, sizes.points, sizes.levels
        )
        return Lesson(subject, complexity(letters, hw), None, None)
    raise AssertionError(f"{subject.derivation} needs a picture")
