"""Equations that lessons show, followed once and kept as files: a player computes nothing.

`python -m deformviz.lessons.worked` makes them all; a test compares what is kept with what the
shipped model says today.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from deformviz.lessons.lesson import Lesson, Scene, Step, lessons
from deformviz.words import ENGLISH, catalogue, languages, say, speaking

FOLDER = Path(__file__).parent / "worked"
EQUATIONS = ("equations", "costs")  # canvases that show a followed derivation
DIGITS = 6
WORDED = ("title", "introduction", "note", "answers", "legend")
MODEL = "deformable-detr-scenes"
RUN = FOLDER.parents[1] / "assets" / "runs" / "detector"
USUAL_PICTURE = "beach-dusk"


def worked_scenes() -> Iterator[tuple[Lesson, Step, Scene]]:
    """Every step that shows equations."""
    for lesson in lessons():
        for step in lesson.steps:
            if step.scene and step.scene.canvas in EQUATIONS:
                yield lesson, step, step.scene


def path_of(lesson: Lesson, step: Step) -> Path:
    return FOLDER / f"{lesson.name}.{step.name}.json.gz"


def read_worked(lesson: Lesson, step: Step, language: str = ENGLISH) -> dict[str, Any]:
    """The payload of a step's equations in a language. Without torch."""
    told = kept(lesson, step)
    words = told.pop("told")[language]
    for line, text in zip(told["steps"], words.pop("texts"), strict=True):
        line["text"] = text
    for picture, title in zip(told["pictures"], words.pop("sights"), strict=True):
        picture["title"] = title
    return told | words


def kept(lesson: Lesson, step: Step) -> dict[str, Any]:
    """What is kept of a step's equations, in every language."""
    return json.loads(gzip.decompress(path_of(lesson, step).read_bytes()))


def work_out(scene: Scene) -> dict[str, Any]:
    """The payload of a scene's equations, from the shipped model on the shipped picture."""
    from deformviz.checkpoints.load import load
    from deformviz.tracing.pictures import read_picture
    from deformviz.tracing.store import SHIPPED, read_index
    from deformviz.walkthrough.follow import follow
    from deformviz.walkthrough.passes import Material
    from deformviz.walkthrough.payload import payload
    from deformviz.walkthrough.subject import read_subject

    subject, _, notes = read_subject(scene.params)
    if notes:
        raise ValueError(f"A lesson's scene {dict(scene.params)} is no subject: {notes[0]}")
    subject = replace(subject, layer=scene.params.get("layer", subject.layer))
    name = scene.params.get("picture", USUAL_PICTURE)
    stored = next(one for one in read_index(SHIPPED) if one.name == name)
    material = Material(
        key=name,
        model=lambda: load(MODEL),
        picture=lambda: read_picture(stored.picture_jpeg()),
        load=load,
    )
    followed = follow(subject, material)
    told = payload(followed)
    for line in told["steps"]:
        line["code"] = []  # it changes with every edit; the lab shows it
    told["told"] = {}
    for language in languages():
        with speaking(language):
            told["told"][language] = _worded(payload(followed))
    return told


def _worded(told: dict[str, Any]) -> dict[str, Any]:
    """What of a payload is said in words."""
    english = {text: key for key, text in catalogue().items() if key.startswith("sight.")}

    def sight(title: str) -> str:  # named while it was followed, in English
        return say(english[title]) if title in english else title

    answers = [{**one, "title": sight(one["title"])} for one in told["answers"]]
    return {
        **{name: told[name] for name in WORDED},
        "answers": answers,
        "texts": [line["text"] for line in told["steps"]],
        "sights": [sight(picture["title"]) for picture in told["pictures"]],
    }


def snapshot_of(scene: Scene) -> Path | None:
    """Where the layer of a scene that shows a training before its end is kept."""
    if scene.canvas != "replay" or "iteration" not in scene.params:
        return None
    return FOLDER / f"snapshot-{scene.params['iteration']}-{scene.params['layer']}.bin.gz"


