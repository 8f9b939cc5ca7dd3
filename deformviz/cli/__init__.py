"""The same things without a browser: `deformviz <command>` or `python -m deformviz <command>`.

A command is one file here, named as it is typed (`-` becomes `_`), and one line in COMMANDS. Its
HELP is one clause, `add_options(parser)` declares what it takes, and `act(options)` does it and
returns the exit status. What needs torch is imported inside `act`, so that `--help` is quick. One
that runs models says `RUNS_MODELS = True`: its process then keeps the memory that a pass frees.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from importlib import import_module

from deformviz.models.memory import keep_freed_memory

COMMANDS = (
    "app",
    "look",
    "figure",
    "train",
    "export",
    "record-run",
    "inspect",
    "convert",
    "get",
    "verify",
    "evaluate",
    "faithfulness",
    "precompute",
    "make-photo-traces",
    "survey",
    "merge",
    "publish",
    "doctor",
)

EXTRA_OF = {
    "pycocotools": "train",
    "scipy": "train",
    "transformers": "hf",
    "huggingface_hub": "hf",
    "playwright": "test",
    "pyarrow": "survey",
    "duckdb": "survey",
    "py_mini_racer": "figures",
    "resvg_py": "figures",
    "cairosvg": "figures",
    "anywidget": "notebook",
    "ray": "cluster",
}


def build_parser() -> argparse.ArgumentParser:
    """Every command with its options."""
    parser = argparse.ArgumentParser(
        prog="deformviz", description="The same things without a browser."
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    for name in COMMANDS:
        command = import_module(f"deformviz.cli.{name.replace('-', '_')}")
        chosen = commands.add_parser(name, help=command.HELP)
        command.add_options(chosen)
        chosen.set_defaults(act=command.act, runs_models=getattr(command, "RUNS_MODELS", False))
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; mistakes of the caller end with one sentence and exit code 2.

    Args:
        arguments: None: those of this process, which is then the command's own.
    """
    command_line = list(sys.argv[1:] if arguments is None else arguments)
    options = build_parser().parse_args(command_line)
    options.command_line = command_line
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if arguments is None and options.runs_models:
        keep_freed_memory()
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
