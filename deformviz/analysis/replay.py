"""A recorded training, looked at again: any picture, at any snapshot.

Snapshots of a detector or a DAT are weights, so every picture will do; a recording of another model
keeps the traces of its own probe pictures.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from deformviz.geometry import xyxy_to_cxcywh
from deformviz.models.dat import DAT
from deformviz.models.deformable_detr import DeformableDETR
from deformviz.schema import SHOWN_SCORE, Detections, Trace
from deformviz.tracing.run import run
from deformviz.training.dat import DATRecipe
from deformviz.training.matching import LossWeights, Targets, hungarian
from deformviz.training.recipe import DetectorRecipe
from deformviz.training.run_folder import RunFolder, RunFolderError

FEWEST_OBJECTS = 3  # of a model that is less sure, its best guesses
REBUILT = {"detector": (DetectorRecipe, DeformableDETR), "dat": (DATRecipe, DAT)}  # by run kind


@dataclass(frozen=True)
class FollowedObject:
    """Something the last snapshot found, which a query answers for at every snapshot."""

    label: int
    class_name: str
    score: float
    box_xyxy_px: tuple[float, float, float, float]


class Replay:
    """The model of a recorded training of ours, with the weights of any snapshot."""

    def __init__(self, folder: RunFolder | str | Path):
        """Raises RunFolderError if the folder's recipe does not rebuild a model."""
        self.folder = folder if isinstance(folder, RunFolder) else RunFolder(folder)
        about = self.folder.about()
        if about["kind"] not in REBUILT:
            raise RunFolderError(
                f"{self.folder.path.name} records {about['kind']!r}; only the weights of "
                f"{' or '.join(REBUILT)} can be run on other pictures. Its own probe traces can be "
                "looked at."
            )
        recipe, model = REBUILT[about["kind"]]
        try:
            self.recipe = recipe.from_dict(about["recipe"])
            self._model = model(self.recipe.model).eval()
        except (TypeError, ValueError) as problem:
            raise RunFolderError(
                f"{self.folder.path.name}/run.json describes no model this "
                f"version can build: {problem}"
            ) from None
        self._loaded: int | None = None
        self.lock = threading.Lock()  # held while a snapshot's weights are in use

    def iterations(self) -> list[int]:
        """Iterations of which weights are kept, as of now: a run that goes on has more later."""
        return list(self.folder.snapshots())

    def model_at(self, iteration: int) -> DeformableDETR | DAT:
        """The model with the weights of a snapshot; the same object every time.

        Raises RunFolderError if the snapshot is damaged or of another model.
        """
        if self._loaded != iteration:
            weights = {
                name: tensor.float() if tensor.is_floating_point() else tensor
                for name, tensor in self.folder.load_snapshot(iteration).items()
            }
            try:
                self._model.load_state_dict(weights)
            except RuntimeError:
                raise RunFolderError(
                    f"The snapshot of iteration {iteration} does not fit the model that "
                    f"{self.folder.path.name}/run.json describes."
                ) from None
            self._loaded = iteration
        return self._model

    def trace(self, iteration: int, picture: Any) -> Trace:
        """What the model at a snapshot does to a picture; safe to call from several threads."""
        with self.lock:
            return run(self.model_at(iteration), picture)


def followed_objects(detections: Detections) -> list[FollowedObject]:
    """What the last snapshot found, one entry per query, best first."""
    chosen, queries = [], set()
    for i in range(len(detections)):
        score, query = float(detections.scores[i]), int(detections.queries[i])
        if query in queries or (score < SHOWN_SCORE and len(chosen) >= FEWEST_OBJECTS):
            continue
        queries.add(query)
        left, top, right, bottom = (round(float(e), 2) for e in detections.boxes_xyxy_px[i])
        chosen.append(
            FollowedObject(
                int(detections.labels[i]), detections.name(i), score, (left, top, right, bottom)
            )
        )
    return chosen


def matched_queries(
    trace: Trace, objects: Sequence[FollowedObject], weights: LossWeights | None = None
) -> list[int | None]:
    """Which query answers for each object, by the Hungarian matching that training uses.

    Queries change places between snapshots, so the matching is made anew at each. None where a
    model has fewer queries than there are objects.
    """
    if not objects or trace.output is None:
        return [None] * len(objects)
    height, width = trace.frame.original_hw
    corners = np.array([found.box_xyxy_px for found in objects], np.float32)
    boxes = xyxy_to_cxcywh(corners / [width, height, width, height])
    targets = Targets(
        torch.tensor([found.label for found in objects]),
        torch.as_tensor(boxes, dtype=torch.float32),
    )
    queries, matched = hungarian(
        trace.output.logits, trace.output.boxes_cxcywh, targets, weights or LossWeights()
    )
    by_object = dict(zip(matched.tolist(), queries.tolist(), strict=True))
    return [by_object.get(index) for index in range(len(objects))]