def snapshots() -> set[Path]:
    """All layers before the end of a training that lessons show, still or moving."""
    still = {path for path in map(snapshot_of, _scenes()) if path is not None}
    frames = (frame for layer in moving_layers() for frame in frames_of(layer))
    return still | {path for _, _, path in frames}


def _scenes() -> list[Scene]:
    return [step.scene for lesson in lessons() for step in lesson.steps if step.scene]


# -- a training that moves -----------------------------------------------------------------------

MOMENTS = (0, 100, 316, 562, 1000, 1778, 3162, 5623, 13_000)  # of the recorded run, to its end


def moving_layers() -> set[str]:
    """Layers whose training moves in a lesson."""
    return {scene.params["layer"] for scene in _scenes() if scene.moves}


def frames_of(layer: str) -> list[tuple[int, int, Path]]:
    """Iteration, the query that answers for the followed object, and the kept layer.

    Queries change places while the model learns, so each moment has a query of its own.
    """
    told = json.loads(gzip.decompress(moving_path(layer).read_bytes()))
    return [(at, query, FOLDER / f"snapshot-{at}-{layer}.bin.gz") for at, query in told]


def moving_path(layer: str) -> Path:
    """Where the queries of a training that moves are kept."""
    return FOLDER / f"moving-{layer}.json.gz"


def answering_queries() -> list[tuple[int, int]]:
    """Which query answers, at each moment, for the best thing the trained model finds."""
    from deformviz.analysis.replay import Replay, followed_objects, matched_queries
    from deformviz.tracing.pictures import read_picture
    from deformviz.tracing.store import SHIPPED, read_index

    stored = next(one for one in read_index(SHIPPED) if one.name == USUAL_PICTURE)
    picture, replay = read_picture(stored.picture_jpeg()), Replay(RUN)
    found_last = replay.trace(MOMENTS[-1], picture).detections
    assert found_last is not None  # of a detector
    objects = followed_objects(found_last)
    found = []
    for at in MOMENTS:
        query = matched_queries(replay.trace(at, picture), objects)[0]
        assert query is not None  # there are more queries than objects
        found.append((at, query))
    return found


def pack_snapshot(path: Path) -> bytes:
    """A layer of the shipped training at an iteration, on the usual picture, packed."""
    from deformviz.analysis.replay import Replay
    from deformviz.tracing.packing import compress, pack_layer
    from deformviz.tracing.pictures import read_picture
    from deformviz.tracing.store import SHIPPED, read_index

    _, iteration, layer = path.name.removesuffix(".bin.gz").split("-")
    stored = next(one for one in read_index(SHIPPED) if one.name == USUAL_PICTURE)
    trace = Replay(RUN).trace(int(iteration), read_picture(stored.picture_jpeg()))
    return compress(
        pack_layer(trace, layer, model_label=MODEL, honesty_label=f"after {iteration} iterations")
    )


def write_all() -> None:
    """Follow every scene and keep it; removes what no lesson shows any more."""
    FOLDER.mkdir(exist_ok=True)
    written = set()
    for lesson, step, scene in worked_scenes():
        text = json.dumps(_rounded(work_out(scene)), separators=(",", ":"), ensure_ascii=False)
        path_of(lesson, step).write_bytes(gzip.compress(text.encode(), 9, mtime=0))
        written.add(path_of(lesson, step))
    for layer in moving_layers():
        text = json.dumps(answering_queries())
        moving_path(layer).write_bytes(gzip.compress(text.encode(), 9, mtime=0))
        written.add(moving_path(layer))
    for path in snapshots():
        path.write_bytes(pack_snapshot(path))
        written.add(path)
    for left in set(FOLDER.glob("*.gz")) - written:
        left.unlink()


def _rounded(value: Any) -> Any:
    """The same with numbers of six figures: more are never shown."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    return [_rounded(part) for part in value] if isinstance(value, (list, tuple)) else value


if __name__ == "__main__":
    write_all()
