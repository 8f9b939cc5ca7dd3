"""The same things without a browser: `deformviz <command>` or `python -m deformviz <command>`."""

import argparse
import logging
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

SHIPPED = {"detector": "deformable-detr-scenes", "dat": "dat-scenes"}


def _progress(label: str):
    """A callback that keeps one line of a terminal up to date with what is done and left."""
    started = time.monotonic()

    def show(done: int, count: int, note: str = "") -> None:
        left = (time.monotonic() - started) / max(done, 1) * (count - done)
        end = "\n" if done == count else ""
        sys.stderr.write(f"\r{label} {done}/{count}, {left / 60:.1f} min left {note}   {end}")
        sys.stderr.flush()

    return show


def train_detector(options: argparse.Namespace) -> int:
    """Train the scenes detector; a folder that holds a stopped run goes on with it."""
    from deformviz.training.distributed import joined, this_rank
    from deformviz.training.live import app_beside

    options.out = options.out or f"runs/{options.what}"
    if options.what == "dat":
        return train_dat(options)
    with joined(options.device) as world:
        training = prepare_training(options, world)
        if not options.watch or this_rank():
            show_training(training, options.parent)
        else:
            with app_beside(Path(options.out)) as (address, app):
                print(f"Watch it at {address}", flush=True)
                show_training(training, options.parent)
                print("The training is over, the app still runs; Ctrl-C ends it.", flush=True)
                app.wait()
    if world.size > 1:
        leave_at_once()
    return 0


