"""One picture in, its rows and sums out: the only place of a survey where a model runs."""

from __future__ import annotations

import importlib
import logging
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from deformviz.schema import AttentionTrace, Trace
from deformviz.survey.matching import Match, match
from deformviz.survey.pictures import Objects, Picture, SurveyError
from deformviz.survey.rows import detection_rows, layer_rows
from deformviz.survey.samples import (
    LayerOfQueries,
    detected_boxes,
    layer_of_queries,
    objects_of_queries,
    to_padded,
    together,
)
from deformviz.survey.settings import Settings
from deformviz.survey.sums import ALL, SIZES, LayerSums, size_class
from deformviz.survey.tally import Tally

log = logging.getLogger(__name__)
# A picture, the names of the layers to trace (None: all), whether to prove them, to its Trace.
Run = Callable[[Any, tuple[str, ...] | None, bool], Trace]


@dataclass(eq=False)
class Measured:
    """What pictures add to a study."""

    pictures: list[dict] = field(default_factory=list)
    layers: list[dict] = field(default_factory=list)  # blocks of columns, of a layer or several
    detections: list[dict] = field(default_factory=list)
    sums: dict[str, LayerSums] = field(default_factory=dict)


def open_model(name: str) -> Any:
    """Whatever somebody named as a model.

    Args:
        name: what `dv.load` takes, or "module:factory": a function without arguments that
            returns a model `dv.run` can run, or itself a function from a picture to a Trace.

    Raises:
        SurveyError: the entry point does not exist.
    """
    module, _, factory = name.partition(":")
    if not factory or module == "hf" or not module.replace(".", "").isidentifier():
        from deformviz.checkpoints.load import load

        return load(name)
    try:
        return getattr(importlib.import_module(module), factory)()
    except (ImportError, AttributeError) as problem:
        raise SurveyError(
            f"{name} is no entry point: {problem}. Write module:function, importable here."
        ) from None


def runner_of(model: Any, layers: tuple[str, ...] = ()) -> Run:
    """How to get a Trace of a picture: by `model`, if it is a function from one to the other,
    else by `dv.run` with it."""
    if callable(model) and not hasattr(model, "parameters"):
        function = cast(Callable[[Any], Trace], model)
        return lambda picture, wanted, prove: function(picture)
    from deformviz.tracing.run import run

    return lambda picture, wanted, prove: run(model, picture, layers=layers or wanted, prove=prove)


def gains_of(model: Any) -> dict[str, list[float]]:
    """What each head can pass on, as a share of the layer's mean head: layer -> [head].

    Empty where the model's heads cannot be taken apart.
    """
    if not hasattr(model, "parameters"):
        return {}
    from deformviz.analysis.weights import head_gains

    return {name: gains.tolist() for name, gains in head_gains(model).items()}


class Operator:
    """Measures pictures one after another; holds a model and nothing of any picture.

    The first picture of every part is proven by replay, as `dv.run` does it.
    """

    def __init__(self, run: Run, settings: Settings):
        self._run, self._settings = run, settings
        self._wanted: tuple[str, ...] | None = None  # layers worth tracing, once known

    def measure(self, number: int, picture: Picture, into: Measured) -> None:
        """Add one picture; one that cannot be read is listed with its reason, and skipped."""
        row = {"picture": number, "name": picture.name, "path": picture.path, "problem": ""}
        try:
            image, objects = picture.read()
            trace = self._run(image, self._wanted, number % self._settings.per_part == 0)
        except (OSError, ValueError) as problem:
            reason = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
            _skip(row, reason, into)
            return
        _check_proofs(trace)
        layers = self._layers(picture, trace, objects)
        tallies = [Tally(alike) for alike in together(layers)]
        broken = next((tally.broken for tally in tallies if tally.broken), "")
        if broken:
            _skip(row, f"{broken} holds numbers that are not finite.", into)
            return
        decoder = [layer for layer in layers if is_decoder(layer)]
        last = decoder[-1] if decoder else None
        self._add(number, tallies, last, trace, objects, into, row)

    def _layers(self, picture, trace: Trace, objects: Objects | None) -> list[LayerOfQueries]:
        """What every layer did for the queries that are asked about."""
        settings = self._settings
        by_query = detected_boxes(trace.detections, trace.frame, settings.least_score)
        known = (
            to_padded(objects.boxes_xyxy_px, trace.frame)
            if objects
            else np.array(list(by_query.values())).reshape(-1, 4)
        )
        if settings.queries == "detections" and self._wanted is None:
            self._wanted = tuple(name for name in trace.layers if name.startswith("decoder"))
        found = []
        for name, record in trace.layers.items():
            if not isinstance(record, AttentionTrace):
                continue
            decoder = name.startswith("decoder")
            chosen = self._queries(picture, name, len(record.sampling_locations), by_query, decoder)
            if len(chosen):
                boxed = record.references.shape[-1] == 4  # then queries say themselves where
                of_decoder = by_query if decoder else None
                boxes = None if boxed else objects_of_queries(record, chosen, of_decoder, known)
                found.append(layer_of_queries(name, record, chosen, boxes))
        return found

    def _add(self, number, tallies, last, trace: Trace, objects, into, row) -> None:
        height, width = trace.frame.original_hw
        found = _detections(trace, self._settings.least_score)
        matches = _matches(found, objects)
        for tally in tallies:
            into.layers.append(layer_rows(number, tally))
            groups = _groups(tally.layer, found, matches, trace)
            for sums in _sums_of(into.sums, tally.layer):
                sums.add(tally, groups)
        into.detections += detection_rows(number, found, matches, last)
        into.pictures.append(
            row
            | {
                "height": height,
                "width": width,
                "detections": len(found),
                "objects": -1 if objects is None else len(objects.names),
            }
        )

    def _queries(self, picture, layer: str, count: int, by_query: Mapping, decoder: bool):
        """Which queries are measured; a draw depends on seed, picture and layer alone."""
        settings = self._settings
        if settings.queries == "detections":
            return np.array(sorted(by_query), int) if decoder else np.zeros(0, int)
        if settings.sampled and settings.sampled < count:
            seed = [
                settings.seed,
                *(
                    zlib.crc32(text.encode("utf-8", "surrogateescape"))
                    for text in (picture.name, layer)
                ),
            ]
            drawn = np.random.default_rng(seed).choice(count, settings.sampled, replace=False)
            return np.sort(drawn)
        return np.arange(count)


