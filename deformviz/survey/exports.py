"""A study taken along: tables as CSV and Parquet, sums and maps of heads as NPZ."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.csv import write_csv

from deformviz.survey.rows import TABLES
from deformviz.survey.study import Study

SEPARATOR = " "  # between the numbers of a list, within one field


def csv_bytes(study: Study, table: str) -> bytes:
    """A table as CSV with a line of names; what is unknown is empty."""
    buffer = io.BytesIO()
    write_csv(_flat(study.table(table)), buffer)
    return buffer.getvalue()


def export(study: Study, to: str | Path) -> list[Path]:
    """Write every table as CSV and Parquet, and the sums as `sums.npz`, into a folder.

    The archive holds for each layer and group `<layer>|<group>|counts` and `|weights`
    [head level y x], and for each layer `|mean` [head level point xy] and `|spread`.
    """
    folder = Path(to)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in TABLES:
        written += [folder / f"{name}.csv", folder / f"{name}.parquet"]
        written[-2].write_bytes(csv_bytes(study, name))
        pq.write_table(study.table(name), written[-1], compression="zstd")
    arrays = {}
    for name, sums in study.sums.items():
        arrays |= {f"{name}|mean": sums.mean, f"{name}|spread": sums.spread}
        for group in sums.counts:
            arrays[f"{name}|{group}|counts"] = sums.counts[group]
            arrays[f"{name}|{group}|weights"] = sums.weights[group]
    written.append(folder / "sums.npz")
    np.savez_compressed(written[-1], allow_pickle=False, **arrays)
    return written


def zipped(study: Study) -> bytes:
    """All that `export` writes, as one ZIP file."""
    buffer = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(buffer, "w") as archive:
        for path in export(study, folder):
            packed = zipfile.ZIP_DEFLATED if path.suffix == ".csv" else zipfile.ZIP_STORED
            archive.write(path, path.name, packed)
    return buffer.getvalue()


def _flat(table: pa.Table) -> pa.Table:
    """CSV has neither dictionaries nor lists."""
    columns = {}
    for name in table.column_names:
        column = table[name]
        if pa.types.is_dictionary(column.type):
            column = column.cast(pa.string())
        elif pa.types.is_list(column.type):
            column = pa.array(
                [
                    None if row is None else SEPARATOR.join(map(str, row))
                    for row in column.to_pylist()
                ],
                pa.string(),
            )
        columns[name] = column
    return pa.table(columns)
