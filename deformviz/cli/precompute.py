"""`deformviz precompute`: store the traces of the sample images."""

import argparse
from pathlib import Path

from deformviz.cli.progress import progress
from deformviz.cli.shipped import SHIPPED

HELP = "store the traces of the sample images"
RUNS_MODELS = True


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default=SHIPPED["detector"])
    parser.add_argument("--images", default="sample_images")
    parser.add_argument("--to", default="deformviz/assets/traces")
    parser.add_argument(
        "--proofs", action="store_true", help="only prove what is stored, and note it there"
    )
    parser.add_argument(
        "--attribution",
        action="store_true",
        help="only study the surest answer of each stored picture, and keep that beside it",
    )


def act(options: argparse.Namespace) -> int:
    """Store the traces of the sample images, so that the app shows them without a model."""
    from deformviz.checkpoints.load import load
    from deformviz.tracing.store import write_store

    if options.proofs:
        from deformviz.tracing.store_proofs import add_proofs

        proofs = add_proofs(load(options.model), Path(options.to), Path(options.images))
        for name, difference in proofs.items():
            print(f"{name}: replayed within {difference:.1e} of the largest output.")
        return 0

    if options.attribution:
        from deformviz.analysis.study_stored import store_studies

        errors = store_studies(
            load(options.model),
            Path(options.to),
            Path(options.images),
            on_progress=progress("pictures"),
        )
        for name, error in errors.items():
            print(f"{name}: attributions miss at most {error:.1%} of their score difference.")
        return 0

    write_store(
        load(options.model),
        Path(options.images),
        Path(options.to),
        on_progress=progress("pictures"),
    )
    return 0
