"""A followed subject as plain values for the page: steps, pictures, and what ties them."""

from dataclasses import asdict
from typing import Any

from deformviz.geometry import shapes_list
from deformviz.schema import SHOWN_SCORE
from deformviz.systems.system import referred
from deformviz.walkthrough.derivation import Derivation
from deformviz.walkthrough.followed import Followed
from deformviz.walkthrough.mathml import equation_mathml, symbol_mathml
from deformviz.walkthrough.pictures import picture_of
from deformviz.walkthrough.prose import Prose, read_prose
from deformviz.walkthrough.prose_spans import spans
from deformviz.walkthrough.sight import Sight
from deformviz.walkthrough.step import Step, Worked
from deformviz.walkthrough.tables import tabulate
from deformviz.words import say

MOST_CLASSES = 3


def payload(followed: Followed) -> dict[str, Any]:
    """Everything the page draws; of pictures, whoever serves them knows the address."""
    worked, subject, record = followed.worked, followed.subject, followed.subject.record
    prose = read_prose(record.name)
    shapes = shapes_list(followed.sight.trace.spatial_shapes) if followed.sight else ()
    # A mistake stands after what is right; an edit stays where the hand is.
    order = (followed.sight, followed.right)[:: -1 if subject.mistake else 1]
    sights = [sight for sight in order if sight is not None]
    panel = referred(record.panel)(subject, worked) if record.panel else None
    return {
        "name": record.name,
        "title": prose.title,
        "introduction": spans(prose.introduction),
        "whole": equation_mathml(worked, worked.whole) if worked.whole else "",
        "difference": f"{worked.difference:.1e}",
        "holds": worked.holds,
        "drawn_apart": f"{followed.drawn_apart:.1e}",
        "scale": float(worked.module_output.abs().max()),
        "dtype": str(worked.module_output.dtype).removeprefix("torch."),
        "opens": record.opens,
        "steps": [_step(record, worked, step, prose, shapes) for step in worked],
        "pictures": [picture_of(subject, sight) for sight in sights],
        "sample": [subject.head, subject.level, subject.point],
        "sizes": list(followed.sizes),
        "compare": bool(subject.mistake),
        "what_if": asdict(subject.change) if subject.can_edit else None,
        "answers": [_answer(followed, sight) for sight in sights],
        "note": followed.note,
        "costs": panel,
        "legend": say(f"canvas.equations.legend.{'toy' if subject.is_toy else record.legend}"),
    }


def _step(record: Derivation, worked: Worked, step: Step, prose: Prose, shapes) -> dict[str, Any]:
    compute = step.compute
    name = getattr(compute, "__qualname__", type(compute).__name__) if compute else ""
    name = name.rpartition("<locals>.")[2]  # a function made for one edit
    return {
        "name": step.name,
        "symbol": symbol_mathml(step.symbol),
        "equation": equation_mathml(worked, step.equation),
        "axes": [[axis, size] for axis, size in step.sizes.items()],
        "unit": step.unit,
        "source": step.source,
        "text": spans(prose.sections.get(step.name, "")),
        "given": compute is None,
        "function": name,
        "code": _dedented(step.code),
        "inputs": dict(step.inputs),
        "terms": list(step.terms),
        "checks": [asdict(check) for check in step.checks],
        "table": tabulate(step.value, step.axes, shapes),
        "part": record.part_of(step.name),
    }


def _dedented(code: str) -> list[str]:
    lines = code.rstrip().splitlines()
    margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return [line[margin:] for line in lines]


def _answer(followed: Followed, sight: Sight) -> dict[str, Any]:
    """What the model says in the end: of the query, or of the whole picture."""
    subject, output, found = followed.subject, sight.output, sight.detections
    if output is None or found is None:
        return {"title": sight.title, "lines": [_answer_of_layer(followed, sight)]}
    count = sum(float(score) >= SHOWN_SCORE for score in found.scores)
    lines = [say("answer.detections", count=count, score=SHOWN_SCORE)]
    if subject.layer.startswith("decoder"):
        logits = output.logits[subject.query]
        scores = logits.softmax(-1)[:-1] if sight.no_object else logits.sigmoid()
        best = scores.topk(min(MOST_CLASSES, len(scores)))
        names = found.class_names
        said = ", ".join(
            f"{names[i] if i < len(names) else f'class {i}'} {score:.3f}"
            for score, i in zip(best.values.tolist(), best.indices.tolist(), strict=True)
        )
        box = output.boxes_cxcywh[subject.query].tolist()
        lines += [
            say("answer.query", query=subject.query, scores=said),
            say("answer.box", box=", ".join(f"{number:.3f}" for number in box)),
        ]
    return {"title": sight.title, "lines": lines}


def _answer_of_layer(followed: Followed, sight: Sight) -> str:
    subject, output = followed.subject, sight.trace.output
    if output is None:
        return say("answer.of_layer", query=subject.query, layer=subject.layer)
    numbers = ", ".join(f"{number:.6g}" for number in output[0].tolist())
    return say("answer.output", numbers=numbers)
