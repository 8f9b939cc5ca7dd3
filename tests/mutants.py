"""Plants one fault at a time in a scratch copy and asks the tests that should notice.

    python -m tests.mutants                    all of `mutants.toml`; the run is recorded
    python -m tests.mutants --third 4f1c9e0    the third that this commit's hash chooses
    python -m tests.mutants -k matching        those whose name, file or tests hold a word
    python -m tests.mutants --keep FILE        all, in several sittings: what FILE holds is not
                                               judged again; how far they came is recorded

Killed: a named test fails. Survived: all pass, so a test is missing. A pattern that does not occur
exactly once in its file is stale, an error, as is a fault that keeps the tests from starting.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

ROOT = Path(__file__).parents[1]
LIST = ROOT / "tests" / "mutants.toml"
LAST_RUN = ROOT / "tests" / "mutants_last_run.toml"
THIRDS = 3
SECONDS = 600  # of one mutant's tests
PASSED, FAILED, NO_END = 0, 1, -1
VERDICTS = {PASSED: "survived", FAILED: "killed", NO_END: "killed"}
SCRIPTS = "app/canvas/"  # built into deformviz/bundles
BUILD = ("npm", "run", "--silent", "build")


@dataclass(frozen=True)
class Mutant:
    """A fault somebody could make, and the tests that must notice it."""

    name: str
    file: str
    what: str
    becomes: str
    tests: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Changes with whatever is planted, and where, and who is asked."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]

    def stale(self, root: Path = ROOT) -> str:
        """Why it cannot be planted, or ""."""
        path = root / self.file
        if not path.is_file():
            return f"{self.file} does not exist"
        count = path.read_text(encoding="utf-8").count(self.what)
        if count != 1:
            return f"{self.file} holds {self.what!r} {count} times, expected once"
        if self.what == self.becomes:
            return "it changes nothing"
        missing = [t for t in self.tests if not (root / t.partition("::")[0]).exists()]
        return f"there is no {missing[0]}" if missing else ""


@dataclass(frozen=True)
class Outcome:
    """What the tests said to one mutant."""

    mutant: Mutant
    verdict: str  # "killed", "survived" or "broken"
    seconds: float
    said: str = ""


def read_mutants(path: Path = LIST) -> list[Mutant]:
    """The list, in its order."""
    rows = tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]
    return [Mutant(**{**row, "tests": tuple(row["tests"])}) for row in rows]


def third_of(mutants: Sequence[Mutant], commit: str) -> tuple[int, list[Mutant]]:
    """Which third a commit's hash chooses, and its mutants."""
    number = int(commit[:8], 16) % THIRDS
    return number, list(mutants[number::THIRDS])


# -- the scratch copy ----------------------------------------------------------------------------


def project_files() -> list[str]:
    """What the project consists of: files git knows, and new ones it does not ignore."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def copy_project(to: Path) -> Path:
    """A copy to plant faults in; installed scripts of others are only pointed at."""
    for name in project_files():
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, to / name)
    if (ROOT / "node_modules").exists():
        (to / "node_modules").symlink_to((ROOT / "node_modules").resolve())
    return to


class Copy:
    """One copy of the project, and a process that runs tests in it."""

    def __init__(self, folder: Path):
        self.folder = copy_project(folder)
        self._log = folder.with_suffix(".log")
        environ = os.environ | {
            "PYTHONPATH": str(folder),
            "PYTHONDONTWRITEBYTECODE": "1",  # two faults in one second may leave equal stamps
            "OMP_NUM_THREADS": "1",
            "DEFORMVIZ_PARITY": os.environ.get(
                "DEFORMVIZ_PARITY", str(ROOT / ".." / "shared" / "parity")
            ),
        }
        self._worker = subprocess.Popen(
            [sys.executable, "-m", "tests.mutants_worker"],
            cwd=folder,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def run(self, tests: Sequence[str], *, first_failure: bool, seconds: float) -> tuple[int, str]:
        """pytest's exit status (-1: the time was up) and what it said."""
        order = {
            "tests": list(tests),
            "first_failure": first_failure,
            "seconds": seconds,
            "log": str(self._log),
        }
        self._worker.stdin.write(json.dumps(order) + "\n")
        self._worker.stdin.flush()
        status = json.loads(self._worker.stdout.readline())["status"]
        return status, self._log.read_text(encoding="utf-8", errors="replace")

    def close(self) -> None:
        self._worker.stdin.close()
        self._worker.wait(timeout=30)


def judge(copy: Copy, mutant: Mutant) -> Outcome:
    """Plant one fault, run its tests, and mend the copy."""
    path, started = copy.folder / mutant.file, time.monotonic()
    right = path.read_text(encoding="utf-8")
    path.write_text(right.replace(mutant.what, mutant.becomes), encoding="utf-8")
    try:
        rebuild(copy, mutant)
        status, said = copy.run(mutant.tests, first_failure=True, seconds=SECONDS)
    finally:
        path.write_text(right, encoding="utf-8")
        rebuild(copy, mutant)
    verdict = VERDICTS.get(status, "broken")
    told = said[-2000:] if verdict == "broken" else ""
    return Outcome(mutant, verdict, time.monotonic() - started, told)


def rebuild(copy: Copy, mutant: Mutant) -> None:
    """Build the scripts again where the fault is in one of them."""
    if mutant.file.startswith(SCRIPTS):
        subprocess.run(BUILD, cwd=copy.folder, check=True, capture_output=True)


