"""`deformviz export`: make a checkpoint of a training run."""

import argparse
from pathlib import Path

HELP = "make a checkpoint of a training run"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", help="run folder")
    parser.add_argument("to", help="file.safetensors")


def act(options: argparse.Namespace) -> int:
    """Write the averaged weights of a run as a half-precision checkpoint."""
    from deformviz.checkpoints.own import save
    from deformviz.training.dat import DATRecipe, DATTraining
    from deformviz.training.loop import DetectorTraining
    from deformviz.training.recipe import DetectorRecipe
    from deformviz.training.run_folder import RunFolder

    folder = RunFolder(options.run)
    about = folder.about()
    if about["kind"] == "dat":
        recipe = DATRecipe.from_dict(about["recipe"])
        training = DATTraining(recipe, folder)
    else:
        recipe = DetectorRecipe.from_dict(about["recipe"])
        training = DetectorTraining(recipe, folder)
    facts = {
        "iterations": str(training.iteration),
        "seed": str(recipe.seed),
        "command": about.get("command", ""),
        "trained_on": "rendered scenes",
    }
    save(training.average, Path(options.to), metadata=facts)
    print(f"{options.to}: averaged weights after {training.iteration} iterations.")
    return 0
