"""What the caller of a command can say about a checkpoint that its tensors cannot tell."""

import argparse
import json
from pathlib import Path


def add_layout_options(parser: argparse.ArgumentParser) -> None:
    """The options that fill in what a file leaves open."""
    parser.add_argument("--heads", type=int, help="attention heads, 8 if nobody says so")
    parser.add_argument("--queries", type=int, help="of a two-stage model, default 300")
    parser.add_argument("--dilation", action="store_true", help="a DC5 model")
    parser.add_argument("--version", choices=["v1", "++"], help="of DAT")
    parser.add_argument("--config", help="JSON file of constructor values")
    parser.add_argument("--weights", help="which set of a training file, e.g. model or ema")
    parser.add_argument(
        "--labels", help="names of the classes: a COCO json, a JSON list, or one name a line"
    )
    parser.add_argument(
        "--ignore-extra", action="store_true", help="use a file that holds more than the model"
    )


def layout_options(options: argparse.Namespace) -> dict:
    """What the caller says about a file that its tensors cannot tell."""
    said = {name: getattr(options, name) for name in ("heads", "queries", "version")}
    said["dilation"] = True if options.dilation else None
    if options.config:
        said["config"] = json.loads(Path(options.config).read_text())
    if options.labels:
        from deformviz.checkpoints.labels import read_labels

        said["class_names"] = read_labels(options.labels)
    return said | {"weights": options.weights, "ignore_extra": options.ignore_extra}
