"""Compiles the custom op into a cache, from which deformviz loads it.

`python kernels/build.py` builds the CPU library (seconds). deformviz calls the same function
by itself on first use. A library is named by the hash of everything that went into it: sources,
flags, compiler and torch's ABI; so a changed source is a new file and a running program keeps
the one it has loaded. Instruction sets are chosen when a kernel runs, not when it is built, and
no flag asks for this very machine, so any host of the same family may share the cache.
"""

import argparse
import contextlib
import hashlib
import importlib.util
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CSRC = Path(__file__).resolve().parent / "csrc"

# The oldest torch whose stable ABI has what the kernels call (parallel_for, mutable_data_ptr).
TORCH_TARGET = "-DTORCH_TARGET_VERSION=0x020a000000000000"
COMMON_FLAGS = ["-std=c++17", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wno-psabi"]
INSTRUCTION_SETS = {
    "avx512": ["-O3", "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mfma"],
    "avx2": ["-O3", "-mavx2", "-mfma"],
    "generic": ["-O2"],
}
# float64 is there to check with: one set for every machine, which rounds as torch does.
FLOAT64_FLAGS = ["-O2", "-DDEFORMVIZ_FLOAT64", "-ffp-contract=off"]

# What CI compiles for. On a machine with a GPU only that one's architecture is built.
CUDA_ARCHITECTURES = ["80", "90", "100"]

ANSWERS_WITHIN_S = 20  # what a compiler may take to say its version
COMPILES_WITHIN_S = 600  # .. and to make one object: 20 to 60 s as a rule, minutes with nvcc


class BuildError(RuntimeError):
    """The kernels cannot be built here; the message says why and what would help."""


def cache_folder() -> Path:
    """$DEFORMVIZ_CACHE, else `deformviz` in the user's cache folder.

    Raises BuildError where there is no such user, or one without a home.
    """
    try:
        if chosen := os.environ.get("DEFORMVIZ_CACHE"):
            return Path(chosen).expanduser()
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "deformviz"
    except RuntimeError as problem:
        raise BuildError(
            f"There is no folder for compiled kernels: {problem} Set DEFORMVIZ_CACHE to one."
        ) from problem


def torch_folder() -> Path:
    """Where torch is installed, without importing it."""
    spec = importlib.util.find_spec("torch")
    if spec is None or not spec.submodule_search_locations:
        raise BuildError("torch is not installed. Install it: the kernels link against it.")
    return Path(spec.submodule_search_locations[0])


def compiler() -> str:
    """The C++ compiler: $CXX, else g++, else clang++."""
    for name in filter(None, (os.environ.get("CXX"), "g++", "clang++")):
        if path := shutil.which(name):
            return path
    raise BuildError(
        "No C++ compiler was found. Install g++ (Debian, Ubuntu: `apt install g++`) or set CXX."
    )


def instruction_sets() -> dict[str, list[str]]:
    """Instruction sets to compile for, with their flags: those a host of this family may have."""
    if platform.machine().lower() in ("x86_64", "amd64"):
        return INSTRUCTION_SETS
    return {"generic": INSTRUCTION_SETS["generic"]}


def compile_commands(cxx: str) -> dict[str, list[str]]:
    """Object file -> command that makes it, output name left to the caller; the longest first."""
    kernels = [cxx, *COMMON_FLAGS, "-c", str(CSRC / "cpu" / "kernels.cpp")]
    commands = {
        f"{name}.o": [*kernels, *flags, f"-DDEFORMVIZ_ISA={name}"]
        for name, flags in instruction_sets().items()
    }
    commands["float64.o"] = [*kernels, *FLOAT64_FLAGS]
    commands["register.o"] = [
        cxx,
        *COMMON_FLAGS,
        "-O2",
        TORCH_TARGET,
        "-isystem",
        str(torch_folder() / "include"),
        "-c",
        str(CSRC / "cpu" / "register.cpp"),
    ]
    return commands


def link_command(cxx: str, objects: list[str], output: str) -> list[str]:
    """Links against torch_cpu by name, so that the library loads beside any torch."""
    return [
        cxx,
        "-shared",
        "-o",
        output,
        *objects,
        "-L",
        str(torch_folder() / "lib"),
        "-Wl,--no-as-needed",
        "-ltorch_cpu",
    ]


def cuda_compiler() -> str:
    """nvcc, on the PATH or in $CUDA_HOME/bin."""
    home = os.environ.get("CUDA_HOME")
    path = shutil.which("nvcc") or (home and shutil.which("nvcc", path=f"{home}/bin"))
    if path:
        return path
    raise BuildError(
        "No CUDA compiler was found. Install the CUDA toolkit (nvcc) of the version "
        "torch was built with, or set CUDA_HOME."
    )


def cuda_include(nvcc: str) -> str:
    """The folder with cuda_runtime.h, as nvcc finds it."""
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "empty.cu"
        empty.touch()
        said = asked([nvcc, "--dryrun", str(empty)], ANSWERS_WITHIN_S)
    found = re.search(r'INCLUDES="-I([^"]+)"', said)
    if not found:
        raise BuildError(f"`{nvcc} --dryrun` does not say where its headers are:\n{said}")
    return found[1].strip()


def cuda_targets(architectures: list[str]) -> list[str]:
    """Machine code for each architecture, and PTX of the newest for GPUs yet to come."""
    flags = [f"-gencode=arch=compute_{name},code=sm_{name}" for name in architectures]
    newest = max(architectures, key=int)
    return [*flags, f"-gencode=arch=compute_{newest},code=compute_{newest}"]


def cuda_commands(nvcc: str, architectures: list[str]) -> dict[str, list[str]]:
    """Object file -> command, for the CUDA library."""
    folder = CSRC / "cuda"
    return {
        "kernels.o": [
            nvcc,
            "-std=c++17",
            "-O3",
            "-Xcompiler",
            "-fPIC,-fvisibility=hidden",
            "-Werror",
            "all-warnings",
            *cuda_targets(architectures),
            "-c",
            str(folder / "kernels.cu"),
        ],
        "register.o": [
            compiler(),
            *COMMON_FLAGS,
            "-O2",
            TORCH_TARGET,
            "-DUSE_CUDA",
            "-isystem",
            str(torch_folder() / "include"),
            "-isystem",
            cuda_include(nvcc),
            "-c",
            str(folder / "register.cpp"),
        ],
    }


def library_for(kind: str, compilers: list[str], flags: list) -> Path:
    """The file in the cache that the present sources, compilers and flags make, built or not."""
    digest = hashlib.sha256()
    sources = [Path(__file__), *CSRC.glob("*.h"), *(CSRC / kind).iterdir()]
    for path in sorted(sources, key=lambda source: source.name):
        digest.update(path.name.encode() + path.read_bytes())
    for name in compilers:
        digest.update(asked([name, "--version"], ANSWERS_WITHIN_S).encode())
    digest.update(repr([COMMON_FLAGS, TORCH_TARGET, platform.machine(), *flags]).encode())
    return cache_folder() / f"{kind}-{digest.hexdigest()[:16]}.so"


def asked(command: list[str], seconds: float) -> str:
    """Runs a command and returns what it printed; what it started in turn ends with it.

    Raises:
        BuildError: it cannot be run, fails, or takes longer than `seconds`.
    """
    words = " ".join(command)
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as problem:
        raise BuildError(f"`{words}` cannot be run: {problem.strerror}.") from problem
    try:
        said = process.communicate(timeout=seconds)[0].decode(errors="replace")
    except subprocess.TimeoutExpired:
        raise BuildError(f"`{words}` was ended: it took longer than {seconds:g} s.") from None
    finally:
        if process.returncode is None:  # g++ is only the first of several processes
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if process.returncode:
        raise BuildError(f"`{words}` failed:\n{said or f'It ended with {process.returncode}.'}")
    return said


def run_together(commands: list[list[str]], slots: int) -> None:
    """Runs commands, `slots` at a time; the first failure is raised with what it printed."""
    with ThreadPoolExecutor(slots) as pool:
        for _ in pool.map(lambda command: asked(command, COMPILES_WITHIN_S), commands):
            pass


def checksum_file(library: Path) -> Path:
    """Where the SHA-256 of a library stands."""
    return library.with_suffix(".sha256")


def checksum(library: Path) -> str:
    """SHA-256 of a library's bytes."""
    return hashlib.sha256(library.read_bytes()).hexdigest()


def is_whole(library: Path) -> bool:
    """Whether a library is there as it was built: loading a damaged one ends the process."""
    try:
        return checksum_file(library).read_text() == checksum(library)
    except (OSError, UnicodeDecodeError):
        return False


@contextlib.contextmanager
def locked(path: Path):
    """Keeps other processes from building the same thing at the same time."""
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build(
    library: Path,
    what: str,
    commands: Callable[[], dict[str, list[str]]],
    link: Callable[[list[str], str], list[str]],
    force: bool,
) -> Path:
    """Makes `library` unless it is there, whole: compiles all objects at once, then links them."""
    if is_whole(library) and not force:
        return library
    with locked(library.with_suffix(".lock")):
        if is_whole(library) and not force:
            return library
        print(
            f"deformviz: compiling the {what} kernels, once, into {library.parent} ...",
            end=" ",
            flush=True,
            file=sys.stderr,
        )
        start = time.perf_counter()
        with tempfile.TemporaryDirectory(dir=library.parent) as folder:
            objects = {f"{folder}/{name}": command for name, command in commands().items()}
            run_together(
                [[*command, "-o", name] for name, command in objects.items()], os.cpu_count() or 1
            )
            made = f"{folder}/{library.name}"
            run_together([link(list(objects), made)], 1)
            with checksum_file(library).open("w") as file:
                file.write(checksum(Path(made)))
            os.replace(made, library)  # another file: who has loaded the old one keeps it
        print(f"done in {time.perf_counter() - start:.1f} s", flush=True, file=sys.stderr)
    return library


def build_cpu(*, force: bool = False) -> Path:
    """Builds the CPU library unless the cache has it; returns its path.

    Raises:
        BuildError: no compiler, no torch, or the compiler refused.
    """
    cxx = compiler()
    library = library_for("cpu", [cxx], [instruction_sets(), FLOAT64_FLAGS])
    return build(
        library,
        "CPU",
        lambda: compile_commands(cxx),
        lambda objects, made: link_command(cxx, objects, made),
        force,
    )


def build_cuda(architectures: list[str], *, force: bool = False) -> Path:
    """Builds the CUDA library for GPUs of these architectures ("90"), unless the cache has it.

    Raises:
        BuildError: no nvcc, no compiler, no torch, or a compiler refused.
    """
    nvcc = cuda_compiler()
    library = library_for("cuda", [nvcc, compiler()], [cuda_targets(architectures)])
    torch_libraries = ["-L", str(torch_folder() / "lib"), "-ltorch_cpu", "-ltorch_cuda"]
    return build(
        library,
        "CUDA",
        lambda: cuda_commands(nvcc, architectures),
        lambda objects, made: [nvcc, "-shared", "-o", made, *objects, *torch_libraries],
        force,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--force", action="store_true", help="build even if the cache has it")
    parser.add_argument(
        "--cuda",
        nargs="+",
        metavar="ARCH",
        help=f"build the CUDA library instead, e.g. {' '.join(CUDA_ARCHITECTURES)}",
    )
    arguments = parser.parse_args()
    try:
        if arguments.cuda:
            print(build_cuda(arguments.cuda, force=arguments.force))
        else:
            print(build_cpu(force=arguments.force))
    except BuildError as error:
        sys.exit(f"Not built: {error}")


if __name__ == "__main__":
    main()
