"""The last deformed grid of a DAT on the picture; its knots stand for samples."""

from dataclasses import replace

import torch

from deformviz.models.dat import DAT
from deformviz.models.preprocess import preprocess
from deformviz.models.square import framed_in_square, pad_to_square
from deformviz.systems.system import referred
from deformviz.walkthrough.asked import AskedGrid
from deformviz.walkthrough.followed import Followed, drawn_apart
from deformviz.walkthrough.observe_grids import observe_grids
from deformviz.walkthrough.passes import Material
from deformviz.walkthrough.sight import Sight, as_samples
from deformviz.walkthrough.subject import Subject
from deformviz.words import say


@torch.no_grad()
def follow_grid(subject: Subject, material: Material) -> Followed:
    """The derivation for one pixel of the grid's map, by default its middle."""
    model = material.load(subject.record.own_model)
    if not isinstance(model, DAT):
        raise ValueError(f"{subject.derivation} follows a DAT, not a {type(model).__name__}.")
    pixels, frame = preprocess(material.picture(), model.config)
    side, parameter = model.config.long_side, next(model.parameters())
    batch = pad_to_square(pixels, side)[None].to(parameter.device, parameter.dtype)
    seen = observe_grids(model, batch, material.on_layer)
    layer = model.trace_names[-1]
    trace = seen.traces[layer].image(0).map(lambda tensor: tensor.cpu())
    height, width = trace.query_hw
    count, middle = height * width, height // 2 * width + width // 2
    heads, knots = trace.attention_weights.shape[0], trace.positions.shape[1]
    query = min(middle if subject.query is None else subject.query, count - 1)
    subject = replace(
        subject,
        query=query,
        layer=layer,
        head=min(subject.head, heads - 1),
        level=0,
        point=min(subject.point, knots - 1),
    )
    asked = AskedGrid(seen.module(layer), seen.features[layer], query)
    worked = referred(subject.record.work_out)(asked)
    return Followed(
        subject,
        worked,
        Sight(as_samples(trace), framed_in_square(frame, side), say("sight.grid")),
        None,
        (layer,),
        count,
        (heads, 1, knots),
        drawn_apart=drawn_apart(
            (trace.positions, worked["positions"].value),
            (trace.attention_weights[:, query], worked["attention_weights"].value),
        ),
    )
