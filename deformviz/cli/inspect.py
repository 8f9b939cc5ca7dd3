"""`deformviz inspect`: what a checkpoint is, key by key."""

import argparse

from deformviz.cli.layout import add_layout_options, layout_options

HELP = "say what a checkpoint is, key by key"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="checkpoint, folder of transformers, or shipped name")
    add_layout_options(parser)


def act(options: argparse.Namespace) -> int:
    """Print what a checkpoint is; 1 where it cannot be used."""
    from deformviz.checkpoints.inspect import inspect_checkpoint

    found = inspect_checkpoint(options.file, **layout_options(options))
    print(found)
    return 0 if found.usable else 1
