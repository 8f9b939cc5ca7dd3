"""`deformviz train`: train a shipped model from scratch, or go on with a stopped run."""

import argparse
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

from deformviz.cli.serving import HERE, choose_port, served
from deformviz.cli.shipped import SHIPPED

HELP = "train a shipped model from scratch"
RUNS_MODELS = True


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=list(SHIPPED))
    parser.add_argument("--out", help="run folder (resumes one); default: runs/<what>")
    parser.add_argument("--iterations", type=int, help="default: the recipe's")
    parser.add_argument("--seed", type=int, help="default: the recipe's, 0")
    parser.add_argument("--recipe", help="JSON file with entries that differ from the default")
    parser.add_argument("--threads", type=int, default=1, help="threads of this process, 0 = all")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--watch", action="store_true", help="follow the run in the app")
    parser.add_argument("--parent", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--live", help=argparse.SUPPRESS)  # options of LiveTraining


def act(options: argparse.Namespace) -> int:
    """Train the model asked for; a folder that holds a stopped run goes on with it."""
    from deformviz.training.distributed import joined, this_rank
    from deformviz.training.live import FOLLOWED

    options.out = options.out or f"runs/{options.what}"
    if options.what == "dat":
        return train_dat(options)
    with joined(options.device) as world:
        training = prepare_training(options, world)
        if not options.watch or this_rank():
            show_training(training, options.parent)
        else:
            port, run = choose_port(None), Path(options.out).resolve()
            with served(port, environment={FOLLOWED: str(run)}) as app:
                print(f"Watch it at http://{HERE}:{port}/training?run={run.name}", flush=True)
                show_training(training, options.parent)
                print("The training is over, the app still runs; Ctrl-C ends it.", flush=True)
                app.wait()
    if world.size > 1:
        leave_at_once()
    return 0


def prepare_training(options: argparse.Namespace, world):
    """The run that `options` describe, at the iteration its folder has reached."""
    import torch

    from deformviz.training.live import read_options
    from deformviz.training.loop import DetectorTraining
    from deformviz.training.recipe import DetectorRecipe, read_recipe
    from deformviz.training.run_folder import RunFolder

    if options.threads:
        torch.set_num_threads(options.threads)
    if options.live:
        recipe = read_options(options.live).recipe()
    else:
        recipe = read_recipe(options.recipe) if options.recipe else DetectorRecipe()
    recipe = replace(recipe, **said_of_the_recipe(options))
    folder = RunFolder(options.out)
    if world.is_first:
        folder.create(
            "detector",
            recipe.to_dict(),
            torch=str(torch.__version__),
            command="deformviz " + " ".join(options.command_line),
        )
    training = DetectorTraining(recipe, folder, world)
    if world.is_first and training.iteration:
        folder.taken_up(
            training.iteration, recipe.to_dict(), "deformviz " + " ".join(options.command_line)
        )
    return training


def train_dat(options: argparse.Namespace) -> int:
    """Train the small DAT; a folder that holds a stopped run goes on with it."""
    import torch

    from deformviz.training.dat import DATRecipe, DATTraining, read_dat_recipe
    from deformviz.training.run_folder import RunFolder

    if options.watch or options.device != "cpu":
        raise ValueError("train dat knows neither --watch nor --device.")
    if options.threads:
        torch.set_num_threads(options.threads)
    recipe = read_dat_recipe(options.recipe) if options.recipe else DATRecipe()
    recipe, folder = replace(recipe, **said_of_the_recipe(options)), RunFolder(options.out)
    folder.create(
        "dat",
        recipe.to_dict(),
        torch=str(torch.__version__),
        command="deformviz " + " ".join(options.command_line),
    )
    show_training(DATTraining(recipe, folder), options.parent)
    return 0


def said_of_the_recipe(options: argparse.Namespace) -> dict:
    """The entries of a recipe that the command line sets."""
    said = {name: getattr(options, name) for name in ("iterations", "seed")}
    return {name: value for name, value in said.items() if value is not None}


def show_training(training, parent: int | None) -> None:
    """Train, and say every fifty iterations how it goes."""
    from deformviz.training.live import under_control

    first, last, started = training.iteration, training.recipe.iterations, time.monotonic()
    recent: list[float] = []
    for record in under_control(training, parent=parent):
        recent = [*recent[-49:], record["loss"]]
        done = record["iteration"]
        if training.world.is_first and (done % 50 == 0 or done == last):
            pace = (time.monotonic() - started) / (done - first)
            print(
                f"iteration {done}/{last}  loss {sum(recent) / len(recent):.3f}  "
                f"{pace:.2f} s each, {pace * (last - done) / 60:.0f} min left",
                flush=True,
            )


def leave_at_once() -> None:
    """End a process of several, all of whose files are closed, without tearing Python down.

    Threads of torch.distributed outlive their group for a moment. One that asks for Python while
    it is torn down aborts the process, once in some twenty runs, and torchrun reports a failure.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
