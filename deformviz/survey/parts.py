"""A study on disk: settings, and parts that are there whole or not at all.

A part is written under another name and renamed, so a killed process leaves nothing half done;
its number says which pictures it holds, so any split over machines makes the same parts.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import uuid
from pathlib import Path

import pyarrow.parquet as pq

from deformviz.survey.files import GAINS, PARTS, SETTINGS, SUMS
from deformviz.survey.operator import Measured
from deformviz.survey.pictures import SurveyError
from deformviz.survey.rows import TABLES, WORDS, to_table
from deformviz.survey.settings import Settings
from deformviz.survey.sums import to_bytes


class StudyFolder:
    """Where a study is kept."""

    def __init__(self, path: str | Path):
        self.path = Path(path)

    def create(self, settings: Settings) -> None:
        """Begin a study, or go on with the one that is here.

        Raises:
            SurveyError: another study is here, or nothing can be written here.
        """
        try:
            (self.path / PARTS).mkdir(parents=True, exist_ok=True)
            if not (self.path / SETTINGS).is_file():
                _write(self.path / SETTINGS, settings.to_json().encode())
        except OSError as problem:
            raise SurveyError(
                f"A study cannot be begun in {self.path}: {problem.strerror}. Choose another --out."
            ) from None
        check_equal(self.settings(), settings, self.path)

    def settings(self) -> Settings:
        """Raises SurveyError if this is no study."""
        file = self.path / SETTINGS
        if not file.is_file():
            raise SurveyError(
                f"{self.path} is no study: it has no {SETTINGS}. "
                "Make one with `deformviz survey --out`."
            )
        return Settings.from_json(file.read_text(encoding="utf-8"))

    def done(self) -> list[int]:
        """Numbers of the parts that are here."""
        folder = self.path / PARTS
        if not folder.is_dir():
            return []
        return sorted(int(part.name) for part in folder.iterdir() if part.name.isdigit())

    def part(self, number: int) -> Path:
        return self.path / PARTS / f"{number:05d}"

    def write(self, number: int, measured: Measured) -> None:
        """Keep a part; one that came meanwhile from another process stays.

        Raises:
            SurveyError: the disk is full or may not be written.
        """
        waiting = self.path / PARTS / f".{number:05d}-{uuid.uuid4().hex[:8]}"
        try:
            waiting.mkdir(parents=True)
            for name in TABLES:
                pq.write_table(
                    to_table(name, getattr(measured, name)),
                    waiting / f"{name}.parquet",
                    compression="zstd",
                    use_dictionary=WORDS[name],
                )
            (waiting / SUMS).write_bytes(to_bytes(measured.sums))
            os.rename(waiting, self.part(number))
        except OSError as problem:
            shutil.rmtree(waiting, ignore_errors=True)
            if problem.errno in (errno.ENOTEMPTY, errno.EEXIST):
                return
            raise SurveyError(
                f"Part {number} could not be written to {self.path}: {problem.strerror}. "
                "What is finished stays; make room and start the same command again."
            ) from None

    def keep_gains(self, gains: dict[str, list[float]]) -> None:
        """Keep what the model's heads can pass on, once."""
        if not (self.path / GAINS).exists():
            _write(self.path / GAINS, json.dumps(gains).encode())

    def sweep(self) -> None:
        """Remove what killed processes left half written."""
        for left in (self.path / PARTS).glob(".*"):
            shutil.rmtree(left, ignore_errors=True)


def check_equal(first: Settings, second: Settings, place: Path) -> None:
    """Raises SurveyError naming the setting in which two studies differ."""
    for name in vars(first):
        before, now = getattr(first, name), getattr(second, name)
        if before != now:
            raise SurveyError(
                f"{place} holds a study with {name} = {before!r}, this one has {now!r}. "
                "Choose another --out, or the same settings."
            )


def merge(folders: list[str | Path], out: str | Path) -> StudyFolder:
    """Join what several machines made of one study.

    Raises:
        SurveyError: they are not of one study.
    """
    first = StudyFolder(folders[0]).settings()
    target = StudyFolder(out)
    target.create(first)
    for folder in map(StudyFolder, folders):
        check_equal(first, folder.settings(), folder.path)
        for number in folder.done():
            if folder.path.resolve() == target.path.resolve() or target.part(number).exists():
                continue
            waiting = target.path / PARTS / f".{number:05d}-{uuid.uuid4().hex[:8]}"
            shutil.copytree(folder.part(number), waiting)
            os.rename(waiting, target.part(number))
        if (folder.path / GAINS).is_file():
            target.keep_gains(json.loads((folder.path / GAINS).read_text()))
    return target


def _write(path: Path, data: bytes) -> None:
    waiting = path.with_name(f".{path.name}-{uuid.uuid4().hex[:8]}")
    waiting.write_bytes(data)
    os.replace(waiting, path)
