"""What the first bytes of a file say, before anything reads on."""

ZIP_START, PICKLE_START = b"PK\x03\x04", 0x80


def looks_pickled(start: bytes) -> bool:
    """Whether a file's first bytes are those of `torch.save` or of a pickle."""
    pickled = len(start) > 1 and start[0] == PICKLE_START and 2 <= start[1] <= 5
    return start.startswith(ZIP_START) or pickled
