"""What is to be explained, and the pass it is explained in: one picture, held still.

While one layer is asked what its points are worth, everything before it stays as it was. Queries
keep the boxes they started from, so that "this detection" means the same query throughout.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from deformviz.analysis.attribution_records import QUANTITIES
from deformviz.geometry import cxcywh_to_xyxy, normalised_to_original
from deformviz.models.decoder import Memory
from deformviz.models.deformable_detr import DeformableDETR
from deformviz.models.parts import attention_layers, attention_of, private_copy
from deformviz.models.preprocess import preprocess
from deformviz.models.stand_ins import Known, frozen_copy
from deformviz.schema import AttentionTrace, DetectorOutput, ImageFrame
from deformviz.tracing.proven import Proof
from deformviz.tracing.proving import proving

PROJECTIONS = ("value_proj", "sampling_offsets", "attention_weights")  # of what a layer reads
SIDES = ("left", "top", "right", "bottom")


@dataclass(frozen=True)
class Way:
    """How one quantity of a layer enters the answer, and the path it is followed along."""

    inputs: Tensor  # [1 ..], what it is
    baseline: Tensor  # [1 ..], where the path begins
    answer: Callable[[Tensor], Any]  # of such inputs [batch ..]
    per_sample: Callable[[Tensor], Tensor]  # like inputs -> [query head level point]


class Rest(Protocol):
    """What follows one layer's part of a held pass, computed again as often as asked."""

    def way(self, quantity: str) -> Way:
        """The path of one of QUANTITIES; the first is a gate per sample, 1 leaves, 0 deletes."""
        ...


class Held(Protocol):
    """One pass over one picture, held still; of a detector here, of a DAT in `attribution_grid`.

    Samples are told by [query head level point], whatever the kind of attention.
    """

    @property
    def model(self) -> nn.Module: ...

    @property
    def output(self) -> Any: ...

    @property
    def frame(self) -> ImageFrame: ...

    @property
    def proofs(self) -> dict[str, Proof]: ...

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers whose samples can be asked."""
        ...

    def weights(self, layer: str) -> Tensor:
        """Attention weights [query head level point]."""
        ...

    def locations_px(self, layer: str) -> Tensor:
        """Where samples lie [query head level point xy], pixel indices of the original picture."""
        ...

    def heads_together(self, layer: str) -> int:
        """How many neighbouring heads sample the same points."""
        ...

    def asked(self, target: Any, layer: str) -> slice:
        """The queries whose samples a target is traced back to."""
        ...

    def rest(self, layer: str) -> Rest:
        """What follows a layer. Raises KeyError if there is no such layer."""
        ...


@dataclass(frozen=True)
class Target:
    """One number of a detector's answer: a class score, or where a side of the box lies.

    Raises:
        ValueError: an unknown side.
    """

    query: int
    label: int
    side: str = ""  # one of SIDES; "": the class score

    @property
    def is_share(self) -> bool:
        """Whether 0 means nothing, so that parts of it can be told in per cent."""
        return not self.side

    def __post_init__(self):
        if self.side and self.side not in SIDES:
            raise ValueError(
                f"side is {self.side!r}; it must be one of {', '.join(SIDES)}, or "
                f"empty for the class score."
            )

    def of(self, output: DetectorOutput) -> Tensor:
        """The number for each image [batch]: a score, or a share of the picture, 0 to 1."""
        if self.side:
            corners = cxcywh_to_xyxy(output.boxes_cxcywh[:, self.query])
            return corners[:, SIDES.index(self.side)]
        return output.logits[:, self.query, self.label].sigmoid()


class _ThroughBoxes(TorchFunctionMode):
    """Lets gradients through where training stops them: between the refinements of a box.

    The answer does depend on those boxes, so an attribution without them would not add up.
    """

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is Tensor.detach:
            return args[0]
        return function(*args, **(kwargs or {}))


@dataclass(frozen=True)
class HeldPass:
    """A detector's pass over one picture, and everything needed to run parts of it again."""

    model: DeformableDETR
    pixels: Tensor  # [colour height width], normalised
    maps: tuple[Tensor, ...]  # projected features, [1 channel height width] each
    memory: Memory  # what the encoder made of them
    start: Tensor | None  # two-stage: logits of the start boxes [1 query cxcywh]
    traces: dict[str, AttentionTrace]  # of the deformable layers, batched
    said: dict[str, Tensor]  # what layers and the projections of their attention gave, batched
    output: DetectorOutput
    frame: ImageFrame
    proofs: dict[str, Proof]  # how well the traces replay

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple(self.traces)

    def weights(self, layer: str) -> Tensor:
        return self.traces[layer].attention_weights[0]

    def locations_px(self, layer: str) -> Tensor:
        return normalised_to_original(self.frame)(self.traces[layer].sampling_locations[0])

    def heads_together(self, layer: str) -> int:
        return 1

    def asked(self, target: Target, layer: str) -> slice:
        """The target's own query in the decoder, all tokens in the encoder."""
        if layer.startswith("decoder"):
            return slice(target.query, target.query + 1)
        return slice(0, len(self.weights(layer)))

    def rest(self, layer: str) -> "Continuation":
        return Continuation(self, layer)


