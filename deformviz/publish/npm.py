"""What runs a graph in a browser: a package of npm, of one version, checked file by file."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deformviz.publish.folder import PublishError

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"  # as in package.json, whose lock file holds its hash
INSTALLED = Path("node_modules") / PACKAGE
WAIT_S = 300


@dataclass(frozen=True)
class Runtime:
    """One way to run a graph: a script, and the program it starts."""

    name: str
    script: str
    wasm: str


# Best first. WebGPU, which no machine of ours has, is published where somebody asks for it.
WEBGPU = Runtime("webgpu", "ort.webgpu.bundle.min.mjs", "ort-wasm-simd-threaded.asyncify.wasm")
WASM = Runtime("wasm", "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")
RUNTIMES = (WEBGPU, WASM)
HASHES = {  # SHA-256 of each file of the package's folder `dist`
    WEBGPU.script: "0730816731ce2cdfb06f273da065d4a1c7091eb9d1756a83b2916c8a89d015e2",
    WEBGPU.wasm: "39f9f0894d478800487ed9f7dbe92618498db320cf55c8e3d89adff8dce658da",
    WASM.script: "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    WASM.wasm: "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
}


def runtime_files(
    installed: Path = INSTALLED, ways: Sequence[Runtime] = (WASM,)
) -> dict[str, bytes]:
    """The files of some ways, from the package where npm has installed it, else fetched by npm.

    Raises:
        PublishError: npm is missing or cannot fetch it, or a file is not the one that was tested.
    """
    names = [name for way in ways for name in (way.script, way.wasm)]
    found = _installed(installed, names) or _fetched(names)
    for name, data in found.items():
        if hashlib.sha256(data).hexdigest() != HASHES[name]:
            raise PublishError(
                f"{name} of {PACKAGE} {VERSION} is not the file this release was tested with. "
                f"Remove {installed} and npm's cache (`npm cache clean --force`), then publish "
                "again."
            )
    return found


def _installed(folder: Path, names: Sequence[str]) -> dict[str, bytes]:
    """The files where npm has put the package; none where it is absent or of another version."""
    try:
        told = json.loads((folder / "package.json").read_text(encoding="utf-8"))
        if told.get("version") != VERSION:
            return {}
        return {name: (folder / "dist" / name).read_bytes() for name in names}
    except (OSError, ValueError):
        return {}


def _fetched(names: Sequence[str]) -> dict[str, bytes]:
    npm = shutil.which("npm")
    if npm is None:
        raise PublishError(
            f"A live model runs by the package {PACKAGE} {VERSION}, which npm fetches, and there "
            "is no npm here. Install Node.js, or publish without --live."
        )
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--prefer-offline", "--silent"]
        try:
            reply = subprocess.run(
                [*command, "--pack-destination", folder],
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=WAIT_S,
            )
        except subprocess.TimeoutExpired:
            raise PublishError(_unfetched(f"no answer within {WAIT_S} s")) from None
        archives = list(Path(folder).glob("*.tgz"))
        if reply.returncode or not archives:
            said = reply.stderr.strip().splitlines()
            raise PublishError(_unfetched(said[-1] if said else "npm says nothing"))
        return _unpacked(archives[0], names)


def _unfetched(reason: str) -> str:
    return (
        f"npm could not fetch {PACKAGE} {VERSION} ({reason}). Publish where there is a network, "
        "or once with one: npm keeps what it fetched."
    )


def _unpacked(archive: Path, names: Sequence[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with tarfile.open(archive) as package:
        for name in names:
            try:
                member = package.extractfile(f"package/dist/{name}")
            except KeyError:
                member = None
            if member is None:
                raise PublishError(f"{PACKAGE} {VERSION} as npm has it lacks {name}.")
            found[name] = member.read()
    return found


def addresses(root: str, files: Mapping[str, bytes]) -> list[dict[str, object]]:
    """Every way as a script reads it; `root` is the folder of the site that holds the files."""
    return [
        {
            "name": way.name,
            "script": f"{root}/{way.script}",
            "wasm": f"{root}/{way.wasm}",
            "bytes": len(files[way.wasm]),
        }
        for way in RUNTIMES
        if way.wasm in files
    ]
