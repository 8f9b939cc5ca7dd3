"""The last step of a study: what all its parts say together, kept beside them."""

import gzip
import os

import pyarrow.parquet as pq

from deformviz.survey.atlas import pack_atlas
from deformviz.survey.files import ATLAS, COVERED, TABLES_FOLDER, TOTALS, VERDICTS
from deformviz.survey.heads import HEADS, head_rows
from deformviz.survey.heads import NAME as HEADS_NAME
from deformviz.survey.rows import TABLES
from deformviz.survey.study import Study
from deformviz.survey.sums import ALL, to_bytes
from deformviz.survey.verdicts import find_verdicts, to_json


def keep_results(study: Study) -> None:
    """Write tables, sums, verdicts and atlas of all parts, so that opening the study is quick."""
    folder = study.folder.path
    covered, sums = study.covered, study.sums
    (folder / TOTALS).write_bytes(to_bytes(sums))
    (folder / COVERED).write_text(str(covered))
    keep_tables(study)
    (folder / VERDICTS).write_text(to_json(find_verdicts(study)))
    if sums:
        (folder / ATLAS).write_bytes(gzip.compress(pack_atlas(study, ALL), 9, mtime=0))


def keep_tables(study: Study) -> None:
    """Each table in one file, a part at a time: a question opens three files, not thousands."""
    folder = study.folder.path / TABLES_FOLDER
    folder.mkdir(exist_ok=True)
    wanted = {name: (name, schema, lambda table: table) for name, schema in TABLES.items()}
    wanted[HEADS_NAME] = ("layers", HEADS, lambda table: head_rows(table))
    for name, (source, schema, made) in wanted.items():
        waiting = folder / f".{name}.parquet"
        with pq.ParquetWriter(waiting, schema, compression="zstd") as writer:
            for part in study.parts:
                file = study.folder.part(part) / f"{source}.parquet"
                writer.write_table(made(pq.read_table(file, schema=TABLES[source])))
        os.replace(waiting, folder / f"{name}.parquet")