def _skip(row: dict, reason: str, into: Measured) -> None:
    """List a picture that is not measured."""
    log.info("skipped %s: %s", row["name"], reason)
    into.pictures.append(row | {"problem": reason, "detections": 0, "objects": -1})


def _check_proofs(trace: Trace) -> None:
    """Raises SurveyError where a layer's trace is not what the model did: the study is stopped."""
    for proof in (trace.proofs or {}).values():
        if not proof.agrees:
            raise SurveyError(
                f"{proof.layer} does not agree with its replay (difference {proof.difference:.0e}, "
                f"allowed {proof.tolerance:.0e}), so nothing is counted. "
                "`deformviz verify` says more."
            )


def is_decoder(layer: LayerOfQueries) -> bool:
    """Whether its queries are those that detect."""
    return layer.names[0].startswith("decoder")


def _sums_of(sums: dict[str, LayerSums], layer: LayerOfQueries) -> list[LayerSums]:
    """The sums of each layer that was measured together; begun where there are none yet."""
    for name in layer.names:
        if name not in sums:
            sums[name] = LayerSums(name, layer.boxed, layer.heads, layer.points)
    return [sums[name] for name in layer.names]


def _detections(trace: Trace, least: float) -> list[dict]:
    """Detections above a score, best first, with plain numbers."""
    found = trace.detections
    if found is None:
        return []
    numbers = (found.queries, found.scores, found.boxes_xyxy_px)
    return [
        {"query": int(query), "class": found.name(i), "score": score, "box_xyxy_px": box}
        for i, (query, score, box) in enumerate(
            zip(*(part.tolist() for part in numbers), strict=True)
        )
        if score >= least
    ]


def _matches(found: list[dict], objects: Objects | None) -> list[Match] | None:
    if objects is None:
        return None
    boxes = np.array([one["box_xyxy_px"] for one in found]).reshape(-1, 4)
    return match(boxes, [one["class"] for one in found], objects.boxes_xyxy_px, objects.names)


def _groups(layer: LayerOfQueries, found, matches, trace: Trace) -> dict[str, np.ndarray]:
    """Which queries belong to what: all; by size, class and rightness of their object."""
    groups = {ALL: np.ones(len(layer.queries), bool)}
    if not is_decoder(layer):
        sides = np.sqrt(_areas_px(layer.boxes_xyxy[:, 0], trace))
        for name, (low, high) in SIZES.items():
            groups[f"size {name}"] = (sides >= low) & (sides < high)
        return groups
    first: dict[int, int] = {}
    for place, one in enumerate(found):
        first.setdefault(one["query"], place)
    for index, query in enumerate(layer.queries):
        if int(query) not in first:
            continue
        place = first[int(query)]
        x0, y0, x1, y1 = found[place]["box_xyxy_px"]
        side = float(np.sqrt(max(x1 - x0, 0) * max(y1 - y0, 0)))
        names = [f"size {size_class(side)}", f"class {found[place]['class']}"]
        if matches is not None:
            names.append("right" if matches[place].right else "wrong")
        for name in names:
            groups.setdefault(name, np.zeros(len(layer.queries), bool))[index] = True
    return groups


def _areas_px(boxes_xyxy: np.ndarray, trace: Trace) -> np.ndarray:
    """Areas of boxes on the padded picture, in pixels of the original one."""
    frame = trace.frame
    scale = np.prod(
        [
            padded * original / resized
            for padded, original, resized in zip(
                frame.padded_hw, frame.original_hw, frame.resized_hw, strict=True
            )
        ]
    )
    return np.clip(boxes_xyxy[:, 2:] - boxes_xyxy[:, :2], 0, None).prod(-1) * scale
