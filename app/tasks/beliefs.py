"""What each layer of a detector believes, on one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.tasks.models import load_model
from app.tasks.pictures import Seen, check_price
from app.worker import Task
from deformviz.words import say

if TYPE_CHECKING:
    from deformviz.analysis.layer_beliefs import Beliefs


def believe(task: Task, seen: Seen, path: str, stamp: int) -> Beliefs:
    """The beliefs of every query after every decoder layer.

    Raises:
        ValueError: the model is none of our own, whose heads are known.
    """
    from deformviz.analysis.layer_beliefs import beliefs_of
    from deformviz.models.detector import Detector
    from deformviz.tracing.pictures import read_picture
    from deformviz.tracing.run import run

    task.report("loading the model")
    model = load_model(path, stamp)
    if not isinstance(model, Detector):
        raise ValueError(say("beliefs.foreign"))
    picture = read_picture(seen.data, name=seen.title)
    check_price(model.config, picture.shape[:2])
    return beliefs_of(model, run(model, picture, layers=(), on_layer=task.report))
