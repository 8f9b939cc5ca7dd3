"""`deformviz verify`: does a published model say here what was published of it?"""

import argparse

from deformviz.cli.get import progress

HELP = "compare a published model's answer with published numbers"
RUNS_MODELS = True


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="of the list that `deformviz get` prints")
    parser.add_argument("--picture", help="COCO's val2017/000000039769.jpg; default: download it")


def act(options: argparse.Namespace) -> int:
    """Print the verdict; 1 where the numbers differ."""
    from deformviz.checkpoints.downloads import DOWNLOADS, PICTURE
    from deformviz.checkpoints.fetch import fetch, fetch_file
    from deformviz.checkpoints.golden import compare
    from deformviz.checkpoints.load import load

    download = DOWNLOADS.get(options.name)
    if download is None or download.golden is None:
        known = ", ".join(name for name, one in DOWNLOADS.items() if one.golden)
        raise ValueError(f"No numbers were published of {options.name}; there are some of {known}.")
    picture = options.picture or fetch_file(PICTURE, progress())
    verdict = compare(load(fetch(options.name, progress())), picture, download.golden)
    print(f"{options.name} {verdict}.")
    return 0 if verdict.agrees else 1
