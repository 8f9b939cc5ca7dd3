"""From a finished training of a DAT to the recorded run that is shipped with it."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from deformviz.analysis.grid_scenes import object_shares
from deformviz.analysis.recorded_run import KEPT_OF_RECORD, MEAN_OF_LAST
from deformviz.models.dat import DAT
from deformviz.training.dat import EVALUATION_SEED, DATRecipe, evaluate_classifier
from deformviz.training.run_folder import RunFolder

KEPT = (*KEPT_OF_RECORD, "accuracy")


def ship_dat_run(
    source: RunFolder,
    to: Path,
    *,
    coding: str = "int8-rows",
    scenes: int = 100,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[dict[str, Any]]:
    """Write the recorded run of a DAT's training; replaces what is at `to`.

    Args:
        scenes: held-out scenes behind each number, judged with the weights as shipped.

    Returns:
        a row per snapshot: iteration, loss, accuracy, attention and knots on the object.

    Raises:
        RunFolderError: the source is no run, or a snapshot of it is damaged.
    """
    about = {name: value for name, value in source.about().items() if name != "coding"}
    part = RunFolder(to.with_name(to.name + ".part"))
    shutil.rmtree(part.path, ignore_errors=True)
    part.write_about(about | {"coding": coding})
    for record in source.records():
        if record["iteration"] % 10 == 0 or record["iteration"] in source.snapshots():
            part.append({name: _short(record[name]) for name in KEPT if name in record})
    model = DAT(DATRecipe.from_dict(about["recipe"]).model).eval()
    rows, snapshots = [], source.snapshots()
    for done, iteration in enumerate(snapshots, start=1):
        part.save_snapshot(iteration, source.load_snapshot(iteration), coding)
        model.load_state_dict(part.load_snapshot(iteration))
        rows.append(_measure(model, part, iteration, scenes))
        if on_progress:
            on_progress(done, len(snapshots))
    part.write_json("grids.json", rows, indent=None)
    (part.path / "README.md").write_text(_describe(part, about, rows, scenes))
    shutil.rmtree(to, ignore_errors=True)
    part.path.rename(to)
    return rows


def _short(value: Any) -> Any:
    return float(f"{value:.5g}") if isinstance(value, float) else value


def _measure(model: DAT, run: RunFolder, iteration: int, scenes: int) -> dict[str, Any]:
    shares = object_shares(model, scenes=scenes)
    losses = [record["loss"] for record in run.records() if record["iteration"] <= iteration]
    return {
        "iteration": iteration,
        "loss": _short(float(np.mean(losses[-MEAN_OF_LAST:]))) if losses else None,
        "accuracy": _short(evaluate_classifier(model, scenes=scenes)),
        "attention_on_object": _short(shares.weighted),
        "knots_on_object": _short(shares.plain),
        "undeformed_on_object": _short(shares.undeformed),
    }


def _describe(run: RunFolder, about: dict[str, Any], rows: list, scenes: int) -> str:
    """README of the recorded run: what it is, how it was made, its numbers as a table."""
    size_mb = sum(f.stat().st_size for f in run.path.rglob("*") if f.is_file()) / 1e6
    lines = [
        "# The training of the small DAT, recorded",
        "",
        f"{len(rows)} snapshots of all raw weights from iteration {rows[0]['iteration']} to "
        f"{rows[-1]['iteration']} ({run.about()['coding']}, {size_mb:.1f} MB in all) and the "
        "loss of every tenth iteration. The format is described in "
        "`deformviz/training/run_folder.py`.",
        "",
        f"Made with `{about.get('command', '')}`, seed {about['recipe']['seed']}, torch "
        f"{about.get('torch', '?')}; then `deformviz record-run`.",
        "",
        f"Judged on {scenes} held-out scenes of one object (seed {EVALUATION_SEED}), raw weights "
        "as shipped; the shipped checkpoint is their running average. Attention and knots: share "
        "on the object, last layer.",
        "",
        "| iteration | loss | accuracy | attention on object | knots on it | undeformed knots |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        loss = "" if row["loss"] is None else f"{row['loss']:.2f}"
        lines.append(
            f"| {row['iteration']} | {loss} | {row['accuracy']:.3f} "
            f"| {row['attention_on_object']:.3f} | {row['knots_on_object']:.3f} "
            f"| {row['undeformed_on_object']:.3f} |"
        )
    return "\n".join(lines) + "\n"
