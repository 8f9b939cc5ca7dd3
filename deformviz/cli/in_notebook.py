"""`dv.notebook()`: the app below a cell, reached the way the notebook itself is reached.

What is imported by name here belongs to the notebook that runs us, and is there where one does.
"""

import atexit
import importlib.util
import os
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

from deformviz.cli.serving import answers, choose_port, served

SAGEMAKER = Path("/opt/ml/metadata/resource-metadata.json")
NEIGHBOURS = "http://localhost:* http://127.0.0.1:*"  # a notebook of this machine may frame the app
_running: dict[str, int] = {}  # the port of this kernel's app
_until_the_kernel_ends = ExitStack()


def notebook(*, height: int = 900) -> Any:
    """Start the app beside this kernel and show it below the cell; it ends with the kernel.

    A notebook of this machine shows it directly. One that comes through JupyterHub, SageMaker or a
    Jupyter server with jupyter-server-proxy asks its own server for it, so that whoever may see
    the notebook may see the app; Colab has a way of its own.

    Args:
        height: of the frame, in pixels.

    Returns:
        What a notebook shows as a frame.

    Raises RuntimeError outside a notebook, and where the app does not start.
    """
    if importlib.util.find_spec("IPython") is None:
        raise RuntimeError("There is no notebook here. Start the app with `deformviz app`.")
    port = _port()
    if importlib.util.find_spec("google") and importlib.util.find_spec("google.colab"):
        output = import_module("google.colab.output")
        return output.serve_kernel_port_as_iframe(port, height=str(height))
    return import_module("IPython.display").IFrame(address(port, _base()), "100%", height)


def address(port: int, base: str | None) -> str:
    """Where a browser that shows the notebook finds the app.

    Args:
        base: the path below which the notebook's server lies, where it hands on what is asked of
            its `proxy/`; None where the app is asked directly.
    """
    return f"http://127.0.0.1:{port}/" if base is None else f"{base.rstrip('/')}/proxy/{port}/"


def _base() -> str | None:
    """The base path of the server this notebook comes through, if it is a proxy as well."""
    if hub := os.environ.get("JUPYTERHUB_SERVICE_PREFIX"):
        return hub
    if SAGEMAKER.exists():
        return "/jupyter/default"
    if importlib.util.find_spec("jupyter_server_proxy") is None:
        return None
    list_running_servers = import_module("jupyter_server.serverapp").list_running_servers
    parent = os.environ.get("JPY_PARENT_PID", "")
    servers = {str(one["pid"]): one["base_url"] for one in list_running_servers()}
    return servers.get(parent, "/")


def _port() -> int:
    """The port of this kernel's app, which is started at the first call."""
    if "port" not in _running:
        port = choose_port(None)
        proxied = _base() is not None
        process = _until_the_kernel_ends.enter_context(
            served(port, environment={"DEFORMVIZ_EMBEDDED_BY": NEIGHBOURS}, proxied=proxied)
        )
        atexit.register(_until_the_kernel_ends.close)
        if not answers(process, port):
            raise RuntimeError("The app did not start; what it said stands above.")
        _running["port"] = port
    return _running["port"]
