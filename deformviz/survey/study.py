"""A study opened: its tables, its sums, and questions to them. Read-only, and without torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from lzma import LZMAError
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from deformviz.survey import heads
from deformviz.survey.files import COVERED, GAINS, SUMS, TABLES_FOLDER, TOTALS
from deformviz.survey.parts import StudyFolder
from deformviz.survey.pictures import SurveyError
from deformviz.survey.rows import MEASURES, TABLES
from deformviz.survey.settings import Settings
from deformviz.survey.sums import LayerSums, from_bytes

if TYPE_CHECKING:
    from deformviz.survey.verdicts import Verdict


class Study:
    """The tables of many pictures. `study.layers()` and its like give Arrow tables."""

    def __init__(self, path: str | Path):
        """Raises SurveyError if there is no study, or nothing in it yet."""
        self.folder = StudyFolder(path)
        self.settings: Settings = self.folder.settings()
        self.parts = self.folder.done()
        if not self.parts and not (self.folder.path / TOTALS).is_file():
            raise SurveyError(
                f"{path} has no finished part yet; the first comes after "
                f"{self.settings.per_part} pictures."
            )

    @property
    def complete(self) -> bool:
        """Whether every picture is in it."""
        return self.covered == self.settings.pictures

    @property
    def covered(self) -> int:
        """How many pictures its sums hold, those that could not be read included."""
        kept = self._kept
        return kept[1] if kept else sum(len(self.settings.range_of(part)) for part in self.parts)

    # -- tables ----------------------------------------------------------------------------------

    def table(self, name: str) -> pa.Table:
        """ "pictures", "layers" or "detections" of all parts, in the study's order."""
        files = self.files(name)
        if not files:
            return TABLES[name].empty_table()
        return ds.dataset(files, schema=TABLES[name], format="parquet").to_table()

    def files(self, name: str) -> list[str]:
        """The Parquet files of a table, in the study's order."""
        whole = self.folder.path / TABLES_FOLDER / f"{name}.parquet"
        if whole.is_file():
            return [str(whole)]
        return [str(self.folder.part(part) / f"{name}.parquet") for part in self.parts]

    def layers(self) -> pa.Table:
        """One row per picture, layer, head and level."""
        return self.table("layers")

    def detections(self) -> pa.Table:
        """One row per detection."""
        return self.table("detections")

    def pictures(self) -> pa.Table:
        """One row per picture, with the reason where it was skipped."""
        return self.table("pictures")

    def verdicts(self) -> list[Verdict]:
        """What stands out, in words; each rests on a number with its interval."""
        from deformviz.survey.verdicts import verdicts

        return verdicts(self)

    def skipped(self) -> list[tuple[str, str]]:
        """Pictures that could not be read, and why."""
        rows = self.pictures().select(["name", "problem"]).to_pylist()
        return [(row["name"], row["problem"]) for row in rows if row["problem"]]

    # -- sums ------------------------------------------------------------------------------------

    @cached_property
    def sums(self) -> dict[str, LayerSums]:
        """The sums of every layer over all pictures, added part by part in their order."""
        kept = self._kept
        if kept and not (self.parts and kept[1] < self._pictures_of_parts):
            return kept[0]
        total: dict[str, LayerSums] = {}
        for part in self.parts:
            for name, layer in _read(self.folder.part(part) / SUMS).items():
                if name in total:
                    total[name].merge(layer)
                else:
                    total[name] = layer
        return total

    @property
    def _pictures_of_parts(self) -> int:
        return sum(len(self.settings.range_of(part)) for part in self.parts)

    @cached_property
    def _kept(self) -> tuple[dict[str, LayerSums], int] | None:
        """The totals kept beside the parts, and how many pictures they cover."""
        file = self.folder.path / TOTALS
        if not file.is_file():
            return None
        return _read(file), int(file.with_name(COVERED).read_text())

    @cached_property
    def gains(self) -> dict[str, np.ndarray]:
        """What each head can pass on, as a share of the layer's mean head: layer -> [head].

        Of the model's weights alone; empty where its heads could not be taken apart.
        """
        file = self.folder.path / GAINS
        if not file.is_file():
            return {}
        return {name: np.array(gains) for name, gains in json.loads(file.read_text()).items()}

    # -- questions -------------------------------------------------------------------------------

    def connect(self):
        """A DuckDB connection with the tables as views, and `heads`: the levels of a head joined.

        Raises:
            SurveyError: DuckDB is not installed.
        """
        try:
            import duckdb
        except ImportError:
            raise SurveyError(
                "Questions to a study need DuckDB: pip install 'deformviz[survey]'."
            ) from None
        connection = duckdb.connect()
        for name in TABLES:
            if files := self.files(name):
                listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
                connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet([{listed}])")
            else:
                connection.register(name, TABLES[name].empty_table())
        whole = self.folder.path / TABLES_FOLDER / f"{heads.NAME}.parquet"
        escaped = str(whole).replace("'", "''")
        query = f"SELECT * FROM read_parquet('{escaped}')" if whole.is_file() else heads.sql()
        connection.execute(f"CREATE VIEW {heads.NAME} AS {query}")
        return connection

    def per_picture(self, measure: str) -> Mapping[str, np.ndarray]:
        """A measure of every head and level of every picture: layer -> [picture head level].

        Raises:
            SurveyError: there is no such measure.
        """
        if measure not in MEASURES:
            raise SurveyError(f"There is no measure {measure!r}; there are {', '.join(MEASURES)}.")
        table = self.layers().select(["picture", "layer", "head", "level", measure])
        names = np.asarray(table["layer"].cast(pa.string()))
        columns = {n: np.asarray(table[n]) for n in ("picture", "head", "level", measure)}
        found: dict[str, Any] = {}
        for layer in dict.fromkeys(names.tolist()):
            mine = {name: values[names == layer] for name, values in columns.items()}
            pictures, place = np.unique(mine["picture"], return_inverse=True)
            shape = (len(pictures), mine["head"].max() + 1, mine["level"].max() + 1)
            values = np.full(shape, np.nan)
            values[place, mine["head"], mine["level"]] = mine[measure]
            found[layer] = values
        return found


def _read(file: Path) -> dict[str, LayerSums]:
    try:
        return from_bytes(file.read_bytes())
    except (OSError, ValueError, KeyError, BadZipFile, LZMAError) as problem:
        raise SurveyError(
            f"{file.name} of {file.parent} is damaged ({type(problem).__name__}). Remove its "
            "folder and start the same survey again; it makes what is missing."
        ) from None