def judge_all(mutants: Sequence[Mutant], jobs: int, *, trust: bool = False) -> Iterator[Outcome]:
    """Outcomes in the order of the list, several copies at work at once."""
    with tempfile.TemporaryDirectory(prefix="deformviz-mutants-") as folder:
        made = [Copy(Path(folder) / str(number)) for number in range(jobs)]
        copies: Queue[Copy] = Queue()
        for copy in made:
            copies.put(copy)

        def work(mutant: Mutant) -> Outcome:
            copy = copies.get()
            try:
                return judge(copy, mutant)
            finally:
                copies.put(copy)

        try:
            if not trust and (wrong := failing_tests(made[0], mutants)):
                raise SystemExit(f"mutants: these tests fail without any fault:\n{wrong}")
            with ThreadPoolExecutor(jobs) as pool:
                yield from pool.map(work, mutants)
        finally:
            for copy in made:
                copy.close()


def failing_tests(copy: Copy, mutants: Sequence[Mutant]) -> str:
    """What the named tests say to the project as it is; "" where all pass."""
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    files = [t for t in tests if "::" not in t]
    single = [t for t in tests if "::" in t and t.partition("::")[0] not in files]
    status, said = copy.run([*files, *single], first_failure=False, seconds=10 * SECONDS)
    return "" if status == PASSED else said[-4000:]


# -- the command ---------------------------------------------------------------------------------


class Kept:
    """Outcomes in a file, a line each, so that a long run may be made in several sittings."""

    def __init__(self, path: Path | None):
        self._path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path and path.exists() else []
        self._rows = {row["digest"]: row for row in map(json.loads, lines)}

    def __contains__(self, mutant: Mutant) -> bool:
        return mutant.digest in self._rows

    def add(self, outcome: Outcome, sitting: str) -> None:
        row = {"digest": outcome.mutant.digest, "name": outcome.mutant.name, "sitting": sitting}
        row |= {"verdict": outcome.verdict, "seconds": round(outcome.seconds, 1)}
        self._rows[row["digest"]] = row
        if self._path:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")

    def of(self, mutants: Sequence[Mutant]) -> list[dict]:
        """The rows of these mutants, as far as they are known."""
        return [self._rows[m.digest] for m in mutants if m in self]


def record_run(rows: Sequence[dict], listed: int, seconds: float) -> None:
    """Keep what was found of the list, of how many of it, when, and in how many sittings."""
    counts = Counter(row["verdict"] for row in rows)
    survived = [row["name"] for row in rows if row["verdict"] != "killed"]
    lines = [
        "# The last run of the list; written by `python -m tests.mutants`.",
        f"date = {time.strftime('%Y-%m-%d')}",
        f"mutants = {listed}",
        f"judged = {len(rows)}",
        f"killed = {counts['killed']}",
        f"sittings = {len({row['sitting'] for row in rows})}",
        f"minutes_of_the_last_sitting = {seconds / 60:.1f}",
        f"minutes_of_all_tests = {sum(row['seconds'] for row in rows) / 60:.1f}",
        f"cores = {os.cpu_count()}",
        "not_killed = [" + ", ".join(f'"{name}"' for name in survived) + "]",
    ]
    LAST_RUN.write_text("\n".join(lines) + "\n", encoding="utf-8")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("-k", metavar="WORD", help="only those that hold this word")
    parser.add_argument("--third", metavar="HASH", help="the third this commit's hash chooses")
    parser.add_argument("--keep", metavar="FILE", type=Path, help="where outcomes are kept")
    parser.add_argument("--jobs", type=int, default=2, help="how many at once (default 2)")
    parser.add_argument("--trust", action="store_true", help="do not run the tests unharmed first")
    parser.add_argument("--check", action="store_true", help="look for stale patterns only")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    mutants = read_mutants()
    if stale := [(mutant, why) for mutant in mutants if (why := mutant.stale())]:
        for mutant, why in stale:
            print(f"stale: {mutant.name}: {why}")
        return 2
    if options.check:
        print(f"{len(mutants)} mutants, none stale.")
        return 0
    if options.third:
        number, mutants = third_of(mutants, options.third)
        print(f"The hash {options.third} chooses third {number + 1} of {THIRDS}.")
    if options.k:
        mutants = [m for m in mutants if options.k in f"{m.name} {m.file} {' '.join(m.tests)}"]
    kept, sitting = Kept(options.keep), time.strftime("%Y-%m-%d %H:%M:%S")
    mutants = [mutant for mutant in mutants if mutant not in kept]
    started, outcomes = time.monotonic(), []
    for outcome in judge_all(mutants, options.jobs, trust=options.trust):
        outcomes.append(outcome)
        kept.add(outcome, sitting)
        print(f"{outcome.verdict:8}  {outcome.seconds:5.1f} s  {outcome.mutant.name}", flush=True)
        if outcome.said:
            print(outcome.said)
    seconds = time.monotonic() - started
    counts = Counter(outcome.verdict for outcome in outcomes)
    print(f"{dict(counts)} of {len(outcomes)} in {seconds / 60:.1f} minutes")
    every = read_mutants()
    rows = kept.of(every)
    if options.keep or len(rows) == len(every):
        record_run(rows, len(every), seconds)
    return 0 if counts["killed"] == len(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
