"""What a file is that is no checkpoint: one true sentence by its first bytes."""

GZIP, HDF5, PNG, PDF = b"\x1f\x8b", b"\x89HDF", b"\x89PNG", b"%PDF"
ARCHIVES = {
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"BZh": "compressed by bzip2",
    b"\xfd7zXZ": "compressed by xz",
    b"(\xb5/\xfd": "compressed by Zstandard",
}


def what_it_is(name: str, start: bytes) -> str:
    """Why a file cannot be read, and the cure; `start` holds its first few hundred bytes."""
    text = start.lstrip()[:200].lower()
    if not start:
        return f"{name} is not a checkpoint: it is empty."
    if start.startswith(b"version https://git-lfs"):
        return (
            f"{name} is a pointer of Git LFS, not the file itself. Run `git lfs pull` where it "
            f"came from, or download the file."
        )
    if text.startswith((b"<!doctype html", b"<html", b"<?xml")):
        return (
            f"{name} is a web page, not a checkpoint; a download probably ended at a page that "
            f"asks something. Open its address in a browser and download the file itself."
        )
    if start.startswith(GZIP):
        return f"{name} is compressed by gzip. Unpack it first: `gunzip {name}`."
    for magic, kind in ARCHIVES.items():
        if start.startswith(magic):
            return f"{name} is {kind}. Unpack it first."
    if start.startswith(HDF5):
        return f"{name} is an HDF5 file, as Keras writes; deformviz reads checkpoints of PyTorch."
    if start.startswith((PNG, b"\xff\xd8\xff", b"GIF8", PDF)):
        return f"{name} is a picture or a document, not a checkpoint."
    if start[:1] == b"\x08" and start[2:3] in (b"\x12", b"\x1a", b":"):
        return (
            f"{name} is an ONNX model: a graph of operations, without the names deformviz needs. "
            f"Save `model.state_dict()` of the PyTorch model it was exported from."
        )
    if text.startswith((b"{", b"[")):
        return f"{name} is JSON text, not a checkpoint; weights lie in a file beside it."
    return f"{name} is not a checkpoint: it is neither a file of torch.save nor safetensors."
