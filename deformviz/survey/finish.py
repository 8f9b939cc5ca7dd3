"""The last step of a study: what all its parts say together, kept beside them."""

import gzip
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from deformviz.survey.atlas import pack_atlas
from deformviz.survey.files import ATLAS, COVERED, TABLES_FOLDER, TOTALS, VERDICTS
from deformviz.survey.heads import HEADS, head_rows
from deformviz.survey.heads import NAME as HEADS_NAME
from deformviz.survey.pictures import SurveyError
from deformviz.survey.rows import TABLES
from deformviz.survey.study import Study
from deformviz.survey.sums import ALL, to_bytes
from deformviz.survey.verdicts import find_verdicts, to_json

PARTS_TOGETHER = 40  # in one group of rows: a question passes few groups, a group fits in memory


def keep_results(study: Study) -> None:
    """Write tables, sums, verdicts and atlas of all parts, so that opening the study is quick.

    Raises:
        SurveyError: the disk is full or may not be written.
    """
    try:
        _keep(study, study.folder.path)
    except OSError as problem:
        raise SurveyError(
            f"All pictures are measured, but what they say together could not be written to "
            f"{study.folder.path}: {problem.strerror or problem}. Make room and start the same "
            "command again; nothing is measured twice."
        ) from None


def _keep(study: Study, folder: Path) -> None:
    covered, sums = study.covered, study.sums
    (folder / TOTALS).write_bytes(to_bytes(sums, small=True))
    (folder / COVERED).write_text(str(covered))
    keep_tables(study)
    (folder / VERDICTS).write_text(to_json(find_verdicts(study)))
    if sums:
        (folder / ATLAS).write_bytes(gzip.compress(pack_atlas(study, ALL), 9, mtime=0))


def keep_tables(study: Study) -> None:
    """Each table in one file, some parts at a time: a question opens three files, not thousands."""
    folder = study.folder.path / TABLES_FOLDER
    folder.mkdir(exist_ok=True)
    wanted = {name: (name, schema, lambda table: table) for name, schema in TABLES.items()}
    wanted[HEADS_NAME] = ("layers", HEADS, lambda table: head_rows(table))
    for name, (source, schema, made) in wanted.items():
        waiting = folder / f".{name}.parquet"
        with pq.ParquetWriter(waiting, schema, compression="zstd") as writer:
            for start in range(0, len(study.parts), PARTS_TOGETHER):
                some = study.parts[start : start + PARTS_TOGETHER]
                files = [study.folder.part(part) / f"{source}.parquet" for part in some]
                tables = [pq.read_table(file, schema=TABLES[source]) for file in files]
                writer.write_table(made(pa.concat_tables(tables).unify_dictionaries()))
        os.replace(waiting, folder / f"{name}.parquet")
