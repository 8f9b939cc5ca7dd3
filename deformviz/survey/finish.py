"""The last step of a study: what all its parts say together, kept beside them."""

from deformviz.survey.study import COVERED, TOTALS, VERDICTS, Study
from deformviz.survey.sums import to_bytes
from deformviz.survey.verdicts import find_verdicts, to_json


def keep_results(study: Study) -> None:
    """Write the sums and verdicts of all parts, so that opening the study is quick."""
    folder = study.folder.path
    covered, sums = study.covered, study.sums
    (folder / TOTALS).write_bytes(to_bytes(sums))
    (folder / COVERED).write_text(str(covered))
    (folder / VERDICTS).write_text(to_json(find_verdicts(study)))
