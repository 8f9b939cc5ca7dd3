"""What a detector's queries are made of, on one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.tasks.models import load_model
from app.tasks.pictures import Seen, check_price
from app.worker import Task

if TYPE_CHECKING:
    from deformviz.analysis.query_ladder import Ladder

PASSES = 3  # forward, and back for what carries gradient


def climb(task: Task, seen: Seen, path: str, stamp: int) -> Ladder:
    """The query ladder of the most certain query.

    Raises:
        ValueError: the model is none of our own, whose parts are known; or it would take too much.
    """
    from deformviz.analysis.query_ladder import query_ladder
    from deformviz.models.detector import Detector
    from deformviz.models.preprocess import preprocess
    from deformviz.tracing.pictures import read_picture

    task.report("loading the model")
    model = load_model(path, stamp)
    if not isinstance(model, Detector):
        raise ValueError(
            "This model runs as somebody else built it, so nobody here knows what its queries "
            "are made of."
        )
    picture = read_picture(seen.data, name=seen.title)
    check_price(model.config, picture.shape[:2], passes=PASSES)
    pixels, _ = preprocess(picture, model.config)
    like = next(model.parameters())
    task.report("asking for gradients")
    return query_ladder(model, pixels.to(like.device, like.dtype))
