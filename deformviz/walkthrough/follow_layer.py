"""A layer of the chosen detector on the picture, right, broken or changed for one query."""

from dataclasses import replace

from torch import Tensor

from deformviz.models.parts import attention_layers
from deformviz.systems.system import referred
from deformviz.walkthrough import multi_scale
from deformviz.walkthrough.asked import Asked
from deformviz.walkthrough.derivation import DECODER
from deformviz.walkthrough.followed import Followed, drawn_apart
from deformviz.walkthrough.mistakes import MISTAKES
from deformviz.walkthrough.observe import Observation
from deformviz.walkthrough.passes import Material, Pass
from deformviz.walkthrough.proposals import tokens_of
from deformviz.walkthrough.sight import MOST_KEYS, Sight, among_queries, heaviest, sight_of
from deformviz.walkthrough.step import Worked
from deformviz.walkthrough.subject import Subject
from deformviz.walkthrough.what_if import asked_alone, edit_of
from deformviz.words import say


def follow_layer(subject: Subject, material: Material) -> Followed:
    """The derivation for one query of a layer; beside it the right sight, where it is changed.

    Raises:
        ValueError: the model is no Deformable DETR, or the picture cannot be read.
    """
    padded = bool(subject.mistake) and MISTAKES[subject.mistake].needs_padding
    right = material.look(padded=padded)
    layers = tuple(attention_layers(right.observation.model))
    subject = settle(subject, right, layers)
    changed = None
    if subject.mistake:
        changed = material.look(mistake=subject.mistake, padded=padded)
    elif subject.is_changed:
        changed = material.look(edit=edit_of(subject))
    seen = changed or right
    asked = _ask(subject, seen.observation, right.observation)
    sight = _seen(subject, seen, subject.version or "query")
    worked = referred(subject.record.work_out)(asked)
    before = "right" if subject.mistake else "before"
    return Followed(
        subject,
        worked,
        sight,
        _seen(subject, right, before) if changed else None,
        layers,
        asked.inputs.query.shape[1],
        _sizes(subject, right, subject.layer),
        _reranked(subject, right.observation, changed.observation) if changed else "",
        apart_from_lines(asked, worked, sight),
    )


def _seen(subject: Subject, seen: Pass, word: str) -> Sight:
    """What the derivation is about, on the picture: samples of the layer, or queries as keys."""
    sight = sight_of(seen, subject.layer, say(f"sight.{word}"))
    if not subject.record.keys_are_queries:
        return sight
    weights = _among(seen.observation, subject.layer).cpu()
    trace, keys = among_queries(sight.trace, weights), weights.shape[-1]
    if word == "query":
        drawn = trace.attention_weights.shape[-1]
        name = "sight.among" if drawn < keys else "sight.among_all"
        sight = replace(sight, title=say(name, drawn=drawn, keys=keys))
    return replace(sight, trace=trace, reads_cells=False)


def _among(seen: Observation, layer: str) -> Tensor:
    """How the queries of a decoder layer weigh each other [head query key]."""
    return seen.traces[f"{layer}.self"].image(0).attention_weights


def _sizes(subject: Subject, seen: Pass, layer: str) -> tuple[int, int, int]:
    """Heads, levels and points of what is drawn."""
    if subject.record.keys_are_queries:
        heads, _, keys = _among(seen.observation, layer).shape
        return heads, 1, min(keys, MOST_KEYS)
    module = seen.observation.module(layer)
    return module.heads, module.levels, module.points


def apart_from_lines(asked: Asked, worked: Worked, sight: Sight) -> float:
    """How far a sight's samples are from the lines of Eq. 3, for the query that asks.

    Of queries as keys, how far their weights are from those of Eq. 1.
    """
    if not sight.reads_cells:
        where = heaviest(_among(asked.seen, asked.layer)[:, asked.query])[1]
        lines = worked["attention_weights"].value.gather(-1, where)
        return drawn_apart((sight.trace.attention_weights[asked.query, :, 0], lines))
    lines = worked if worked.name == "multi_scale" else multi_scale.work_out(asked)
    drawn = (sight.trace.sampling_locations, sight.trace.attention_weights)
    names = ("sampling_locations", "attention_weights")
    return drawn_apart(
        *((d[asked.query], lines[name].value) for d, name in zip(drawn, names, strict=True))
    )


def _ask(subject: Subject, seen: Observation, right: Observation) -> Asked:
    """The layer as the subject's query meets it; an edited one is asked by that query alone."""
    layer, query = subject.layer, subject.query or 0
    edited = subject.is_changed and not subject.mistake
    return Asked(
        asked_alone(right.module(layer), edit_of(subject)) if edited else seen.module(layer),
        seen.attention[layer],
        seen.traces[layer].image(0),
        query,
        subject.head,
        subject.level,
        subject.point,
        layer,
        seen,
    )


def settle(subject: Subject, seen: Pass, layers: tuple[str, ...]) -> Subject:
    """The subject with a layer that exists and indices inside it."""
    if subject.record.otherwise and seen.observation.output.proposals is None:
        subject = replace(subject, derivation=subject.record.otherwise)
    layer = subject.layer if subject.layer in layers else layers[-1]
    if subject.record.follows == DECODER and not layer.startswith("decoder"):
        layer = layers[-1]
    heads, levels, points = _sizes(subject, seen, layer)
    query = _first_query(seen, layer) if subject.query is None else subject.query
    return replace(
        subject,
        layer=layer,
        query=min(query, seen.observation.attention[layer].query.shape[1] - 1),
        head=min(subject.head, heads - 1),
        level=min(subject.level, levels - 1),
        point=min(subject.point, points - 1),
    )


def _first_query(seen: Pass, layer: str) -> int:
    """The query of the best detection; of the encoder, the token nearest its middle."""
    best = int(seen.detections.queries[0])
    if layer.startswith("decoder"):
        return best
    middle = seen.observation.output.boxes_cxcywh[0, best, :2]
    references = seen.observation.traces[layer].references[0, :, 0, :2]
    return int((references - middle).norm(dim=-1).argmin())


def _reranked(subject: Subject, right: Observation, changed: Observation) -> str:
    """One sentence where a decoder query stands for another proposal than before."""
    if right.output.proposals is None or not subject.layer.startswith("decoder"):
        return ""
    before, now = tokens_of(right), tokens_of(changed)
    token = before[subject.query]
    if now[subject.query] == token:
        return ""
    place = (now == token).nonzero().flatten().tolist()
    if place:
        return say("walkthrough.reranked", query=subject.query, place=place[0])
    return say("walkthrough.dropped", query=subject.query)
