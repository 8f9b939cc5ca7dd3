"""What can run multi-scale deformable attention here, and if something cannot, why."""

import ctypes
import functools
import importlib.util
import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

import torch

logger = logging.getLogger(__name__)

BACKENDS = ("cuda", "cpu", "reference")
OLDEST_TORCH = (2, 10)


class BackendError(RuntimeError):
    """A back end cannot run here; the message says why and what to do."""


@dataclass(frozen=True)
class Backend:
    """One way to run the op: whether it can here, and what there is to say about it."""

    name: str
    runs: bool
    detail: str  # what it is if it runs, else why not and what would help


def kernels_folder() -> Path:
    """The folder with build.py and csrc: in a checkout beside the package, else inside it."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package.parent / "kernels", package / "_kernels"):
        if (folder / "build.py").is_file():
            return folder
    raise BackendError(
        "The sources of the compiled kernels are missing from this installation. Reinstall "
        'deformviz, or choose backend="reference".'
    )


@functools.cache
def build_script() -> ModuleType:
    """kernels/build.py as a module (`kernels` is not a package)."""
    path = kernels_folder() / "build.py"
    spec = importlib.util.spec_from_file_location("deformviz_build", path)
    assert spec is not None and spec.loader is not None  # of a file that is there
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _torch_version() -> tuple[int, int]:
    major, minor = torch.__version__.split(".")[:2]
    return int(major), int(minor)


def _load(name: str, build_with: Callable[[ModuleType], Path], what: str) -> Backend:
    """Load a library, building it first if the cache has none; never raises."""
    if _torch_version() < OLDEST_TORCH:
        return Backend(
            name,
            False,
            f"The compiled kernels need torch 2.10 or newer; this is "
            f"{torch.__version__}. Upgrade torch.",
        )
    try:
        build = build_script()
    except BackendError as error:
        return Backend(name, False, str(error))
    try:
        library = build_with(build)
        torch.ops.load_library(str(library))
    except (build.BuildError, OSError) as error:
        return Backend(name, False, f"The kernels could not be built or loaded. {error}")
    return Backend(name, True, f"{what} ({library})")


@functools.cache
def _cpu_library() -> Path:
    """The library this process uses, whatever happens to the cache or the compiler meanwhile."""
    return build_script().build_cpu()


@functools.cache
def load_cpu() -> Backend:
    """Load the CPU library, building it first if the cache has none; never raises."""
    found = _load("cpu", lambda build: _cpu_library(), "compiled")
    return replace(found, detail=f"{instruction_set()}, {found.detail}") if found.runs else found


def instruction_set(choice: str | None = None) -> str:
    """The instruction set the CPU kernels use; `choice` asks for a lesser one, "" for the best.

    "generic", "avx2" or "avx512"; what this machine lacks is not chosen.
    """
    library = ctypes.CDLL(str(_cpu_library()))
    if choice is not None:
        library.deformviz_use_instruction_set(choice.encode())
    library.deformviz_instruction_set.restype = ctypes.c_char_p
    return library.deformviz_instruction_set().decode()


@functools.cache
def load_cuda() -> Backend:
    """Load the CUDA library, building it first if the cache has none; never raises."""
    if torch.version.cuda is None:
        return Backend(
            "cuda",
            False,
            f"torch {torch.__version__} is built without CUDA. Install a CUDA build of torch.",
        )
    if not torch.cuda.is_available():
        return Backend("cuda", False, "torch finds no CUDA GPU.")
    capabilities = {torch.cuda.get_device_capability(i) for i in range(torch.cuda.device_count())}
    architectures = sorted(f"{major}{minor}" for major, minor in capabilities)
    return _load(
        "cuda",
        lambda build: build.build_cuda(architectures),
        f"compiled for sm_{', sm_'.join(architectures)}",
    )


REFERENCE = Backend("reference", True, "plain PyTorch (grid_sample)")
_LOADERS = {"cuda": load_cuda, "cpu": load_cpu, "reference": lambda: REFERENCE}


def which_backend(device: torch.device | str = "cpu", backend: str = "auto") -> Backend:
    """The back end that runs tensors of `device`, and why it is not the fast one if it is not.

    Raises:
        BackendError: `backend` is unknown, is for another device, or cannot run here.
    """
    kind = torch.device(device).type
    if backend == "auto":
        if kind not in _LOADERS:
            return Backend("reference", True, f"no kernels for device '{kind}'; plain PyTorch")
        found = _LOADERS[kind]()
        if found.runs:
            return found
        _say_once(found.detail)
        return Backend("reference", True, f"plain PyTorch, because: {found.detail}")
    if backend not in BACKENDS:
        raise BackendError(
            f"backend is '{backend}', expected 'auto' or one of {', '.join(map(repr, BACKENDS))}."
        )
    if backend != "reference" and backend != kind:
        raise BackendError(
            f"backend='{backend}' got tensors on device '{kind}'. Move them to '{backend}', or "
            "choose backend='auto'."
        )
    found = _LOADERS[backend]()
    if not found.runs:
        raise BackendError(f"{found.detail} Or choose backend='reference'.")
    return found


@functools.cache
def _say_once(reason: str) -> None:
    first, *others = reason.splitlines()
    error = next((line.strip() for line in others if "error" in line), "")
    logger.warning(
        "Deformable attention runs on plain PyTorch, correct but slow: %s %s", first, error
    )


def report() -> list[Backend]:
    """Every back end with what it is or why it cannot run; builds what can be built."""
    return [_LOADERS[name]() for name in BACKENDS]


def compilers() -> dict[str, str | None]:
    """Where the compilers are: name -> path, or None."""
    return {name: shutil.which(name) for name in ("g++", "clang++", "nvcc")}
