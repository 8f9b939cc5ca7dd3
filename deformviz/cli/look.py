"""`deformviz look`: one picture through any model, proven, as a page, a figure or numbers."""

import argparse
from pathlib import Path

HELP = "look at a picture with any model: a proven page, figure, table or recording"
RUNS_MODELS = True
ENDINGS = (".html", ".svg", ".png", ".pdf", ".csv", ".npz", ".deformviz")


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="shipped name, checkpoint, folder of transformers, hf:NAME")
    parser.add_argument("picture", help="JPEG, PNG, WebP, BMP or GIF")
    parser.add_argument("--to", default="look.html", help=f"file ending in {', '.join(ENDINGS)}")
    parser.add_argument("--prompt", help='text for models that read it, "a cat. a remote."')
    parser.add_argument("--layer", help="of a figure or table; default: the last one")
    parser.add_argument("--query", type=int, help="whose samples to show")
    parser.add_argument("--head", type=int, help="only this one")
    parser.add_argument(
        "--placement",
        type=int,
        default=0,
        metavar="N",
        help="also follow N samples of each layer back to the pixels they depend on",
    )
    parser.add_argument("--open", action="store_true", help="open the result in the browser")


def act(options: argparse.Namespace) -> int:
    """Record, prove, write; 1 where a layer could not be proven."""
    to = Path(options.to)
    if to.suffix.lower() not in ENDINGS:
        raise ValueError(f"{to.name} must end in one of {', '.join(ENDINGS)}.")
    from deformviz.checkpoints.load import load
    from deformviz.tracing.look import look

    recording = look(
        load(options.model),
        options.picture,
        prompt=options.prompt,
        title=Path(options.picture).name,
        placement=options.placement,
    )
    print(recording.verify())
    write(recording, to, options)
    print(f"{to}: {to.stat().st_size / 1e6:.2f} MB.")
    if options.open:
        import webbrowser

        webbrowser.open(to.resolve().as_uri())
    return 1 if recording.skipped else 0


def write(recording, to: Path, options: argparse.Namespace) -> None:
    """The recording as the name of the file wants it."""
    from deformviz.tracing.tables import save_arrays, save_points

    ending = to.suffix.lower()
    if ending == ".deformviz":
        recording.save(to)
    elif ending == ".npz":
        save_arrays(recording, to)
    elif ending == ".csv":
        save_points(recording, to, layer=options.layer, query=options.query, head=options.head)
    elif ending == ".html":
        view = {} if options.query is None else {"q": options.query, "pin": 1}
        if options.head is not None:
            view["heads"] = [options.head]
        layers = None if options.layer is None else [options.layer]
        recording.to_html(to, layers=layers, view=view)
    else:
        heads = None if options.head is None else [options.head]
        recording.figure(layer=options.layer, query=options.query, heads=heads).save(to)
