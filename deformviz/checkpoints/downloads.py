"""Which published models can be had, with size, licence and what is known of their content.

Sizes in megabytes are those their authors and the hub state; the numbers of `golden` are the first
three classes of the first three queries, and their boxes, that transformers' own conversion script
checks on COCO's picture 39769.
"""

from dataclasses import dataclass

HUB = "hf:"
APACHE = "Apache-2.0"
PICTURE = "http://images.cocodataset.org/val2017/000000039769.jpg"
ROUNDED = 1e-4  # how exactly the published numbers are stated

Rows = tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class Golden:
    """Published numbers of one model on one picture."""

    logits: Rows
    boxes: Rows  # cx, cy, w


@dataclass(frozen=True)
class Download:
    """One model that somebody published."""

    name: str  # as `deformviz get` and `dv.load` take it
    source: str  # "hf:owner/name" of the hub, or the address of a file
    megabytes: int
    licence: str
    about: str
    sha256: str = ""  # whole, or its first digits where the name of the file states them
    golden: Golden | None = None

    def __str__(self) -> str:
        return f"{self.name:<62} {self.megabytes:>4} MB  {self.licence}  {self.about}"


def _sensetime(suffix: str, about: str, logits: Rows, boxes: Rows) -> Download:
    name = f"{HUB}SenseTime/deformable-detr{suffix}"
    return Download(name, name, 165, APACHE, about, golden=Golden(logits, boxes))


def _facebook(name: str, file: str, megabytes: int, about: str) -> Download:
    address = f"https://dl.fbaipublicfiles.com/detr/{file}.pth"
    return Download(name, address, megabytes, APACHE, about, sha256=file.rpartition("-")[2])


DOWNLOADS: dict[str, Download] = {
    download.name: download
    for download in (
        _sensetime(
            "",
            "Deformable DETR, 44.5 AP on COCO",
            (
                (-9.6645, -4.3449, -5.8705),
                (-9.7035, -3.8504, -5.0724),
                (-10.5634, -5.3379, -7.5116),
            ),
            ((0.8693, 0.2289, 0.2492), (0.3150, 0.5489, 0.5845), (0.5563, 0.7580, 0.8518)),
        ),
        _sensetime(
            "-single-scale",
            "one level, 39.4 AP",
            (
                (-9.9051, -4.2541, -6.4852),
                (-9.6947, -4.0854, -6.8033),
                (-10.0665, -5.8470, -7.7003),
            ),
            ((0.7292, 0.4991, 0.5532), (0.7959, 0.2426, 0.4236), (0.7582, 0.3518, 0.4451)),
        ),
        _sensetime(
            "-single-scale-dc5",
            "one level of twice the resolution, 41.5 AP",
            (
                (-8.9652, -4.1074, -5.6635),
                (-9.0596, -4.9447, -6.6075),
                (-10.1178, -4.5275, -6.2671),
            ),
            ((0.7665, 0.4130, 0.4769), (0.8364, 0.1841, 0.3391), (0.6261, 0.3895, 0.7978)),
        ),
        _sensetime(
            "-with-box-refine",
            "iterative box refinement, 46.2 AP",
            (
                (-8.8895, -5.4187, -6.8153),
                (-8.4706, -6.1668, -7.6184),
                (-9.0042, -5.5359, -6.9141),
            ),
            ((0.7828, 0.2208, 0.4323), (0.0892, 0.5996, 0.1319), (0.5524, 0.6389, 0.8914)),
        ),
        _sensetime(
            "-with-box-refine-two-stage",
            "two-stage, 46.9 AP",
            (
                (-6.7108, -4.3213, -6.3777),
                (-8.9014, -6.1799, -6.7240),
                (-6.9315, -4.4735, -6.2298),
            ),
            ((0.2583, 0.5499, 0.4683), (0.7652, 0.9068, 0.4882), (0.5490, 0.2763, 0.0564)),
        ),
        _facebook("detr-r50", "detr-r50-e632da11", 159, "DETR, ResNet-50"),
        _facebook("detr-r50-dc5", "detr-r50-dc5-f0fb7ef5", 159, "DETR, ResNet-50, DC5"),
        _facebook("detr-r101", "detr-r101-2c7b67e5", 232, "DETR, ResNet-101"),
        _facebook("detr-r101-dc5", "detr-r101-dc5-a2e86def", 232, "DETR, ResNet-101, DC5"),
    )
}


def find(name: str) -> Download | None:
    """The listed model of a name, or any model of the hub by its name there; None otherwise."""
    if name in DOWNLOADS:
        return DOWNLOADS[name]
    repository = name.removeprefix(HUB)
    parts = repository.split("/")
    plain = all(part and not part.startswith((".", "-")) and ".." not in part for part in parts)
    if name.startswith(HUB) and len(parts) == 2 and plain and repository.isprintable():
        return Download(name, name, 0, "as its page says", "not listed here")
    return None
