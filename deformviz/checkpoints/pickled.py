"""Files of `torch.save` and plain pickles, read so that nothing in them runs and nothing grows.

Two containers of torch's exist: a zip archive (torch 1.6 and later) and bare pickles followed by
raw data (earlier; many published files are of this kind). Their pickles go through a machine of
our own; numbers are read when somebody asks for them, from where they lie.
"""

import os
import pickle
import re
import struct
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from deformviz.checkpoints.errors import CheckpointError
from deformviz.checkpoints.pickle_machine import MOST_BYTES, PickleMachine
from deformviz.checkpoints.pickle_objects import StoredNumbers, StoredTensor
from deformviz.checkpoints.signature import ZIP_START

MOST_ENTRIES = 50_000
MOST_PLAIN_BYTES = 2 * 2**30  # of a pickle that holds its numbers itself
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LOCAL_HEADER_BYTES, NAME_AT = 30, 26  # of a zip entry; where it says how long its name is
PROGRAM = re.compile(r"/(constants\.pkl|code/|archive_format$|models/.*\.json$)")
DAMAGE = (
    RuntimeError,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    EOFError,
    OSError,
    AssertionError,
    OverflowError,
    RecursionError,
    struct.error,
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    NotImplementedError,
)


@dataclass
class Pickled:
    """A file's content, and where its numbers lie: storage key -> (first byte, bytes)."""

    path: Path
    content: Any
    stubs: frozenset[str]  # names of what was not read
    places: dict[str, tuple[int, int]] = field(default_factory=dict)
    _read: dict[str, Tensor] = field(default_factory=dict, repr=False)

    def tensor(self, name: str, stored: StoredTensor) -> Tensor:
        """One tensor, read now.

        Raises:
            CheckpointError: it claims more numbers than its storage holds, or more than the file.
        """
        numbers = self._numbers(stored.storage)
        pairs = zip(stored.shape, stored.stride, strict=True)
        last = stored.offset + sum((size - 1) * step for size, step in pairs)
        count = 1
        for size in stored.shape:
            count *= size
        if count and (last >= numbers.numel() or count > numbers.numel()):
            raise CheckpointError(
                f"{self.path.name}: {name} claims the shape {stored.shape} but holds "
                f"{numbers.numel() * numbers.element_size()} bytes."
            )
        return numbers.as_strided(stored.shape, stored.stride, stored.offset if count else 0)

    def _numbers(self, storage: StoredNumbers) -> Tensor:
        if storage.key not in self._read:
            start, size = self.places[storage.key]
            with self.path.open("rb") as file:
                file.seek(start)
                data = bytearray(file.read(size))
            if len(data) != size:
                raise CheckpointError(
                    f"{self.path.name} is damaged or cut off: numbers are missing."
                )
            self._read[storage.key] = (
                torch.frombuffer(data, dtype=torch.uint8)
                if size
                else (torch.empty(0, dtype=torch.uint8))
            )
        whole = self._read[storage.key]
        usable = len(whole) - len(whole) % torch.empty(0, dtype=storage.dtype).element_size()
        return whole[:usable].view(storage.dtype)


def read_pickled(path: Path) -> Pickled:
    """The object in a file of `torch.save` or of a pickle; its tensors are not read yet.

    Raises:
        CheckpointError: the file is damaged, too long, or names something that could run code.
    """
    machine = PickleMachine(path.name)
    try:
        with path.open("rb") as file:
            zipped = file.read(len(ZIP_START)) == ZIP_START
            file.seek(0)
            content, places = _from_zip(file, machine) if zipped else _from_pickles(file, machine)
    except CheckpointError:
        raise
    except MemoryError:
        raise CheckpointError(f"{path.name} claims more memory than there is.") from None
    except DAMAGE as error:
        raise CheckpointError(
            f"{path.name} is damaged or cut off: it cannot be read ({type(error).__name__})."
        ) from None
    return Pickled(path, content, frozenset(machine.names), places)


