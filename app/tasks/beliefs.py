"""What each layer of a detector believes, on one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.tasks.models import load_model
from app.tasks.pictures import Seen, budget_bytes
from app.worker import Task, option
from deformviz.words import say

if TYPE_CHECKING:
    from deformviz.analysis.layer_beliefs import Beliefs


def believe(task: Task, seen: Seen, path: str, stamp: int) -> Beliefs:
    """The beliefs of every query after every decoder layer.

    Raises:
        ValueError: the model is none of our own, whose heads are known.
    """
    from deformviz.analysis import price
    from deformviz.analysis.layer_beliefs import beliefs_of
    from deformviz.models.detector import Detector
    from deformviz.tracing.pictures import read_picture
    from deformviz.tracing.run import run

    task.report("loading the model")
    model = load_model(path, stamp)
    if not isinstance(model, Detector):
        raise ValueError(say("beliefs.foreign"))
    picture = read_picture(seen.data, name=seen.title)
    price.check(
        price.price_of(model.config, picture.shape[:2]),
        memory_bytes=budget_bytes(),
        seconds=option("DEFORMVIZ_BUDGET_S", 60),
    )
    return beliefs_of(model, run(model, picture, layers=(), on_layer=task.report))
