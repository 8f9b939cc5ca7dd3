"""Forward passes of a detector on a picture, right, broken or edited; the last ones stay.

An edit goes on from the right pass, so that a slider costs only the layers behind it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from cachetools import LRUCache
from torch import Tensor, nn

from deformviz.models.deformable_detr import DeformableDETR
from deformviz.models.postprocess import postprocess
from deformviz.models.preprocess import preprocess
from deformviz.models.watch import OnLayer
from deformviz.schema import Detections, ImageFrame
from deformviz.walkthrough.breaking import broken
from deformviz.walkthrough.mistakes import MISTAKES
from deformviz.walkthrough.observe import Observation, observe
from deformviz.walkthrough.padded import beside_a_larger
from deformviz.walkthrough.what_if import Edit, edited, go_on

MEBIBYTE = 2**20
BUDGET_BYTES = 384 * MEBIBYTE
MOST_DETECTIONS = 30


@dataclass(frozen=True)
class Pass:
    """What one version of a model saw."""

    observation: Observation
    frame: ImageFrame
    detections: Detections


def kept_passes(budget_bytes: int = BUDGET_BYTES) -> LRUCache:
    """Room for passes; one that alone is larger is still kept."""

    def size(seen: Any) -> int:
        return min(_bytes_of(seen), budget_bytes)

    return LRUCache(budget_bytes, getsizeof=size)


@dataclass(frozen=True)
class Material:
    """A picture and a model that may be followed, loaded once they are needed.

    Args:
        key: names picture and model together; their passes are kept under it.
        model: the chosen model.
        picture: HWC uint8 RGB.
        load: a shipped model by its name, for derivations with one of their own.
        passes: where passes are kept, see `kept_passes`.
        on_layer: called as (name, index, count) before each stage; may raise to cancel.
    """

    key: str
    model: Callable[[], nn.Module]
    picture: Callable[[], np.ndarray]
    load: Callable[[str], nn.Module]
    passes: LRUCache = field(default_factory=kept_passes)
    on_layer: OnLayer | None = None

    def look(self, *, mistake: str = "", padded: bool = False, edit: Edit | None = None) -> Pass:
        """A forward pass, kept or new.

        Raises:
            ValueError: the chosen model is no detector with deformable attention.
        """
        key = (self.key, mistake, padded, edit)
        if key not in self.passes:
            self.passes[key] = self._run(mistake, padded, edit)
        return self.passes[key]

    def _run(self, mistake: str, padded: bool, edit: Edit | None) -> Pass:
        right = self.passes.get((self.key, "", False, None))
        if edit is not None and right is not None:
            return _told(go_on(right.observation, edit, self.on_layer), right.frame)
        model = self.model()
        if not isinstance(model, DeformableDETR):
            raise ValueError(
                "The equations follow detectors of the DETR family; choose such a model."
            )
        pixels, frame = preprocess(self.picture(), model.config)
        parameter = next(model.parameters())
        images = [pixels.to(parameter.device, parameter.dtype)]
        if padded:
            images, frame = beside_a_larger(images[0], frame)
        if mistake:
            model = broken(model, MISTAKES[mistake])
        elif edit is not None:
            model = edited(model, edit)
        return _told(observe(model, images, on_layer=self.on_layer), frame)


def _told(observation: Observation, frame: ImageFrame) -> Pass:
    names = observation.model.config.class_names
    one = observation.output.image(0).map(lambda tensor: tensor.cpu())
    found = postprocess(one, frame.original_hw, top=MOST_DETECTIONS, class_names=names)
    return Pass(observation, frame, found)


def _bytes_of(seen: Any) -> int:
    if not isinstance(seen, Pass):  # of dense attention: one map, few layers
        return sum(
            record.attention_weights.numel() * record.attention_weights.element_size()
            for record in seen.trace.layers.values()
        )
    observation = seen.observation
    tensors = [
        tensor
        for inputs in observation.attention.values()
        for tensor in (inputs.query, inputs.value_input)
    ]
    tensors += [result for result in observation.results.values() if isinstance(result, Tensor)]
    tensors += [
        getattr(trace, name)
        for trace in observation.traces.values()
        for name in ("value", "sampling_locations", "attention_weights")
        if getattr(trace, name, None) is not None
    ]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
