"""deformviz merge: join the shares of a study that several machines made."""

import argparse
from pathlib import Path

HELP = "join the shares of one study"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("studies", type=Path, nargs="+", help="folders of the shares")
    parser.add_argument("--out", type=Path, required=True, help="folder of the whole study")


def act(options: argparse.Namespace) -> int:
    from deformviz.survey.finish import keep_results
    from deformviz.survey.parts import merge
    from deformviz.survey.study import Study

    study = Study(merge(options.studies, options.out).path)
    if study.complete:
        keep_results(study)
    missing = study.settings.pictures - study.covered
    print(f"{options.out}: {study.covered:,} pictures, {missing:,} missing.")
    return 0
