"""How this process gets and gives back memory; called by whoever runs models in a process."""

import ctypes
import sys

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
    if sys.platform != "linux":
        return False
    try:
        tell = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl
        return False
    wishes = {M_MMAP_MAX: 0, M_TRIM_THRESHOLD: NEVER, M_TOP_PAD: AT_ONCE}
    return all([tell(option, value) for option, value in wishes.items()])
