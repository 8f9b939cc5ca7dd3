"""`deformviz app`: start the app and show it in a browser. `./run` ends in this command."""

import argparse
import os
import secrets
import signal
import subprocess
import sys
import webbrowser
from pathlib import Path
from urllib.parse import urlencode

from deformviz.cli.at_hand import VARIABLE, has_desktop, noted, shown_folder
from deformviz.cli.serving import (
    EVERYWHERE,
    FIRST_PORT,
    HERE,
    answers,
    choose_port,
    lan_address,
    served,
)

HELP = "start the app"
ENDING = ".deformviz"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "open", nargs="*", type=Path, metavar="x.deformviz", help="recordings to open"
    )
    parser.add_argument("--port", type=int, help=f"default: {FIRST_PORT} or the next free one")
    parser.add_argument(
        "--lan", action="store_true", help="let other machines of this network open the app"
    )
    parser.add_argument(
        "--name",
        action="append",
        default=[],
        help="another name this machine is visited by, beside its own and its address",
    )
    parser.add_argument(
        "--checkpoints", type=Path, metavar="DIR", help="folder of checkpoints the app may offer"
    )
    parser.add_argument(
        "--recordings", type=Path, metavar="DIR", help="folder of recordings the app lists"
    )
    parser.add_argument(
        "--studies", type=Path, metavar="DIR", help="folder of studies the page Survey lists"
    )
    parser.add_argument(
        "--device",
        choices=["auto", "cpu", "cuda"],
        default="auto",
        help="what models run on; auto takes an NVIDIA GPU where torch can use one",
    )


def act(options: argparse.Namespace) -> int:
    """Serve the app until Ctrl-C or SIGTERM; returns the server's exit status."""
    environment = app_environment(options)
    key = environment.get("DEFORMVIZ_KEY", "")
    address = EVERYWHERE if options.lan else HERE
    port = choose_port(options.port, address)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does
    try:
        names = tuple(options.name)
        with served(port, address, environment, names) as server, noted(port):
            if answers(server, port):
                here = with_key(f"http://{HERE}:{port}{first_page(options)}", key)
                print(f"\ndeformviz is at {here}  (Ctrl-C ends it)")
                if options.lan:
                    say_where(with_key(f"http://{lan_address()}:{port}/", key))
                sys.stdout.flush()
                if has_desktop(os.environ):
                    webbrowser.open(here)
            return server.wait()
    except KeyboardInterrupt:
        print("\nEnded.", flush=True)
        return 0


def with_key(address: str, key: str) -> str:
    """An address that lets in who opens it."""
    return f"{address}{'&' if '?' in address else '?'}key={key}" if key else address


def say_where(address: str) -> None:
    """The address for others, in words and as a code for their phones."""
    import segno

    print(f"On this network:  {address}")
    print("Whoever opens it once may come in for a week; nobody else may.")
    if sys.stdout.isatty():
        segno.make(address).terminal(compact=True)


def app_environment(options: argparse.Namespace) -> dict[str, str]:
    """The options as the app reads them.

    Raises ValueError for a folder that is not there and a GPU that torch cannot use.
    """
    said = {}
    for name in ("checkpoints", "recordings", "studies"):
        folder = getattr(options, name)
        if folder is not None:
            if not folder.is_dir():
                raise ValueError(f"--{name}: {folder} is not a folder.")
            said[f"DEFORMVIZ_{name.upper()}"] = str(folder.resolve())
    if listed := recordings_to_list(options):
        said[VARIABLE] = os.pathsep.join(map(str, listed))
    if options.lan:
        said["DEFORMVIZ_LAN"] = "1"
        said["DEFORMVIZ_KEY"] = os.environ.get("DEFORMVIZ_KEY") or secrets.token_urlsafe(12)
    if options.device == "cpu":
        said["CUDA_VISIBLE_DEVICES"] = ""
    if options.device == "cuda" and not torch_can_use_a_gpu():
        raise ValueError(
            "--device cuda: torch can use no NVIDIA GPU here. `deformviz doctor` says what it "
            "finds; without --device the app runs on the CPU."
        )
    return said


def recordings_to_list(options: argparse.Namespace) -> list[Path]:
    """Files and folders of recordings the app lists; shown ones where nobody else can see them.

    Raises ValueError for what is not there.
    """
    for path in options.open:
        if not path.is_file() or path.suffix != ENDING:
            raise ValueError(f"{path} is no recording: there is no file of this name *{ENDING}.")
    found = [*options.open, *filter(None, [options.recordings])]
    return [path.resolve() for path in found] + ([] if is_shared(options) else [shown_folder()])


def is_shared(options: argparse.Namespace) -> bool:
    """Whether others than whoever starts it can reach the app, behind a proxy too."""
    return options.lan or os.environ.get("DEFORMVIZ_LAN") == "1"


def first_page(options: argparse.Namespace) -> str:
    """The address of what is opened first, below the server's own."""
    if not options.open:
        return ""
    return "/recordings?" + urlencode({"recording": options.open[0].stem})


def torch_can_use_a_gpu() -> bool:
    """Asked in a process of its own, so that this one, which only waits, stays small."""
    code = "import sys, torch; sys.exit(not torch.cuda.is_available())"
    return subprocess.run([sys.executable, "-c", code]).returncode == 0
