"""`deformviz record-run`: make the recorded run that the Training page ships."""

import argparse
from pathlib import Path

from deformviz.cli.progress import progress

HELP = "make the shipped recording of a training run"
RUNS_MODELS = True


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", help="run folder")
    parser.add_argument("--to", default="deformviz/assets/runs/detector")
    parser.add_argument("--coding", default="int8-rows", choices=["int8-rows", "half"])
    parser.add_argument("--scenes", type=int, default=32, help="for the statistics")
    parser.add_argument("--score-scenes", type=int, default=200, help="for AP, 0 = without")
    parser.add_argument("--threads", type=int, default=1)


def act(options: argparse.Namespace) -> int:
    """Make the recorded run that the Training page shows of a training's folder."""
    import torch

    from deformviz.analysis.recorded_run import ship_run
    from deformviz.training.run_folder import RunFolder

    torch.set_num_threads(options.threads)
    to = Path(options.to)
    source = RunFolder(options.run)
    if source.about()["kind"] == "dat":
        from deformviz.analysis.recorded_dat import ship_dat_run

        ship_dat_run(
            source,
            to,
            coding=options.coding,
            scenes=options.score_scenes,
            on_progress=progress("snapshots"),
        )
    else:
        ship_run(
            source,
            to,
            coding=options.coding,
            scenes=options.scenes,
            score_scenes=options.score_scenes,
            on_progress=progress("snapshots"),
        )
    size_mb = sum(file.stat().st_size for file in to.rglob("*") if file.is_file()) / 1e6
    print(f"{to}: {size_mb:.1f} MB.")
    return 0
