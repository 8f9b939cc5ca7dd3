"""`deformviz publish`: everything stored as plain files, for any web server and any folder."""

import argparse
import sys
from pathlib import Path

HELP = "write a site of plain files: lessons, pictures, studies, cards; no server computes"
RUNS_MODELS = True


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", default="site", metavar="DIR", help="new, or an earlier site")
    parser.add_argument(
        "--lang", default="en", metavar="A,B", help="languages, the first at the root (en,zh)"
    )
    parser.add_argument(
        "--recordings", type=Path, metavar="DIR", help="also show the recordings in this folder"
    )
    parser.add_argument(
        "--pictures", type=Path, metavar="DIR", help="also show what the detector does with these"
    )
    parser.add_argument(
        "--studies", type=Path, metavar="DIR", help="also show this study, or those in this folder"
    )
    parser.add_argument(
        "--no-training", action="store_true", help="without the replays of the shipped trainings"
    )
    parser.add_argument(
        "--live",
        nargs="*",
        metavar="MODEL",
        help="models that run in the visitor's browser; without a name the shipped ones",
    )
    parser.add_argument(
        "--webgpu",
        action="store_true",
        help="with --live: also by the browser's WebGPU (untested; 25 MB more)",
    )
    parser.add_argument(
        "--address",
        default="",
        metavar="URL",
        help="where it will be: adds a map of the site and its picture beside links to it",
    )


def act(options: argparse.Namespace) -> int:
    """Write it, and say how large it is."""
    from deformviz.publish.site import publish

    def say_page(page: str) -> None:
        print(f"\r{page:<40}", end="", file=sys.stderr)

    folder = publish(
        options.out,
        spoken=[name.strip() for name in options.lang.split(",")],
        own_recordings=options.recordings,
        own_pictures=options.pictures,
        own_studies=options.studies,
        training=not options.no_training,
        live=options.live,
        webgpu=options.webgpu,
        address=options.address,
        on_page=say_page if sys.stderr.isatty() else None,
    )
    files = [path for path in folder.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    print(f"{folder}: {len(files)} files, {size / 1e6:.1f} MB.")
    print(f"See it: python -m http.server --directory {folder}")
    return 0
