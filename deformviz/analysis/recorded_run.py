"""From a finished training to the recorded run that is shipped: smaller, measured, described."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from deformviz.analysis.curves import measure_run
from deformviz.analysis.replay import Replay
from deformviz.training.run_folder import RunFolder

SHIPPED_RUNS = Path(__file__).parents[1] / "assets" / "runs"
KEPT_OF_RECORD = ("iteration", "loss", "learning_rate", "gradient_norm", "gradient_norms")
MEAN_OF_LAST = 20  # records behind one number of the table
TABLE = ("decoder", "spread", "displacement", "entropy", "heaviest", "inside_share")


def ship_run(
    source: RunFolder,
    to: Path,
    *,
    coding: str = "int8-rows",
    scenes: int = 32,
    score_scenes: int = 200,
    size_px: int = 192,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Write the recorded run of a detector's training; replaces what is at `to`.

    Statistics and average precision are those of the weights as shipped, after their coding.

    Returns:
        the curves, as in `curves.json`.

    Raises:
        RunFolderError: the source is no run, or a snapshot of it is damaged.
    """
    about = {name: value for name, value in source.about().items() if name != "coding"}
    part = RunFolder(to.with_name(to.name + ".part"))
    shutil.rmtree(part.path, ignore_errors=True)
    part.write_about(about | {"coding": coding})
    for iteration in source.snapshots():
        part.save_snapshot(iteration, source.load_snapshot(iteration), coding)
    for record in source.records():
        if record["iteration"] % 10 == 0 or record["iteration"] in source.snapshots():
            part.append(_short(record))
    curves = measure_run(
        Replay(part),
        scenes=scenes,
        score_scenes=score_scenes,
        size_px=size_px,
        on_progress=on_progress,
    )
    part.write_json("curves.json", curves, indent=None)
    (part.path / "README.md").write_text(describe(part, curves))
    shutil.rmtree(to, ignore_errors=True)
    part.path.rename(to)
    return curves


def _short(record: dict) -> dict:
    """A record without what can be computed anew, its numbers at five digits."""
    return {name: _rounded(record[name]) for name in KEPT_OF_RECORD if name in record}


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    return float(f"{value:.5g}") if isinstance(value, float) else value


def describe(run: RunFolder, curves: dict[str, Any]) -> str:
    """README of a recorded run: what it is, how it was made, its training curve as a table."""
    about, recipe = run.about(), run.about()["recipe"]
    layer = max(name for name in curves["layers"] if name.startswith(TABLE[0]))
    last, meant = curves["iterations"][-1], recipe["iterations"]
    size_mb = sum(f.stat().st_size for f in run.path.rglob("*") if f.is_file()) / 1e6
    unfinished = (
        ""
        if last >= meant
        else (f"The run was recorded after {last} of {meant} iterations; it is not finished.\n\n")
    )
    score, probe = curves["score"], curves["probe"]
    judged = (
        f"AP on {score['scenes']} held-out scenes of {score['size_px']} px (seed {score['seed']}); "
        if score
        else ""
    )
    head = (
        f"# The training of the scenes detector, recorded\n\n{unfinished}"
        f"{len(curves['iterations'])} snapshots of all raw weights from iteration 0 to {last} "
        f"({about.get('coding', 'half')}, {size_mb:.1f} MB in all), the loss of every tenth "
        "iteration, and statistics of every snapshot. The format is described in "
        "`deformviz/training/run_folder.py`.\n\n"
        f"Made with `{about.get('command', '')}`, seed {recipe['seed']}, "
        f"torch {about.get('torch', '?')}; then `deformviz record-run`.{_past(about)}\n\n"
        f"{judged}statistics of layer `{layer}`, means over heads and levels on "
        f"{probe['scenes']} other scenes (seed {probe['seed']}). These are raw weights; the "
        "shipped checkpoint is their running average. Loss: mean of the records before.\n\n"
    )
    return head + "\n".join(_table(run, curves, layer)) + "\n"


def _past(about: dict[str, Any]) -> str:
    """What the run was told before it was taken up with another recipe."""
    return "".join(
        f" Until iteration {part['until']} it ran as `{part['command']}` ("
        + ", ".join(f"{name} {value}" for name, value in part["recipe"].items())
        + ")."
        for part in about.get("history", [])
    )


def _table(run: RunFolder, curves: dict[str, Any], layer: str) -> list[str]:
    scores = list(curves["scores"])
    names = ["iteration", "loss", *(name.upper() for name in scores), *TABLE[1:]]
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    iterations, losses = run.curve("loss")
    for row, iteration in enumerate(curves["iterations"]):
        recent = [loss for i, loss in zip(iterations, losses, strict=True) if i <= iteration]
        recent = recent[-MEAN_OF_LAST:]
        cells = [str(iteration), f"{sum(recent) / len(recent):.2f}" if recent else ""]
        cells += [f"{curves['scores'][name][row]:.3f}" for name in scores]
        cells += [f"{mean_of(curves['layers'][layer][name][row]):.3f}" for name in TABLE[1:]]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def mean_of(values: Any) -> float:
    """Mean of nested lists of numbers, without the gaps; NaN where there is nothing else."""
    numbers = np.array(values, dtype=np.float64)
    return float(np.nanmean(numbers)) if np.isfinite(numbers).any() else float("nan")
