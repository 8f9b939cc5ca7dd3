"""What a survey costs: filters of its page, time beside a plain forward pass, memory.

    python -m tests.bench.survey filters --rows 10000000 --folder big
    python -m tests.bench.survey overhead [--model deformable-detr-scenes] [--hw 192 256]
    python -m tests.bench.survey memory --scenes 2000 --folder study
    python -m tests.bench.survey page --port 8600

Each prints the machine, medians and quartiles; --out keeps them as JSON. Goals: filters 300 ms on
10,000,000 rows; overhead 15 % for detections, 35 % for all queries; memory flat within 5 % from
picture 200 to the last; the page's first figure in 1 s from a cold server.
"""

import argparse
import json
import os
import resource
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from deformviz.models.memory import keep_freed_memory
from deformviz.survey import heads
from deformviz.survey.files import SETTINGS, TABLES_FOLDER, TOTALS
from deformviz.survey.pictures import Picture
from deformviz.survey.rows import MEASURES, TABLES
from deformviz.survey.settings import Settings
from deformviz.survey.study import Study
from deformviz.survey.sums import to_bytes
from tests.bench.compare import quartiles
from tests.bench.model import machine

LAYERS = ("encoder.0", "encoder.1", "encoder.2", "decoder.0", "decoder.1", "decoder.2")
HEADS, LEVELS = 8, 4
CLASSES = ("person", "car", "dog", "chair", "bird")
A_PICTURE = len(LAYERS) * HEADS * LEVELS  # rows
ROUNDS = 9


# -- filters -------------------------------------------------------------------------------------