def _from_zip(file: IO[bytes], machine: PickleMachine) -> tuple[Any, dict]:
    archive = zipfile.ZipFile(file)
    described = _check_zip(archive, machine.file, os.fstat(file.fileno()).st_size)
    with archive.open(described) as stream:
        content = machine.read(stream)
    folder = described.filename.removesuffix("data.pkl") + "data/"
    places = {}
    for entry in archive.infolist():
        if entry.filename.startswith(folder):
            file.seek(entry.header_offset + NAME_AT)
            name, extra = struct.unpack("<HH", file.read(4))
            start = entry.header_offset + LOCAL_HEADER_BYTES + name + extra
            places[entry.filename.removeprefix(folder)] = (start, entry.file_size)
    return content, places


def _check_zip(archive: zipfile.ZipFile, name: str, size: int) -> zipfile.ZipInfo:
    """The entry that describes the content; archives that torch did not write are refused."""
    entries = archive.infolist()
    names = {entry.filename for entry in entries}
    if len(entries) > MOST_ENTRIES:
        raise CheckpointError(f"{name} has {len(entries)} entries; {MOST_ENTRIES} are allowed.")
    if any(PROGRAM.search(entry) for entry in names):
        raise CheckpointError(
            f"{name} holds a compiled program (TorchScript or torch.export), not a checkpoint of "
            f"torch.save. Save `model.state_dict()` of the model it was made from."
        )
    if names and all(entry.endswith(".npy") for entry in names):
        raise CheckpointError(
            f"{name} is a NumPy archive (.npz), not a checkpoint of torch.save. Convert it: "
            f"torch.save({{k: torch.from_numpy(v) for k, v in numpy.load(file).items()}}, ..)."
        )
    compressed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
    if compressed or sum(entry.file_size for entry in entries) > size:
        raise CheckpointError(
            f"{name} holds compressed entries; torch stores them as they are, so this file was "
            f"not made by torch.save and is refused."
        )
    if len(names) != len(entries):
        raise CheckpointError(f"{name} holds two entries of the same name and is refused.")
    pickles = [entry for entry in entries if entry.filename.split("/")[-1] == "data.pkl"]
    if len(pickles) != 1:
        inner = [n for n in sorted(names) if n.endswith((".pth", ".pt", ".bin", ".safetensors"))]
        cure = f" Unpack it: it contains {inner[0]}." if inner else ""
        raise CheckpointError(
            f"{name} is a zip archive but not a checkpoint of torch.save: a checkpoint has one "
            f"data.pkl and no program.{cure}"
        )
    if pickles[0].file_size > MOST_BYTES:
        raise CheckpointError(
            f"{name} describes its content in {pickles[0].file_size} bytes; {MOST_BYTES} are "
            f"allowed."
        )
    return pickles[0]


def _from_pickles(file: IO[bytes], machine: PickleMachine) -> tuple[Any, dict]:
    """Torch's older container, or one plain pickle that holds its numbers itself."""
    size = os.fstat(file.fileno()).st_size
    machine.most_bytes = min(size, MOST_PLAIN_BYTES)
    first = machine.read(file)
    if first != LEGACY_MAGIC:
        return first, {}
    machine.most_bytes = MOST_BYTES
    machine.read(file)  # version
    machine.read(file)  # the machine that wrote it
    content = machine.read(file)
    keys = machine.read(file)
    if not isinstance(keys, list):
        raise ValueError("no list of storages")
    types = {stored.key: stored for stored in machine.storages}
    places, here = {}, file.tell()
    for key in keys:
        file.seek(here)
        (count,) = struct.unpack("<q", file.read(8))
        width = torch.empty(0, dtype=types[str(key)].dtype).element_size()
        if count < 0 or here + 8 + count * width > size:
            raise EOFError("numbers are missing")
        places[str(key)] = (here + 8, count * width)
        here += 8 + count * width
    return content, places
