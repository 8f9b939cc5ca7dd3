"""`deformviz get`: bring a published model here, or list those that can be had."""

import argparse
import sys
import time

HELP = "download a published model, or list them"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", help="of the list, or hf:OWNER/NAME; default: the list")


def act(options: argparse.Namespace) -> int:
    """Download with progress; Ctrl-C keeps what came, and the next call goes on from there."""
    from deformviz.checkpoints.downloads import DOWNLOADS
    from deformviz.checkpoints.fetch import cached, fetch

    if options.name is None:
        for download in DOWNLOADS.values():
            print(f"{'✓' if cached(download.name) else ' '} {download}")
        return 0
    path = fetch(options.name, progress())
    print(f"{path}\nLoad it: dv.load({options.name!r})")
    return 0


def progress():
    """Says a few times a second how much is here."""
    last = [0.0]

    def report(file: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now - last[0] > 0.5 or done == total:
            last[0] = now
            share = (
                f"{done / total:4.0%} of {total / 1e6:.0f} MB" if total else f"{done / 1e6:.0f} MB"
            )
            print(
                f"\r{file}: {share}", end="\n" if done == total else "", file=sys.stderr, flush=True
            )

    return report
