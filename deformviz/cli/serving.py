"""Where the app lies, and how it is started: for `deformviz app` and for who trains beside it.

Only here does the library name files of the app; it starts them, and imports none.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import deformviz

FIRST_PORT = 8501
HERE = "127.0.0.1"
EVERYWHERE = "0.0.0.0"
LARGEST_UPLOAD_MB = 500  # of one's own machine: published checkpoints have 100 to 400 MB


def app_home() -> Path:
    """The folder that holds `app/`: what the wheel carries, or the project's own.

    Raises FileNotFoundError where neither is there.
    """
    package = Path(deformviz.__file__).parent
    checkout = package.parent
    if (package / "_app" / "app" / "main.py").is_file():
        return package / "_app"
    if (checkout / "app" / "main.py").is_file() and (checkout / "pyproject.toml").is_file():
        return checkout
    raise FileNotFoundError(
        f"The app is not part of the deformviz in {package}. "
        "Install it from its wheel, or work in a clone of the project."
    )


def streamlit_command(
    port: int, address: str = HERE, names: tuple[str, ...] = (), *, proxied: bool = False
) -> list[str]:
    """What starts the server. On one's own machine it takes large files, and no foreign names.

    Args:
        names: what else this machine is called by those who visit it.
        proxied: it is reached through the server of a notebook, under whatever name that has and
            by whom that lets in.
    """
    command = [sys.executable, "-m", "streamlit", "run", str(app_home() / "app" / "main.py")]
    options = {"headless": "true", "address": address, "port": str(port)}
    for name, value in options.items():
        command += [f"--server.{name}", value]
    # No foreign page may talk to the app by giving its address a name of its own.
    hosts = ["localhost", HERE, *names]
    if address != HERE:
        own = socket.gethostname()
        hosts += [lan_address(), own, f"{own}.local"]
    for host in [] if proxied else dict.fromkeys(hosts):
        command += ["--server.allowedHosts", host]
    if proxied:
        command += ["--server.enableCORS", "false", "--server.enableXsrfProtection", "false"]
    if address == HERE:
        command += ["--server.maxUploadSize", str(LARGEST_UPLOAD_MB)]
    return command


@contextmanager
def served(
    port: int,
    address: str = HERE,
    environment: dict[str, str] | None = None,
    names: tuple[str, ...] = (),
    *,
    proxied: bool = False,
) -> Iterator[subprocess.Popen]:
    """The app as a process, asked to end when the block does, and made to after five seconds.

    Args:
        environment: variables in addition to this process's own.
        names, proxied: as `streamlit_command` takes them.
    """
    home = app_home()
    path = os.pathsep.join(filter(None, [str(home), os.environ.get("PYTHONPATH")]))
    process = subprocess.Popen(
        streamlit_command(port, address, names, proxied=proxied),
        cwd=home,  # Streamlit reads .streamlit/config.toml there
        env={**os.environ, **(environment or {}), "PYTHONPATH": path},
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def answers(process: subprocess.Popen, port: int) -> bool:
    """Wait until the server answers or ends; True if it answers."""
    while process.poll() is None:
        try:
            socket.create_connection((HERE, port), timeout=1).close()
            return True
        except OSError:
            time.sleep(0.1)
    return False


def is_free(port: int, address: str) -> bool:
    """Whether a server may listen there."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((address, port))
        except (OSError, OverflowError):
            return False
    return True


def choose_port(wanted: int | None, address: str = HERE) -> int:
    """The port asked for; without a wish 8501 or the next free one.

    Raises ValueError where the one asked for is not to be had.
    """
    if wanted is not None:
        if wanted == 0 or not is_free(wanted, address):
            raise ValueError(
                f"Port {wanted} is taken or not allowed. Choose another from 1 to 65535, "
                "or leave --port out for the next free one."
            )
        return wanted
    for port in range(FIRST_PORT, FIRST_PORT + 100):
        if is_free(port, address):
            return port
    raise ValueError(
        f"No port from {FIRST_PORT} to {FIRST_PORT + 99} is free. Choose one with --port."
    )


def lan_address() -> str:
    """This machine's address on its network; no packet is sent to learn it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
        try:
            trial.connect(("10.255.255.255", 1))
            return trial.getsockname()[0]
        except OSError:
            return socket.gethostname()