class Continuation:
    """What follows one layer's part of a held pass, computed again as often as asked.

    It works on a private copy; nobody else's model changes. What lies before, and what a layer
    reads that stays as it was, is said at once.
    """

    def __init__(self, held: HeldPass, layer: str):
        """Raises KeyError if the model has no such layer."""
        self._held, self._model = held, frozen_copy(held.model)
        self._module = attention_of(self._model, layer)
        self._right = self._module.formulas
        self._layer, self._in_decoder = layer, layer.startswith("decoder")
        self._say_what_is_known()

    def _say_what_is_known(self) -> None:
        said, transformer = self._held.said, self._model.transformer
        kind, index = self._layer.split(".")
        layers = transformer.decoder.layers if self._in_decoder else transformer.encoder.layers
        for place in range(int(index)):
            layers[place] = Known(said[f"{kind}.{place}"], others=2 if self._in_decoder else 1)
        for part in PROJECTIONS:
            setattr(self._module, part, Known(said[f"{self._layer}.{part}"]))
        if self._in_decoder:  # later layers read the same memory
            for place in range(int(index) + 1, len(layers)):
                value = said[f"decoder.{place}.value_proj"]
                layers[place].cross_attn.value_proj = Known(value)
        else:
            for name in ("token_positions", "token_places"):
                _exchange(transformer, **{name: Known(said[name])})

    def way(self, quantity: str) -> Way:
        right, trace = self._right, self._held.traces[self._layer]
        weights, offsets = trace.attention_weights, trace.sampling_offsets
        there = Known(trace.sampling_locations)

        def answer(formulas: Callable[[Tensor], dict[str, Callable]], **fixed: Callable):
            return lambda given: self.answer(len(given), **fixed, **formulas(given))

        if quantity == QUANTITIES[0]:
            return Way(
                torch.ones_like(weights),
                torch.zeros_like(weights),
                answer(gated(lambda *_: weights), sampling_locations=lambda _, raw, __: there(raw)),
                lambda found: found[0],
            )
        if quantity == QUANTITIES[1]:
            even = torch.full_like(weights, 1 / (weights.shape[-1] * weights.shape[-2]))
            return Way(
                weights,
                even,
                answer(
                    lambda given: {"normalise_weights": lambda *_: given},
                    sampling_locations=lambda _, raw, __: there(raw),
                ),
                lambda found: found[0],
            )
        return Way(
            offsets,
            torch.zeros_like(offsets),
            answer(
                lambda given: {
                    "sampling_locations": lambda references, _, shapes: right.sampling_locations(
                        references, given, shapes
                    )
                },
                normalise_weights=lambda raw, *_: Known(weights)(raw),
            ),
            lambda found: found[0].sum(-1),
        )  # x and y

    def answer(self, count: int, **formulas: Callable) -> DetectorOutput:
        """The answer of `count` copies of the picture with other formulas; gradients flow."""
        held, model = self._held, self._model
        model.backbone[0].set_submodule("body", nn.Identity())
        _exchange(model, project=lambda features: _repeated(held.maps, count))
        if self._in_decoder:
            memory = Memory(
                held.memory.tokens.expand(count, -1, -1),
                held.memory.spatial_shapes,
                None,
                held.memory.valid_ratios.expand(count, -1, -1),
            )
            _exchange(model.transformer, encode=lambda maps, masks, watch: memory)
        self._module.formulas = replace(self._right, **formulas)
        return run_held(model, held, [held.pixels.new_zeros(3, 1, 1)] * count)


