"""`deformviz convert`: write any known checkpoint as safetensors."""

import argparse
from pathlib import Path

from deformviz.cli.layout import add_layout_options, layout_options

HELP = "write any known checkpoint as safetensors"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="checkpoint, folder of transformers, or shipped name")
    parser.add_argument("to", help="file.safetensors")
    parser.add_argument("--dtype", default="float32", choices=["float32", "float16"])
    add_layout_options(parser)


def act(options: argparse.Namespace) -> int:
    """Write a checkpoint of any known layout as safetensors that carry their configuration."""
    import torch

    from deformviz.checkpoints.load import load, report_of
    from deformviz.checkpoints.own import save

    if not options.to.endswith(".safetensors"):
        raise ValueError(f"{options.to} must end in .safetensors.")
    model = load(options.file, **layout_options(options))
    save(
        model,
        options.to,
        dtype=getattr(torch, options.dtype),
        metadata={"converted_from": Path(options.file).name},
    )
    print(f"{options.to}: {report_of(model)}")
    return 0
