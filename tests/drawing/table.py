"""What the oracle covers: `python -m tests.drawing.table` runs it and prints a table.

Per surface how many marks were compared, complete lists each, and the largest difference of any
length or place in pixels of the stage (of the readout in pixels of the picture).
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.drawing.oracle.compare import TALLY

HERE = Path(__file__).parent


def main() -> int:
    tests = sorted(str(path) for path in HERE.glob("test_*_oracle.py"))
    status = pytest.main(["-q", "--no-header", "-p", "no:cacheprovider", *tests])
    rows = [("oracle", "surface", "marks compared", "largest difference, px")]
    rows += [
        (of, surface, f"{marks:,}", f"{furthest:.4f}")
        for (of, surface), (marks, furthest) in sorted(TALLY.items())
        if marks
    ]
    total = sum(marks for marks, _ in TALLY.values())
    rows.append(("all", "", f"{total:,}", f"{max(px for _, px in TALLY.values()):.4f}"))
    wide = [max(len(row[at]) for row in rows) for at in range(4)]
    for at, row in enumerate(rows):
        print("| " + " | ".join(f"{cell:<{w}}" for cell, w in zip(row, wide, strict=True)) + " |")
        if at == 0:
            print("|" + "|".join("-" * (w + 2) for w in wide) + "|")
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
