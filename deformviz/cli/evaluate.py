"""`deformviz evaluate`: how good a model is on held-out rendered scenes."""

import argparse

from deformviz.cli.progress import progress
from deformviz.cli.shipped import SHIPPED

HELP = "how good a model is on held-out scenes"
RUNS_MODELS = True


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", nargs="?", default="detector", choices=list(SHIPPED))
    parser.add_argument("--model", help="shipped name or checkpoint; default: the shipped one")
    parser.add_argument(
        "--grids",
        action="store_true",
        help="of a DAT, also the share of its attention on the object",
    )
    parser.add_argument("--scenes", type=int, default=500)
    parser.add_argument("--seed", type=int, default=20_000)
    parser.add_argument("--size", type=int, default=192, help="side of the pictures in pixels")


def act(options: argparse.Namespace) -> int:
    """How good a model is on held-out rendered scenes."""
    from deformviz.checkpoints.load import load
    from deformviz.models.deformable_detr import DeformableDETR
    from deformviz.training.evaluate import evaluate_detector

    model = load(options.model or SHIPPED[options.what])
    if options.what == "dat":
        return evaluate_dat(model, options)
    if not isinstance(model, DeformableDETR):
        raise ValueError(f"{options.model} is a {type(model).__name__}, not a Deformable DETR.")
    score = evaluate_detector(
        model,
        scenes=options.scenes,
        seed=options.seed,
        size_px=options.size,
        on_progress=progress("scenes"),
    )
    print(score)
    return 0


def evaluate_dat(model, options: argparse.Namespace) -> int:
    """Accuracy of a classifier, and how much its last deformed grid attends to the object."""
    from deformviz.analysis.grid_scenes import object_shares
    from deformviz.training.dat import evaluate_classifier

    accuracy = evaluate_classifier(
        model, scenes=options.scenes, seed=options.seed, on_progress=progress("scenes")
    )
    if options.grids:
        shares = object_shares(
            model, scenes=options.scenes, seed=options.seed, on_progress=progress("grids")
        )
        print(
            f"on the object: attention {shares.weighted:.3f}, knots {shares.plain:.3f}, "
            f"undeformed knots {shares.undeformed:.3f}"
        )
    print(f"accuracy {accuracy:.3f}")
    return 0