def _exchange(module: nn.Module, **methods: Callable) -> None:
    """Let a private copy answer with these in place of its own methods."""
    for name, method in methods.items():
        setattr(module, name, method)


def _repeated(maps: Sequence[Tensor], count: int) -> list[Tensor]:
    """Maps [1 channel height width] as those of a batch."""
    return [level.expand(count, -1, -1, -1) for level in maps]


def gated(normalise_weights: Callable) -> Callable[[Tensor], dict[str, Callable]]:
    """Formulas in which a gate per sample scales what it adds: 1 leaves it, 0 deletes it."""
    return lambda gates: {
        "normalise_weights": lambda raw, *sizes: gates * normalise_weights(raw, *sizes)
    }


@torch.no_grad()
def hold(model: DeformableDETR, picture: np.ndarray) -> HeldPass:
    """Run a detector on an HWC uint8 RGB picture and keep what its parts handed on.

    Raises:
        ValueError: its attention is dense; there are no samples an answer could be traced to.
    """
    if not isinstance(model, DeformableDETR):
        raise ValueError(
            f"Answers are traced back to the samples of deformable attention; "
            f"{type(model).__name__} attends densely and has none."
        )
    parameter = next(model.parameters())
    pixels, frame = preprocess(picture, model.config)
    pixels = pixels.to(parameter.device, parameter.dtype)
    copied = private_copy(model)
    kept: dict[str, Any] = {}
    _keep(copied, "project", kept)
    for name in ("encode", "propose", "token_positions", "token_places"):
        _keep(copied.transformer, name, kept)
    said = _listen(copied)
    with proving(copied) as proofs:
        output, traces = copied([pixels])
    said |= {name: kept[name] for name in ("token_positions", "token_places")}
    return HeldPass(
        model,
        pixels,
        tuple(kept["project"]),
        kept["encode"],
        kept["propose"][1] if "propose" in kept else None,
        {name: trace for name, trace in traces.items() if isinstance(trace, AttentionTrace)},
        said,
        output,
        frame,
        proofs,
    )


def _listen(copied: Any) -> dict[str, Tensor]:
    """A dictionary that fills with what layers and projections of a private copy say."""
    said: dict[str, Tensor] = {}

    def remember(name: str):
        def hook(module, inputs, result):
            said[name] = result if isinstance(result, Tensor) else result[0]

        return hook

    transformer = copied.transformer
    for kind, layers in (
        ("encoder", transformer.encoder.layers),
        ("decoder", transformer.decoder.layers),
    ):
        for index, layer in enumerate(layers):
            layer.register_forward_hook(remember(f"{kind}.{index}"))
    for name, attention in attention_layers(copied).items():
        for part in PROJECTIONS:
            getattr(attention, part).register_forward_hook(remember(f"{name}.{part}"))
    return said


def _keep(module: nn.Module, name: str, kept: dict[str, Any]) -> None:
    """Make a method of a private copy remember what it returned last."""
    right = getattr(module, name)

    def remember(*args):
        kept[name] = right(*args)
        return kept[name]

    setattr(module, name, remember)


def run_held(model: DeformableDETR, held: HeldPass, images: Sequence[Tensor]) -> DetectorOutput:
    """Run a private copy whose queries start from the held boxes."""
    if held.start is not None:
        chosen = held.start.expand(len(images), -1, -1)
        _exchange(model.transformer, propose=lambda *_: (None, chosen))
    with _ThroughBoxes():
        return model(images, traced=False)[0]