def synthetic(folder: Path, rows: int) -> Study:
    """A complete study with about so many rows of random numbers, written a block at a time."""
    pictures = max(1, rows // A_PICTURE)
    tables = folder / TABLES_FOLDER
    tables.mkdir(parents=True)
    settings = Settings("synthetic", f"{pictures} pictures", pictures, "0" * 16)
    (folder / SETTINGS).write_text(settings.to_json())
    (folder / TOTALS).write_bytes(to_bytes({}))
    (folder / "totals.count").write_text(str(pictures))
    rng = np.random.default_rng(0)
    schemas = {**TABLES, heads.NAME: heads.HEADS}
    writers = {n: pq.ParquetWriter(tables / f"{n}.parquet", s) for n, s in schemas.items()}
    for start in range(0, pictures, 1000):
        numbers = np.arange(start, min(start + 1000, pictures))
        for name, table in (
            ("layers", layer_block(rng, numbers)),
            ("detections", detection_block(rng, numbers)),
            ("pictures", picture_block(numbers)),
        ):
            block = filled(name, table)
            writers[name].write_table(block)
            if name == "layers":
                writers[heads.NAME].write_table(heads.head_rows(block))
    for writer in writers.values():
        writer.close()
    return Study(folder)


def layer_block(rng: np.random.Generator, numbers: np.ndarray) -> dict:
    count = len(numbers) * A_PICTURE
    names = np.repeat(LAYERS, HEADS * LEVELS)
    return {
        "picture": np.repeat(numbers, A_PICTURE),
        "layer": np.tile(names, len(numbers)),
        "head": np.tile(np.repeat(np.arange(HEADS), LEVELS), len(numbers) * len(LAYERS)),
        "level": np.tile(np.arange(LEVELS), count // LEVELS),
        "queries": np.full(count, 300),
        "boxed": np.full(count, 300),
        **{name: rng.random(count, np.float32) for name in MEASURES},
    }


def detection_block(rng: np.random.Generator, numbers: np.ndarray) -> dict:
    each = 6
    count = len(numbers) * each
    return {
        "picture": np.repeat(numbers, each),
        "detection": np.tile(np.arange(each), len(numbers)),
        "query": rng.integers(0, 300, count),
        "class": rng.choice(CLASSES, count),
        "size": rng.choice(("S", "M", "L"), count),
        "right": rng.random(count) < 0.7,
        "score": rng.random(count, np.float32),
        "entropy": rng.random(count, np.float32),
        "heaviest": rng.random(count, np.float32),
        "outside_share": rng.random(count, np.float32),
    }


def picture_block(numbers: np.ndarray) -> dict:
    names = [f"picture-{number:07d}" for number in numbers]
    return {"picture": numbers, "name": names, "path": names}


def filled(name: str, columns: dict) -> pa.Table:
    """A table of the documented schema; what a block lacks is null."""
    schema, count = TABLES[name], len(columns["picture"])
    arrays = [
        pa.array(columns[field.name]).cast(field.type)
        if field.name in columns
        else pa.nulls(count, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def filters(options: argparse.Namespace) -> dict:
    from deformviz.survey import questions as ask

    folder = options.folder
    study = Study(folder) if (folder / SETTINGS).is_file() else synthetic(folder, options.rows)
    rows = sum(pq.ParquetFile(file).metadata.num_rows for file in study.files("layers"))
    connection = study.connect()
    cases = {}
    for group in ("all", "size S", "class dog", "wrong"):
        which = ask.Which(group)
        cases |= {
            f"means by head, {group}": lambda w=which: ask.layer_means(
                connection, "outside_share", w
            ),
            f"bars of a head, {group}": lambda w=which: ask.bars(
                connection, "spread", "decoder.1", 3, w
            ),
            f"pictures behind a bar, {group}": lambda w=which: ask.pictures_behind(
                connection, "spread", "decoder.1", 3, 0.5, 0.6, w
            ),
            f"correlations, {group}": lambda w=which: ask.correctness(connection, w),
        }
    return {"rows": rows, "ms": {name: timed(case) for name, case in cases.items()}}


def timed(case) -> list[float]:
    """Milliseconds by the clock, the first round left out."""
    taken = []
    for _ in range(ROUNDS + 1):
        started = time.perf_counter()
        case()
        taken.append(1000 * (time.perf_counter() - started))
    return taken[1:]


# -- time beside a forward pass, and memory -----------------------------------------------------


def overhead(options: argparse.Namespace) -> dict:
    """Processor time of a picture: forward alone, forward with a trace, and surveyed.

    What a part of a study costs once, the proof of its first picture and being written, is shared
    out among its pictures.
    """
    import tempfile

    import torch

    import deformviz as dv
    from deformviz.survey.make import plan
    from deformviz.survey.operator import Measured, Operator, runner_of
    from deformviz.survey.parts import StudyFolder
    from tests.bench.model import seconds_of

    torch.set_num_threads(1)
    keep_freed_memory()  # as the command does
    model = untrained_r50() if options.model == "r50" else dv.load(options.model)
    settings, pictures = plan(options.model, f"scenes:{options.pictures}")
    given = [Given(picture, options.hw) for picture in pictures]
    run, measured = runner_of(model), {}

    def forward(layers):
        return [dv.run(model, one.image, layers=layers, prove=False) for one in given]

    def surveyed(queries: str):
        operator = Operator(run, replace(settings, queries=queries))
        operator.measure(1, given[0], Measured())  # type: ignore  # it learns what to trace

        def survey():
            measured[queries] = Measured()
            for number, one in enumerate(given, start=1):  # the first of a part is proven
                operator.measure(number, one, measured[queries])  # type: ignore

        return survey

    def written(queries: str):
        with tempfile.TemporaryDirectory() as folder:
            StudyFolder(folder).write(0, measured[queries])

    decoder = [name for name in dv.run(model, given[0].image).layers if name.startswith("decoder")]
    cases = {"forward": lambda: forward(()), "forward with all traces": lambda: forward(None)}
    for queries, layers in (("detections", decoder), ("all", None)):
        cases |= {
            f"surveyed, {queries}": surveyed(queries),
            f"a part written, {queries}": lambda q=queries: written(q),
            f"one traced, {queries}": lambda names=layers: dv.run(
                model, given[0].image, layers=names, prove=False
            ),
            f"one proven, {queries}": lambda names=layers: dv.run(
                model, given[0].image, layers=names
            ),
        }
    taken = seconds_of(cases, options.rounds)
    for name, values in taken.items():
        if name.startswith(("forward", "surveyed")):
            taken[name] = [seconds / len(given) for seconds in values]
    middle = {name: statistics.median(values) for name, values in taken.items()}
    shares = {}
    for queries in ("detections", "all"):
        once = middle[f"a part written, {queries}"]
        once += middle[f"one proven, {queries}"] - middle[f"one traced, {queries}"]
        picture = middle[f"surveyed, {queries}"] + once / settings.per_part
        shares[queries] = picture / middle["forward"] - 1
    ms = {name: [1000 * seconds for seconds in values] for name, values in taken.items()}
    return {"model": options.model, "ms": ms, "overhead": shares}


def untrained_r50():
    import torch

    from deformviz.models.deformable_detr import DeformableDETR

    torch.manual_seed(0)
    return DeformableDETR().eval().requires_grad_(False)


class Given:
    """A picture in memory, so that reading it is not part of the comparison."""

    def __init__(self, picture: Picture, hw: Sequence[int] | None):
        from PIL import Image

        self.name, self.path = picture.name, picture.path
        self.image, objects = picture.read()
        assert objects is not None
        if hw:
            was = self.image.shape
            self.image = np.asarray(Image.fromarray(self.image).resize((hw[1], hw[0])))
            scale = np.array([hw[1] / was[1], hw[0] / was[0]] * 2)
            objects = replace(objects, boxes_xyxy_px=objects.boxes_xyxy_px * scale)
        self.objects = objects

    def read(self):
        return self.image, self.objects


def memory(options: argparse.Namespace) -> dict:
    """Resident memory from the 200th picture on, in MiB."""
    from deformviz.survey.make import make, plan

    keep_freed_memory()
    settings, pictures = plan(options.model, f"scenes:{options.scenes}")
    told: list[tuple[int, float]] = []
    make(
        options.folder,
        settings,
        pictures,
        on_progress=lambda progress: told.append((progress.done, resident_mib())),
    )
    return {
        "resident_mib": told,
        "growth": growth(told),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def resident_mib() -> float:
    """What this process holds of the machine's memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def growth(told: list[tuple[int, float]]) -> float:
    """How much more is resident at the end than at the 200th picture, or halfway if there are
    fewer; as a share."""
    last, mib = told[-1]
    after = [then for done, then in told if done >= min(200, last // 2)]
    return mib / after[0] - 1


def page(options: argparse.Namespace) -> dict:
    """Seconds from asking a cold server for the page to its maps being drawn."""
    from playwright.sync_api import sync_playwright

    from deformviz.cli.serving import answers, served

    seconds = []
    for lap in range(options.rounds):
        with served(options.port + lap) as process, sync_playwright() as playwright:
            assert answers(process, options.port + lap)
            time.sleep(options.settle)
            browser = playwright.chromium.launch(
                executable_path=os.environ.get("DEFORMVIZ_CHROMIUM", "/usr/bin/chromium"),
                args=["--no-sandbox", "--disable-gpu"],
            )
            shown = browser.new_page()
            started = time.perf_counter()
            shown.goto(f"http://127.0.0.1:{options.port + lap}/survey")
            shown.locator(".dv-explorer:not([aria-busy=true]) .dv-status").first.wait_for()
            seconds.append(time.perf_counter() - started)
            browser.close()
    return {"ms": {"first figure": [1000 * s for s in seconds]}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["filters", "overhead", "memory", "page"])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--model", default="deformable-detr-scenes", help='also "r50", untrained')
    parser.add_argument("--hw", type=int, nargs=2, help="sides of the pictures, else as rendered")
    parser.add_argument("--pictures", type=int, default=8)
    parser.add_argument("--scenes", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--port", type=int, default=8600)
    parser.add_argument("--settle", type=float, default=0.0, help="seconds before a cold visit")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.what in ("filters", "memory") and options.folder is None:
        parser.error(f"{options.what} needs --folder")
    found = {"machine": machine(), "load": os.getloadavg()[0]}
    found |= {"filters": filters, "overhead": overhead, "memory": memory, "page": page}[
        options.what
    ](options)
    for name, values in found.get("ms", {}).items():
        low, middle, high = quartiles(values)
        print(f"{name:42} {middle:9.1f} ms  ({low:.1f} to {high:.1f})")
    for name in ("rows", "overhead", "growth", "peak_mib", "load"):
        if name in found:
            print(f"{name}: {found[name]}")
    if options.out:
        options.out.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
