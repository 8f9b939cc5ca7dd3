"""One study made in four ways: in one go, in shares, by Ray with a killed worker, after kill -9.

    python -m tests.bench.survey_equal --scenes 2000 --folder studies [--out equal.json]

Prints seconds and the largest relative difference of any number, and fails where two tables
differ. Ways that are finished in the folder are not made again.
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
from dataclasses import replace
from pathlib import Path

from deformviz.survey.make import make, plan
from deformviz.survey.parts import StudyFolder, merge
from deformviz.survey.study import Study
from tests.survey.same_study import assert_same

MODEL = "deformable-detr-scenes"
SHARES = 4
KILL_AFTER = 0.4  # of the parts
PATIENCE_S = 24 * 3600


def asked(options: argparse.Namespace):
    settings, pictures = plan(MODEL, f"scenes:{options.scenes}")
    return replace(settings, per_part=options.per_part), pictures


def in_one_go(options: argparse.Namespace, out: Path) -> str:
    make(out, *asked(options))
    return "one process"


def in_shares(options: argparse.Namespace, out: Path) -> str:
    folders: list[str | Path] = [out.with_name(f"{out.name}-{share}") for share in range(SHARES)]
    for share, folder in enumerate(folders):
        make(folder, *asked(options), shard=share, shards=SHARES)
    merge(folders, out)
    return f"{SHARES} shares, merged"


def killed_and_resumed(options: argparse.Namespace, out: Path) -> str:
    settings, pictures = asked(options)
    process = multiprocessing.get_context("spawn").Process(
        target=make, args=(out, settings, pictures)
    )
    process.start()
    assert process.pid
    wait_for_parts(out, KILL_AFTER * settings.parts)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    here = len(StudyFolder(out).done())
    assert here < settings.parts, "It was finished before it could be killed; take more scenes."
    make(out, settings, pictures)
    return f"kill -9 after {here} of {settings.parts} parts, resumed"


def by_ray(options: argparse.Namespace, out: Path) -> str:
    from deformviz.survey.cluster import make_on_cluster

    settings, pictures = asked(options)
    killed: list[str] = []

    def kill_one() -> None:
        wait_for_parts(out, KILL_AFTER * settings.parts)
        pid = next(iter(own_actors()))
        os.kill(pid, signal.SIGKILL)
        killed.append(f"a worker killed after {len(StudyFolder(out).done())} parts")

    killer = threading.Thread(target=kill_one, daemon=True)
    killer.start()
    make_on_cluster(out, settings, pictures)
    killer.join(10)
    assert killed, "No worker could be killed; take more scenes."
    return f"Ray, {killed[0]} of {settings.parts}"


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
    figures = []
    for way in ["one", *(way for way in options.ways if way != "one")]:
        place, note = options.folder / way, options.folder / f"{way}.json"
        if options.again or not note.is_file():
            for left in options.folder.glob(f"{way}*"):
                shutil.rmtree(left) if left.is_dir() else left.unlink()
            started = time.monotonic()
            said = WAYS[way](options, place)
            told = {"way": said, "seconds": round(time.monotonic() - started, 1)}
            note.write_text(json.dumps(told))
        figure = json.loads(note.read_text())
        study = Study(place)
        assert study.complete and study.settings.pictures == options.scenes, place
        figure["rows"] = len(study.layers())
        figure["largest_gap"] = assert_same(Study(options.folder / "one"), study)
        print(
            f"{figure['way']}: {figure['rows']:,} rows in {figure['seconds']:.0f} s; largest "
            f"relative difference from one process {figure['largest_gap']:.1e}",
            flush=True,
        )
        figures.append(figure)
    if options.out:
        options.out.write_text(json.dumps({"scenes": options.scenes, "ways": figures}, indent=1))


if __name__ == "__main__":
    main()
