"""How this process gets and gives back memory; called by whoever runs models in a process."""

import ctypes
import sys
from typing import Any

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4  # <malloc.h> of glibc
AT_ONCE = 64 << 20  # bytes by which the heap grows
NEVER = 2**31 - 1


def keep_freed_memory() -> bool:
    """Let freed tensors stay with the process, so that the next ones need no new pages.

    glibc gives every block of more than some MiB back to the system and asks for it again; the
    pages of a model's feature maps are then cleared anew in every layer, which takes a quarter of
    a forward pass. The process keeps what it once needed; its peak is the same.

    Returns:
        whether the C library is one that can be told; elsewhere nothing happens.
    """
    tell = _of_libc("mallopt")
    if tell is None:
        return False
    wishes = {M_MMAP_MAX: 0, M_TRIM_THRESHOLD: NEVER, M_TOP_PAD: AT_ONCE}
    return all([tell(option, value) for option, value in wishes.items()])


def give_back_memory() -> None:
    """Return what was kept to the system, where nothing will be computed for a while."""
    trim = _of_libc("malloc_trim")
    if trim is not None:
        trim(0)


def _of_libc(name: str) -> Any:
    """A function of glibc, or None where there is another C library."""
    if sys.platform != "linux":
        return None
    try:
        return getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError):  # musl
        return None
