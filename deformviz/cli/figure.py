"""`deformviz figure`: a figure for a paper, by its name, as PDF, SVG or PNG."""

import argparse
from pathlib import Path

HELP = "a figure for a paper: points, offsets, clouds, grids, deletion curves; PDF, SVG or PNG"
RUNS_MODELS = True


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="figure-6, points-by-head, ..; `list` names them all")
    parser.add_argument("--out", help="file ending in .pdf, .svg or .png; default: NAME.pdf")
    parser.add_argument("--picture", help="a file, or the name of a shipped picture")
    parser.add_argument("--model", help="shipped name, checkpoint, folder of transformers, hf:NAME")
    parser.add_argument("--run", help="recorded training: detector, dat, or a run folder")
    parser.add_argument("--iteration", type=int, help="of the training; default: its last one")
    parser.add_argument("--layer", help="default: the last one that the figure shows")
    parser.add_argument("--query", type=int, help="whose samples to show")
    parser.add_argument("--heads", type=int, nargs="+", help="only these")
    parser.add_argument("--levels", type=int, nargs="+", help="only these")
    parser.add_argument("--top", type=int, help="of these only so many, the heaviest")
    parser.add_argument("--group", type=int, help="of heads that share a deformed grid")
    parser.add_argument("--zoom", type=float, help="how many times closer")
    parser.add_argument("--width-mm", type=float, help="default: 85, one column of two")
    parser.add_argument("--height-mm", type=float, help="default: as high as what is drawn")
    parser.add_argument("--dark", action="store_true", help="light letters on dark ground")
    parser.add_argument("--font", help="a family of letters on this machine")
    parser.add_argument("--font-pt", type=float, help="size of letters, default 7")
    parser.add_argument("--code", action="store_true", help="print the lines that draw it again")


def act(options: argparse.Namespace) -> int:
    """Draw, write, and print the caption."""
    from deformviz.figures.studio import FIGURES, FigureError, figure
    from deformviz.figures.studio.paper import ENDINGS
    from deformviz.words import say

    if options.name == "list":
        for name in FIGURES:
            print(f"{name:28} {say(f'figure.{name}.title')}")
        return 0
    to = Path(options.out or f"{options.name}.pdf")
    if to.suffix.lower().lstrip(".") not in ENDINGS:
        raise FigureError(f"{to.name} must end in .{', .'.join(ENDINGS)}.")
    names = (
        "model run iteration layer query heads levels top group zoom "
        "width_mm height_mm dark font font_pt"
    )
    said = {name: getattr(options, name) for name in names.split()}
    given = {name: value for name, value in said.items() if value not in (None, False)}
    made = figure(options.name, options.picture, **given)
    made.save(to)
    print(f"{to}: {to.stat().st_size / 1e3:.0f} kB.\n{made.caption}")
    if options.code:
        print(f"\n{made.code}", end="")
    return 0
