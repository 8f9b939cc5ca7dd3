"""What went into every layer of a detector, so that a layer can be followed by hand.

A private copy of the model runs (its tensors are shared, its modules are not): nothing that other
people use at the same time is touched, and no hook stays behind.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from deformviz.attention.deformable import MultiScaleDeformableAttention
from deformviz.models.decoder import Memory
from deformviz.models.deformable_detr import DeformableDETR
from deformviz.models.parts import attention_layers, attention_of, private_copy
from deformviz.models.watch import OnLayer
from deformviz.schema import DetectorOutput


@dataclass(frozen=True)
class AttentionInputs:
    """The arguments of one deformable attention layer, batched."""

    query: Tensor  # [batch query embedding], position added
    references: Tensor  # [batch query level xy|cxcywh]
    value_input: Tensor  # [batch pixel embedding]
    spatial_shapes: Any  # [(H_l, W_l)]
    padding_mask: Tensor | None  # [batch pixel], True = padding

    def of_query(self, index: int) -> "AttentionInputs":
        """The same layer asked by one query of the first image only."""
        return replace(
            self,
            query=self.query[:1, index : index + 1],
            references=self.references[:1, index : index + 1],
            value_input=self.value_input[:1],
            padding_mask=None if self.padding_mask is None else self.padding_mask[:1],
        )


@dataclass(frozen=True)
class DecoderInputs:
    """What the decoder started from."""

    content: Tensor  # [batch query channel]
    position: Tensor | None  # [batch query channel]; None: made from the references
    references: Tensor  # [batch query xy|cxcywh], of the un-padded picture
    memory: Memory
    layer_contents: tuple[Tensor, ...]  # what each layer reads [batch query channel]
    layer_references: tuple[Tensor, ...]  # where each starts from [batch query xy|cxcywh]


@dataclass(frozen=True)
class Observation:
    """One forward pass, with what went into each of its layers."""

    model: DeformableDETR
    images: tuple[Tensor, ...]
    output: DetectorOutput
    traces: Mapping[str, Any]
    attention: Mapping[str, AttentionInputs]  # "encoder.0", .. "decoder.0", ..
    decoder: DecoderInputs
    results: Mapping[str, Any]  # what each part of `parts_of` returned

    def layer_output(self, layer: int) -> DetectorOutput:
        """What the model says after a decoder layer, counted from 0."""
        return (*self.output.auxiliary, self.output)[layer]

    def references_before(self, layer: int) -> Tensor:
        """References a decoder layer starts from, of the un-padded picture."""
        return self.decoder.layer_references[layer]

    def module(self, layer: str) -> MultiScaleDeformableAttention:
        """The deformable attention of a layer by its short name."""
        return attention_of(self.model, layer)


def parts_of(model: DeformableDETR) -> dict[str, tuple[str, ...]]:
    """Submodules that make up each stage of a forward pass, by their names in the model."""
    backbone = ("backbone.0.body", *(f"input_proj.{i}" for i in range(len(model.input_proj))))
    layers = {
        stage: (f"transformer.{stage.replace('.', '.layers.')}",)
        for stage in model.stages
        if stage != "backbone"
    }
    return {"backbone": backbone} | layers


@torch.no_grad()
def observe(
    model: DeformableDETR,
    images: Sequence[Tensor],
    *,
    known: Observation | None = None,
    start: str = "backbone",
    on_layer: OnLayer | None = None,
) -> Observation:
    """Run a detector on normalised images [3 H W] and keep what went into its layers.

    Args:
        known: an earlier pass on the same images, by a model that is the same up to `start`.
            What it found before that stage is taken over and not computed again.
        start: "backbone", "encoder.0", .. "decoder.0", ..
        on_layer: called as (name, index, count) before each stage; may raise to cancel.
    """
    watched = private_copy(model)
    stages = parts_of(model)
    attention: dict[str, AttentionInputs] = {}
    for stage in list(stages)[: list(stages).index(start)]:
        if known is None:
            break
        for name in stages[stage]:
            watched.get_submodule(name).forward = _saying(known.results[name])
        if stage != "backbone":
            attention[stage] = known.attention[stage]
    decoder: list[Any] = []
    contents: list[Tensor] = []
    results: dict[str, Any] = {}
    _watch_attention(watched, attention)
    starts = _watch_references(watched)
    watched.transformer.decoder.register_forward_pre_hook(
        lambda module, arguments: decoder.extend(arguments[:4])
    )
    for layer in watched.transformer.decoder.layers:
        layer.register_forward_pre_hook(lambda module, arguments: contents.append(arguments[0]))
    for name in chain(*stages.values()):
        watched.get_submodule(name).register_forward_hook(_keeping(results, name))
    output, traces = watched(list(images), on_layer=on_layer)
    content, position, references, memory = decoder
    return Observation(
        model,
        tuple(images),
        output,
        traces,
        attention,
        DecoderInputs(content, position, references, memory, tuple(contents), tuple(starts)),
        results,
    )


def _watch_references(watched: DeformableDETR) -> list[Tensor]:
    """The references that each decoder layer will have started from."""
    starts: list[Tensor] = []
    decoder = watched.transformer.decoder
    place = decoder.place

    def remember(index, content, position, references, memory):
        starts.append(references)
        return place(index, content, position, references, memory)

    vars(decoder)["place"] = remember
    return starts


def _watch_attention(watched: DeformableDETR, attention: dict[str, AttentionInputs]) -> None:
    def keep(layer):
        def hook(module, arguments, keywords):
            attention[layer] = AttentionInputs(*arguments)

        return hook

    for layer, module in attention_layers(watched).items():
        module.register_forward_pre_hook(keep(layer), with_kwargs=True)


def _saying(result: Any) -> Callable[..., Any]:
    """A forward that knows its answer."""
    return lambda *arguments, **keywords: result


def _keeping(results: dict[str, Any], name: str) -> Callable[..., None]:
    def hook(module, arguments, result):
        results[name] = result

    return hook
