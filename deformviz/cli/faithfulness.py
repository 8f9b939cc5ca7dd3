"""`deformviz faithfulness`: whether weights and attributions find what matters."""

import argparse

from deformviz.cli.progress import progress
from deformviz.cli.shipped import SHIPPED

HELP = "do weights and attributions find what matters? deletion over many scenes"
RUNS_MODELS = True


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default=SHIPPED["detector"], help="shipped name or checkpoint")
    parser.add_argument("--layer", help="default: the last one of the decoder")
    parser.add_argument("--scenes", type=int, default=100)
    parser.add_argument("--seed", type=int, default=20_000)


def act(options: argparse.Namespace) -> int:
    """Delete samples by weight, by attribution and at random over many scenes."""
    from deformviz.analysis.faithfulness_scenes import deletion_on_scenes
    from deformviz.checkpoints.load import load
    from deformviz.models.deformable_detr import DeformableDETR

    model = load(options.model)
    if not isinstance(model, DeformableDETR):
        raise ValueError(f"{options.model} is a {type(model).__name__}, not a Deformable DETR.")
    print(
        deletion_on_scenes(
            model,
            layer=options.layer,
            scenes=options.scenes,
            seed=options.seed,
            on_progress=progress("scenes"),
        )
    )
    return 0
