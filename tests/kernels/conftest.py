"""What tests of the CUDA kernels share: the toolkit, and libraries that run kernels on a CPU."""

import ctypes
import re
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def nvcc():
    path = shutil.which("nvcc")
    if not path:
        pytest.skip("no nvcc: the CUDA compiler is not on the PATH")
    return path


@pytest.fixture(scope="session")
def cuda_include(nvcc, tmp_path_factory):
    """The toolkit's headers, as nvcc itself finds them."""
    empty = tmp_path_factory.mktemp("empty") / "empty.cu"
    empty.touch()
    said = subprocess.run([nvcc, "--dryrun", str(empty)], capture_output=True, text=True).stderr
    return re.search(r'INCLUDES="(-I[^"]+)"', said)[1].strip()


@pytest.fixture(scope="session")
def emulate(cuda_include, compiler, tmp_path_factory):
    """Compiles a source that includes emulator.h, every undefined behaviour a trap."""

    def build(source):
        library = tmp_path_factory.mktemp("emulated") / f"{source}.so"
        subprocess.run(
            [
                compiler,
                "-std=c++17",
                "-O1",
                "-fPIC",
                "-shared",
                "-w",
                "-fsanitize=undefined",
                "-fno-sanitize-recover",
                cuda_include,
                str(HERE / f"{source}.cpp"),
                "-o",
                str(library),
            ],
            check=True,
        )
        return ctypes.CDLL(str(library))

    return build