def leave_at_once() -> None:
    """End a process of several, all of whose files are closed, without tearing Python down.

    Threads of torch.distributed outlive their group for a moment. One that asks for Python while
    it is torn down aborts the process, once in some twenty runs, and torchrun reports a failure.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def train_dat(options: argparse.Namespace) -> int:
    """Train the small DAT; a folder that holds a stopped run goes on with it."""
    import torch

    from deformviz.training.dat import DATRecipe, DATTraining
    from deformviz.training.run_folder import RunFolder

    if options.watch or options.recipe or options.device != "cpu":
        raise ValueError("train dat knows neither --watch, --recipe nor --device.")
    if options.threads:
        torch.set_num_threads(options.threads)
    changes = {
        name: value
        for name in ("iterations", "seed")
        if (value := getattr(options, name)) is not None
    }
    recipe, folder = replace(DATRecipe(), **changes), RunFolder(options.out)
    folder.create(
        "dat",
        recipe.to_dict(),
        torch=str(torch.__version__),
        command="deformviz " + " ".join(options.command_line),
    )
    show_training(DATTraining(recipe, folder), options.parent)
    return 0


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


def prepare_training(options: argparse.Namespace, world):
    """The run that `options` describe, at the iteration its folder has reached."""
    import torch

    from deformviz.training.loop import DetectorTraining
    from deformviz.training.recipe import DetectorRecipe, read_recipe
    from deformviz.training.run_folder import RunFolder

    if options.threads:
        torch.set_num_threads(options.threads)
    recipe = read_recipe(options.recipe) if options.recipe else DetectorRecipe()
    changes = {
        name: value
        for name in ("iterations", "seed")
        if (value := getattr(options, name)) is not None
    }
    recipe = replace(recipe, **changes)
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


def export_run(options: argparse.Namespace) -> int:
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


def record_run(options: argparse.Namespace) -> int:
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
            on_progress=_progress("snapshots"),
        )
    else:
        ship_run(
            source,
            to,
            coding=options.coding,
            scenes=options.scenes,
            score_scenes=options.score_scenes,
            on_progress=_progress("snapshots"),
        )
    size_mb = sum(file.stat().st_size for file in to.rglob("*") if file.is_file()) / 1e6
    print(f"{to}: {size_mb:.1f} MB.")
    return 0


def evaluate(options: argparse.Namespace) -> int:
    """How good a model is on held-out rendered scenes."""
    from deformviz.checkpoints.load import load
    from deformviz.training.evaluate import evaluate_detector

    model = load(options.model or SHIPPED[options.what])
    if options.what == "dat":
        return evaluate_dat(model, options)
    score = evaluate_detector(
        model,
        scenes=options.scenes,
        seed=options.seed,
        size_px=options.size,
        on_progress=_progress("scenes"),
    )
    print(score)
    return 0


def evaluate_dat(model, options: argparse.Namespace) -> int:
    """Accuracy of a classifier, and how much its last deformed grid attends to the object."""
    from deformviz.analysis.grid_scenes import object_shares
    from deformviz.training.dat import evaluate_classifier

    accuracy = evaluate_classifier(
        model, scenes=options.scenes, seed=options.seed, on_progress=_progress("scenes")
    )
    if options.grids:
        shares = object_shares(
            model, scenes=options.scenes, seed=options.seed, on_progress=_progress("grids")
        )
        print(
            f"on the object: attention {shares.weighted:.3f}, knots {shares.plain:.3f}, "
            f"undeformed knots {shares.undeformed:.3f}"
        )
    print(f"accuracy {accuracy:.3f}")
    return 0


def precompute(options: argparse.Namespace) -> int:
    """Store the traces of the sample images, so that the app shows them without a model."""
    from deformviz.checkpoints.load import load
    from deformviz.tracing.store import write_store

    write_store(
        load(options.model),
        Path(options.images),
        Path(options.to),
        on_progress=_progress("pictures"),
    )
    return 0


def inspect(options: argparse.Namespace) -> int:
    """Print what a checkpoint is; 1 where it cannot be used."""
    from deformviz.checkpoints.inspect import inspect_checkpoint

    found = inspect_checkpoint(options.file, **_layout_options(options))
    print(found)
    return 0 if found.usable else 1


def convert(options: argparse.Namespace) -> int:
    """Write a checkpoint of any known layout as safetensors that carry their configuration."""
    import torch

    from deformviz.checkpoints.load import load
    from deformviz.checkpoints.own import save

    if not options.to.endswith(".safetensors"):
        raise ValueError(f"{options.to} must end in .safetensors.")
    model = load(options.file, **_layout_options(options))
    save(
        model,
        options.to,
        dtype=getattr(torch, options.dtype),
        metadata={"converted_from": Path(options.file).name},
    )
    print(f"{options.to}: {model.load_report}")
    return 0


def doctor(options: argparse.Namespace) -> int:
    """Versions, compilers, back ends of the op, and how far each is from the reference."""
    from deformviz.attention.diagnosis import diagnosis

    for subject, found in diagnosis():
        print(f"{subject:<22}{found}")
    return 0


def judge_weights(options: argparse.Namespace) -> int:
    """Delete samples by weight, by attribution and at random over many scenes."""
    from deformviz.analysis.faithfulness_scenes import deletion_on_scenes
    from deformviz.checkpoints.load import load

    print(
        deletion_on_scenes(
            load(options.model),
            layer=options.layer,
            scenes=options.scenes,
            seed=options.seed,
            on_progress=_progress("scenes"),
        )
    )
    return 0


def _layout_options(options: argparse.Namespace) -> dict:
    """What the caller says about a file that its tensors cannot tell."""
    import json

    said = {name: getattr(options, name) for name in ("heads", "queries", "version")}
    said["dilation"] = True if options.dilation else None
    if options.config:
        said["config"] = json.loads(Path(options.config).read_text())
    return said


def build_parser() -> argparse.ArgumentParser:
    """Every command with its options."""
    parser = argparse.ArgumentParser(prog="deformviz", description=__doc__.split(":")[0] + ".")
    commands = parser.add_subparsers(required=True, metavar="command")

    _training_commands(commands)
    _checkpoint_commands(commands)

    score = commands.add_parser("evaluate", help="how good a model is on held-out scenes")
    score.add_argument("what", nargs="?", default="detector", choices=list(SHIPPED))
    score.add_argument("--model", help="shipped name or checkpoint; default: the shipped one")
    score.add_argument(
        "--grids",
        action="store_true",
        help="of a DAT, also the share of its attention on the object",
    )
    score.add_argument("--scenes", type=int, default=500)
    score.add_argument("--seed", type=int, default=20_000)
    score.add_argument("--size", type=int, default=192, help="side of the pictures in pixels")
    score.set_defaults(act=evaluate)

    judge = commands.add_parser(
        "faithfulness",
        help="do weights and attributions find what matters? deletion over many scenes",
    )
    judge.add_argument("--model", default=SHIPPED["detector"], help="shipped name or checkpoint")
    judge.add_argument("--layer", help="default: the last one of the decoder")
    judge.add_argument("--scenes", type=int, default=100)
    judge.add_argument("--seed", type=int, default=20_000)
    judge.set_defaults(act=judge_weights)

    store = commands.add_parser("precompute", help="store the traces of the sample images")
    store.add_argument("--model", default=SHIPPED["detector"])
    store.add_argument("--images", default="sample_images")
    store.add_argument("--to", default="deformviz/assets/traces")
    store.set_defaults(act=precompute)

    check = commands.add_parser("doctor", help="say what runs the op here, and how exactly")
    check.set_defaults(act=doctor)
    return parser


def _training_commands(commands) -> None:
    train = commands.add_parser("train", help="train a shipped model from scratch")
    train.add_argument("what", choices=list(SHIPPED))
    train.add_argument("--out", help="run folder (resumes one); default: runs/<what>")
    train.add_argument("--iterations", type=int, help="default: the recipe's")
    train.add_argument("--seed", type=int, help="default: the recipe's, 0")
    train.add_argument("--recipe", help="JSON file with entries that differ from the default")
    train.add_argument("--threads", type=int, default=1, help="threads of this process, 0 = all")
    train.add_argument("--device", default="cpu", help="cpu or cuda")
    train.add_argument("--watch", action="store_true", help="follow the run in the app")
    train.add_argument("--parent", type=int, help=argparse.SUPPRESS)
    train.set_defaults(act=train_detector)

    export = commands.add_parser("export", help="make a checkpoint of a training run")
    export.add_argument("run", help="run folder")
    export.add_argument("to", help="file.safetensors")
    export.set_defaults(act=export_run)

    ship = commands.add_parser("record-run", help="make the shipped recording of a training run")
    ship.add_argument("run", help="run folder")
    ship.add_argument("--to", default="deformviz/assets/runs/detector")
    ship.add_argument("--coding", default="int8-rows", choices=["int8-rows", "half"])
    ship.add_argument("--scenes", type=int, default=32, help="for the statistics")
    ship.add_argument("--score-scenes", type=int, default=200, help="for AP, 0 = without")
    ship.add_argument("--threads", type=int, default=1)
    ship.set_defaults(act=record_run)


def _checkpoint_commands(commands) -> None:
    look = commands.add_parser("inspect", help="say what a checkpoint is, key by key")
    look.add_argument("file", help="checkpoint, folder of transformers, or shipped name")
    look.set_defaults(act=inspect)

    other = commands.add_parser("convert", help="write any known checkpoint as safetensors")
    other.add_argument("file", help="checkpoint, folder of transformers, or shipped name")
    other.add_argument("to", help="file.safetensors")
    other.add_argument("--dtype", default="float32", choices=["float32", "float16"])
    other.set_defaults(act=convert)
    for command in (look, other):
        command.add_argument("--heads", type=int, help="attention heads, 8 if nobody says so")
        command.add_argument("--queries", type=int, help="of a two-stage model, default 300")
        command.add_argument("--dilation", action="store_true", help="a DC5 model")
        command.add_argument("--version", choices=["v1", "++"], help="of DAT")
        command.add_argument("--config", help="JSON file of constructor values")


EXTRA_OF = {
    "pycocotools": "train",
    "scipy": "train",
    "transformers": "hf",
    "huggingface_hub": "hf",
    "playwright": "test",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; mistakes of the caller end with one sentence and exit code 2."""
    command_line = list(sys.argv[1:] if arguments is None else arguments)
    options = build_parser().parse_args(command_line)
    options.command_line = command_line
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        return options.act(options)
    except (ValueError, OSError) as problem:
        print(f"deformviz: {problem}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as missing:
        package = (missing.name or "deformviz").partition(".")[0]
        if package not in EXTRA_OF:
            raise
        print(
            f"deformviz: this needs the package {package}. Install it with "
            f"`pip install 'deformviz[{EXTRA_OF[package]}]'`.",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        print("\ndeformviz: stopped.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
