"""Counts what every rung of the ladder would do, from its machine code and from real coordinates.

    python kernels/ladder/count.py [sm_90]

Needs nvcc and the packages nvidia-cuda-cuobjdump and nvidia-cuda-nvdisasm, but no GPU: nothing is
timed. Prints the table of README.md.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent / "bench")]


@dataclass(frozen=True)
class Rung:
    """How a rung shares out work: threads per query and head, and what a block covers."""

    name: str
    threads: int
    queries: int  # of a block
    heads: int
    tile: bool = False  # queries in two dimensions


RUNGS = [
    Rung("1_thread_per_channel", 32, 1, 8),
    Rung("2_levels_by_value", 32, 1, 8),
    Rung("3_shared_samples", 32, 1, 8),
    Rung("4_wide_loads", 8, 4, 8),
    Rung("5_head_tiles", 8, 32, 1, tile=True),
    Rung("6_half_values", 4, 8, 8),
]


def machine_code(architecture: str) -> dict[str, list[str]]:
    """Instructions of every rung, NOPs that fill up the end left out."""
    folders = [Path(root) / "nvidia" / "cu13" / "bin" for root in sys.path]
    path = ":".join(str(folder) for folder in folders if folder.is_dir())
    with tempfile.TemporaryDirectory() as folder:
        cubin = f"{folder}/ladder.cubin"
        subprocess.run(
            [
                shutil.which("nvcc"),
                "-std=c++17",
                "-O3",
                f"-arch={architecture}",
                "-x",
                "cu",
                "-cubin",
                str(HERE / "all.cuh"),
                "-o",
                cubin,
            ],
            check=True,
        )
        listing = subprocess.run(
            [shutil.which("cuobjdump", path=path), "-sass", cubin],
            capture_output=True,
            text=True,
            check=True,
            env={"PATH": path},
        ).stdout
    parts = re.split(r"Function : (\S+)", listing)[1:]
    return {
        name: [
            word
            for word in re.findall(r"\*/\s+(?:@!?U?P[T\d]+ )?([A-Z][\w.]+)", body)
            if word != "NOP"
        ]
        for name, body in zip(parts[::2], parts[1::2], strict=True)
    }


def rows_per_block(rung: Rung) -> float:
    """Rows of `value` that a block needs from the second-level cache, per row that it reads.

    Points as at initialisation, on the second level of the encoder; the first-level cache keeps
    all that a block has read.
    """
    import numpy as np
    from problems import synthetic

    problem = synthetic("encoder")
    height, width = problem.shapes[1]
    first = problem.shapes[0][0] * problem.shapes[0][1]
    of_level = slice(first, first + height * width)
    locations = problem.locations[0, of_level].numpy()  # [query head level point xy]
    sizes = np.array([(w, h) for h, w in problem.shapes], dtype=np.float32)
    corner = np.floor(locations * sizes[:, None] - 0.5).astype(np.int64)
    corners = corner[..., None, :] + np.array([(0, 0), (1, 0), (0, 1), (1, 1)])
    level = np.arange(len(sizes))[:, None, None]
    rows = (corners[..., 0] + 1) + 1000 * (corners[..., 1] + 1) + 10**6 * level
    rows = rows.reshape(height, width, rows.shape[1], -1)  # [y x head row]
    read = needed = 0
    across, down = (8, 4) if rung.tile else (rung.queries, 1)
    for y in range(0, height - down + 1, down):
        for x in range(0, width - across + 1, across):
            block = rows[y : y + down, x : x + across, : rung.heads]
            read += block.size
            needed += sum(len(np.unique(block[:, :, head])) for head in range(rung.heads))
    return needed / read


def main() -> None:
    architecture = sys.argv[1] if len(sys.argv) > 1 else "sm_90"
    code = machine_code(architecture)
    print(f"{architecture}, per query and head:\n")
    print(
        "| rung | warp instructions | of them loads from memory | KiB read | of them from the "
        "second-level cache or beyond |\n|---|---|---|---|---|"
    )
    for rung in RUNGS:
        words = next(body for name, body in code.items() if rung.name[2:] in name)
        share, loads = rung.threads / 32, sum(word.startswith("LDG") for word in words)
        kib = 64 * 32 * (2 if "half" in rung.name else 4) / 1024
        print(
            f"| `{rung.name}` | {len(words) * share:.0f} | {loads * share:.0f} | {kib:.0f} | "
            f"{kib * rows_per_block(rung):.1f} |"
        )


if __name__ == "__main__":
    main()
