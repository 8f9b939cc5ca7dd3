"""Files of `torch.save`, read so that nothing in them runs and nothing grows.

Two containers exist: a zip archive (torch 1.6 and later) and bare pickles followed by raw data
(earlier; many published files are of this kind). Both are scanned before torch reads them with
`weights_only=True`.
"""

import argparse
import os
import pickle
import pickletools
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO

import torch

from deformviz.checkpoints.errors import CheckpointError

MOST_ENTRIES = 20_000
MOST_PICKLE_BYTES = 4 * 2**20  # structure and names; the numbers lie outside the pickle
LEGACY_PICKLES = 5  # magic number, version, machine, the object, names of the storages
# Everything a file may name. Torch itself would let more through, `bytearray` of any size for one.
ALLOWED_NAMES = {
    "collections OrderedDict",
    "argparse Namespace",
    "yacs.config CfgNode",
    "__builtin__ set",  # yacs keeps names of withdrawn settings in one
    "torch._utils _rebuild_tensor",
    "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_parameter",
    "torch.nn.parameter Parameter",
    "torch Size",
    "torch device",
    *(
        f"torch {kind}Storage"
        for kind in (
            "Double",
            "Float",
            "Half",
            "BFloat16",
            "Long",
            "Int",
            "Short",
            "Char",
            "Byte",
            "Bool",
        )
    ),
}
# A yacs tree becomes a plain mapping: its own class would have to be imported to be made.
READ_AS = [argparse.Namespace, (OrderedDict, "yacs.config.CfgNode")]
ZIP_START, LEGACY_START = b"PK\x03\x04", b"\x80\x02"


def looks_pickled(start: bytes) -> bool:
    """Whether a file's first bytes are those of `torch.save`."""
    return start.startswith((ZIP_START, LEGACY_START))


def read_pickled(path: Path) -> Any:
    """The object in a file of `torch.save`, its tensors on the CPU.

    Raises:
        CheckpointError: the file is damaged, or names something that is not a tensor, a plain
            value or the arguments of a training script.
    """
    try:
        with path.open("rb") as file:
            zipped = file.read(len(ZIP_START)) == ZIP_START
            file.seek(0)
            if zipped:
                _check_zip(file, path.name)
            else:
                for _ in range(LEGACY_PICKLES):
                    check_names(file, path.name)
        with torch.serialization.safe_globals(READ_AS):
            # Mapped, a storage cannot reach beyond the file, whatever size it claims.
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except CheckpointError:
        raise
    except MemoryError:
        raise CheckpointError(f"{path.name} claims more memory than there is.") from None
    except (
        RuntimeError,
        ValueError,
        KeyError,
        IndexError,
        TypeError,
        AttributeError,
        EOFError,
        OSError,
        AssertionError,
        struct.error,
        pickle.UnpicklingError,
        zipfile.BadZipFile,
        NotImplementedError,
    ) as error:
        raise CheckpointError(
            f"{path.name} is damaged or cut off: torch cannot read it ({type(error).__name__})."
        ) from None


def _check_zip(file: BinaryIO, name: str) -> None:
    """Refuse archives with compressed, overlong or ambiguous entries before torch opens them."""
    archive = zipfile.ZipFile(file)
    entries = archive.infolist()
    if len(entries) > MOST_ENTRIES:
        raise CheckpointError(f"{name} has {len(entries)} entries; {MOST_ENTRIES} are allowed.")
    compressed = [entry for entry in entries if entry.compress_type != zipfile.ZIP_STORED]
    size = os.fstat(file.fileno()).st_size
    if compressed or sum(entry.file_size for entry in entries) > size:
        raise CheckpointError(
            f"{name} holds compressed entries; torch stores them as they are, so this file was "
            f"not made by torch.save and is refused."
        )
    if len({entry.filename for entry in entries}) != len(entries):
        raise CheckpointError(f"{name} holds two entries of the same name and is refused.")
    pickles = [entry for entry in entries if entry.filename.split("/")[-1] == "data.pkl"]
    if len(pickles) != 1 or any(e.filename.endswith("/constants.pkl") for e in entries):
        raise CheckpointError(
            f"{name} is a zip archive but not a checkpoint of torch.save: a checkpoint has one "
            f"data.pkl and no program."
        )
    if pickles[0].file_size > MOST_PICKLE_BYTES:
        raise CheckpointError(
            f"{name} describes its content in {pickles[0].file_size} bytes; "
            f"{MOST_PICKLE_BYTES} are allowed."
        )
    with archive.open(pickles[0]) as stream:
        check_names(stream, name)


def check_names(stream: BinaryIO, name: str) -> None:
    """Walk one pickle without executing it; refuse it if it names anything not on the list.

    Raises:
        CheckpointError: a name that is not allowed, an instruction torch never writes, or a
            pickle that is too long.
    """
    start = stream.tell()
    for instruction, argument, position in pickletools.genops(stream):
        if (position or 0) - start > MOST_PICKLE_BYTES:
            raise CheckpointError(
                f"{name} describes its content in more than {MOST_PICKLE_BYTES} bytes."
            )
        if instruction.name == "GLOBAL" and argument not in ALLOWED_NAMES:
            raise CheckpointError(
                f"{name} wants to use {argument.replace(' ', '.')!r}, which could run code; "
                f"nothing of it was executed. Only tensors, plain values and training arguments "
                f"are read."
            )
        if instruction.name in (
            "STACK_GLOBAL",
            "INST",
            "OBJ",
            "EXT1",
            "EXT2",
            "EXT4",
            "NEWOBJ_EX",
            "BYTEARRAY8",
        ):
            raise CheckpointError(
                f"{name} uses the pickle instruction {instruction.name}, which torch.save never "
                f"writes; nothing of it was executed."
            )
