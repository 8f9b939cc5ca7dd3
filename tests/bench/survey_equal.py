"""One study made in four ways: in one go, in shares, by Ray with a killed worker, after kill -9.

    python -m tests.bench.survey_equal --scenes 2000 --folder studies [--out equal.json]

Prints seconds, the largest relative difference of any number and resident memory, and fails where
two tables differ. Ways that are finished in the folder are not made again, and one that was stopped
goes on where it was; `--ways` makes some of them, also beside another run in the same folder.
"""

import argparse
import json
import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

from deformviz.models.memory import keep_freed_memory
from deformviz.survey.make import make, plan
from deformviz.survey.parts import StudyFolder, merge
from deformviz.survey.study import Study
from tests.bench.survey import growth, resident_mib
from tests.survey.same_study import assert_same

MODEL = "deformable-detr-scenes"
SHARES = 4
KILL_AFTER = 0.4  # of the parts
PATIENCE_S = 24 * 3600


def asked(options: argparse.Namespace):
    settings, pictures = plan(MODEL, f"scenes:{options.scenes}")
    return replace(settings, per_part=options.per_part), pictures


def in_one_go(options: argparse.Namespace, out: Path) -> dict:
    """In a process that does nothing else, whose memory is told as it goes."""
    before = len(StudyFolder(out).done())
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        told = pool.submit(watched, out, *asked(options)).result()
    said = "one process" + (f", gone on after {before} parts" if before else "")
    return {"way": said, "resident_mib": told, "growth": growth(told)}


def watched(out: Path, settings, pictures) -> list[tuple[int, float]]:
    """Make a study as the command does; resident memory after every part."""
    keep_freed_memory()
    told: list[tuple[int, float]] = []
    make(
        out,
        settings,
        pictures,
        on_progress=lambda progress: told.append((progress.done, resident_mib())),
    )
    return told


def in_shares(options: argparse.Namespace, out: Path) -> dict:
    """Each in a process of its own, as many at a time as there are cores."""
    folders: list[str | Path] = [out.with_name(f"{out.name}-{share}") for share in range(SHARES)]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), context, max_tasks_per_child=1) as pool:
        shares = [
            pool.submit(make, folder, *asked(options), shard=share, shards=SHARES)
            for share, folder in enumerate(folders)
        ]
        for share in shares:
            share.result()
    merge(folders, out)
    return {"way": f"{SHARES} shares, merged"}


def killed_and_resumed(options: argparse.Namespace, out: Path) -> dict:
    settings, pictures = asked(options)
    process = multiprocessing.get_context("spawn").Process(
        target=make, args=(out, settings, pictures)
    )
    enough = parts_to_kill_at(out, settings)
    process.start()
    assert process.pid
    wait_for_parts(out, enough)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    here = len(StudyFolder(out).done())
    assert here < settings.parts, "It was finished before it could be killed; take more scenes."
    make(out, settings, pictures)
    return {"way": f"kill -9 after {here} of {settings.parts} parts, resumed"}


def by_ray(options: argparse.Namespace, out: Path) -> dict:
    from deformviz.survey.cluster import make_on_cluster

    settings, pictures = asked(options)
    killed: list[str] = []
    enough = parts_to_kill_at(out, settings)

    def kill_one() -> None:
        wait_for_parts(out, enough)
        pid = next(iter(own_actors()))
        os.kill(pid, signal.SIGKILL)
        killed.append(f"a worker killed after {len(StudyFolder(out).done())} parts")

    killer = threading.Thread(target=kill_one, daemon=True)
    killer.start()
    make_on_cluster(out, settings, pictures)
    killer.join(10)
    assert killed, "No worker could be killed; take more scenes."
    return {"way": f"Ray, {killed[0]} of {settings.parts}"}


def parts_to_kill_at(out: Path, settings) -> float:
    """So many of those that are missing, beside those that are there."""
    here = len(StudyFolder(out).done())
    return here + KILL_AFTER * (settings.parts - here)


def wait_for_parts(out: Path, least: float) -> None:
    until = time.monotonic() + PATIENCE_S
    while len(StudyFolder(out).done()) < least and time.monotonic() < until:
        time.sleep(0.05)


def own_actors() -> Iterator[int]:
    """Processes below this one that make parts, by the title Ray gives them."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            title = (process / "cmdline").read_bytes()
        except OSError:  # it ended while it was looked at
            continue
        if title.startswith(b"ray::MapWorker") and descends_from(int(process.name), os.getpid()):
            yield int(process.name)


def descends_from(pid: int, ancestor: int) -> bool:
    while pid > 1 and pid != ancestor:
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return False
    return pid == ancestor


WAYS = {
    "one": in_one_go,
    "shares": in_shares,
    "killed": killed_and_resumed,
    "ray": by_ray,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=2000)
    parser.add_argument("--per-part", type=int, default=25)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--ways", nargs="*", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--again", action="store_true", help="make also what is there")
    parser.add_argument("--out", type=Path, help="the figures as JSON")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for way in options.ways:
        made(options, way)
    there = [way for way in WAYS if (options.folder / f"{way}.json").is_file()]
    if "one" not in there:
        print(f"Made: {', '.join(there)}. They are compared once the study of one go is there.")
        return
    figures = [compared(options, way) for way in there]
    if options.out:
        options.out.write_text(json.dumps({"scenes": options.scenes, "ways": figures}, indent=1))


def made(options: argparse.Namespace, way: str) -> None:
    """Make a study in one way, unless it is there, and note what it took."""
    place, note = options.folder / way, options.folder / f"{way}.json"
    if options.again:
        for left in options.folder.glob(f"{way}*"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
    if not note.is_file():
        before, started = os.getloadavg()[0], time.monotonic()
        told = WAYS[way](options, place)
        told |= {"seconds": round(time.monotonic() - started, 1), "load_before": before}
        note.write_text(json.dumps(told))


def compared(options: argparse.Namespace, way: str) -> dict:
    """What one way took, and how far its numbers are from those of one go."""
    place = options.folder / way
    figure = json.loads((options.folder / f"{way}.json").read_text())
    study = Study(place)
    assert study.complete and study.settings.pictures == options.scenes, place
    figure["rows"] = len(study.layers())
    figure["largest_gap"] = assert_same(Study(options.folder / "one"), study)
    print(
        f"{figure['way']}: {figure['rows']:,} rows in {figure['seconds']:.0f} s; largest "
        f"relative difference from one process {figure['largest_gap']:.1e}",
        flush=True,
    )
    if told := figure.get("resident_mib"):
        first = next(((done, mib) for done, mib in told if done >= 200), told[0])
        (done, mib), last = first, told[-1]
        print(
            f"  resident {mib:.0f} MiB at picture {done:,}, {last[1]:.0f} at {last[0]:,} "
            f"({100 * figure['growth']:+.1f} %)"
        )
    return figure


if __name__ == "__main__":
    main()
