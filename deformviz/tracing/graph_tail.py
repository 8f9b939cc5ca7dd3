"""The decoder from one layer on as a graph of its own: what if that layer had read elsewhere?

The main graph tells what every decoder layer was given. A tail takes that, and sampling locations
and weights for its first layer, which whoever asks may have changed, and says what the model says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from deformviz.geometry import shapes_list
from deformviz.models.decoder import DeformableDecoder, Memory
from deformviz.models.parts import attention_of, private_copy
from deformviz.models.watch import LayerWatch

MEMORY, POSITION = "memory", "position"
CHANGED = ("sampling_locations", "attention_weights")
TRACED = (*CHANGED, "reference_points", "reference_boxes", "value")


def can_go_on(model: Any) -> bool:
    """Whether a decoder's layers do the same wherever they stand, so that one can be the first."""
    decoder = getattr(getattr(model, "transformer", None), "decoder", None)
    return isinstance(decoder, DeformableDecoder) and not hasattr(decoder, "query_scale")


def keep_decoder(model: Any, kept: dict[str, Tensor]) -> None:
    """Let a private copy of a model write down what its decoder and each layer of it are given."""
    decoder = model.transformer.decoder
    place = decoder.place

    def given(module: nn.Module, arguments: tuple[Any, ...]) -> None:
        _, position, _, memory = arguments[:4]
        kept[MEMORY] = memory.tokens
        if position is not None:
            kept[POSITION] = position

    def placed(index: int, content: Tensor, position: Any, references: Tensor, memory: Memory):
        kept[f"decoder.{index}/content"] = content
        kept[f"decoder.{index}/from"] = references
        return place(index, content, position, references, memory)

    decoder.register_forward_pre_hook(given)
    vars(decoder)["place"] = placed


class Tail(nn.Module):
    """The decoder of a model from `layer` on, whose first samples and weights are handed in."""

    def __init__(self, model: Any, layer: str, spatial_shapes: Any):
        super().__init__()
        self.layer, self.index = layer, int(layer.partition(".")[2])
        self.shapes = shapes_list(spatial_shapes)
        copied = private_copy(model)
        self.attention = (attention_of(copied, layer),)  # it is registered in the decoder already
        self.decoder = copied.transformer.decoder
        count = len(self.decoder.layers)
        self.decoder.layers = self.decoder.layers[self.index :]
        self.classes = copied.class_embed[count - 1]
        self.boxes = copied.bbox_embed[self.index : count]

    def inputs(self, outputs: Mapping[str, Tensor]) -> list[str]:
        """Which outputs of the main graph it takes, in order."""
        mine = [f"{self.layer}/{name}" for name in ("content", "from", *CHANGED)]
        return [MEMORY, *mine, *([POSITION] if POSITION in outputs else [])]

    def named(
        self,
        memory: Tensor,
        content: Tensor,
        references: Tensor,
        locations: Tensor,
        weights: Tensor,
        *position: Tensor,
    ) -> dict[str, Tensor]:
        """What the model says then, by the names of the main graph; nothing has a batch axis."""
        (attention,) = self.attention
        attention.formulas = replace(
            attention.formulas,
            sampling_locations=lambda *_: locations[None],
            normalise_weights=lambda *_: weights[None],
        )
        names = [f"decoder.{index}" for index in range(len(self.decoder.layers))]
        watch = LayerWatch(names, names, True, None)
        ratios = memory.new_ones(1, len(self.shapes), 2)
        steps = self.decoder(
            content[None],
            position[0][None] if position else None,
            references[None],
            Memory(memory[None], self.shapes, None, ratios),
            self.boxes,
            watch,
        )
        said, boxes = steps[-1]
        found = {"logits": self.classes(said)[0], "boxes_cxcywh": boxes[0]}
        for index, name in enumerate(names[1:], start=self.index + 1):
            record = watch.traces[name]
            for array in TRACED:
                if (value := getattr(record, array)) is not None:
                    found[f"decoder.{index}/{array}"] = value[0]
        return found

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.named(*given).values())
