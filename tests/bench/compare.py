"""Two files of figures side by side: `python -m tests.bench.compare before.json after.json`.

A file holds {"machine": .., "cases": {name: {"seconds": [..]}}}. A ratio above 1 means that the
second file is faster; one whose quartiles overlap is marked, because it may be chance.
"""

import json
import statistics
import sys
from pathlib import Path


def quartiles(seconds: list[float]) -> tuple[float, float, float]:
    """Lower quartile, median, upper quartile."""
    if len(seconds) < 2:
        return seconds[0], seconds[0], seconds[0]
    low, middle, high = statistics.quantiles(seconds, n=4, method="inclusive")
    return low, middle, high


def lines(before: dict, after: dict) -> list[str]:
    """A table of the cases both files have; machines that differ are said first."""
    said = [] if before["machine"] == after["machine"] else ["These are two different machines."]
    for name in before["cases"].keys() & after["cases"].keys():
        first, second = (quartiles(file["cases"][name]["seconds"]) for file in (before, after))
        overlap = first[0] <= second[2] and second[0] <= first[2]
        said.append(
            f"{name:<28}{first[1] * 1e3:>10.1f} ms{second[1] * 1e3:>10.1f} ms"
            f"{first[1] / second[1]:>8.2f}{'  (quartiles overlap)' if overlap else ''}"
        )
    return sorted(said, key=lambda line: not line.startswith("These"))


if __name__ == "__main__":
    files = [json.loads(Path(path).read_text()) for path in sys.argv[1:3]]
    print("\n".join(lines(*files)))
