"""The two studies that are shipped: the trained detector, and the same before its training.

    python -m deformviz.survey.shipped trained-study start-study

makes both of 2,000 scenes in these folders (an hour of one core) and keeps them as shipped: sums
and verdicts of all pictures, rows of the first fifty.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deformviz.survey.files import ATLAS, COVERED, GAINS, PARTS, SETTINGS, SUMS, TOTALS, VERDICTS

if TYPE_CHECKING:
    from deformviz.survey.study import Study

SHIPPED_STUDIES = Path(__file__).parents[1] / "assets" / "studies"
SCENES = "scenes:2000"
# Name of the folder -> model that is surveyed.
STUDIES = {
    "trained": "deformable-detr-scenes",
    "before-training": "deformviz.survey.shipped:before_training",
}
PARTS_KEPT = 2


def before_training() -> Any:
    """The shipped detector at iteration 0 of its recorded training."""
    from deformviz.analysis.recorded_run import SHIPPED_RUNS
    from deformviz.analysis.replay import Replay

    return Replay(SHIPPED_RUNS / "detector").model_at(0)


def shipped_studies() -> dict[str, Path]:
    """Folders of the shipped studies, by name."""
    return {name: SHIPPED_STUDIES / name for name in STUDIES if (SHIPPED_STUDIES / name).is_dir()}


def keep_as_shipped(study: Study, to: Path) -> None:
    """Copy what is shipped of a complete study; replaces what is at `to`."""
    from deformviz.survey.finish import keep_results
    from deformviz.survey.parts import StudyFolder

    keep_results(study)
    shutil.rmtree(to, ignore_errors=True)
    target = StudyFolder(to)
    target.create(study.settings)
    for name in (SETTINGS, GAINS, TOTALS, COVERED, VERDICTS, ATLAS):
        shutil.copy(study.folder.path / name, to / name)
    for part in study.parts[:PARTS_KEPT]:
        shutil.copytree(
            study.folder.part(part), to / PARTS / f"{part:05d}", ignore=lambda *_: [SUMS]
        )


def main(folders: list[str]) -> None:
    """Make both studies, and keep them as shipped."""
    from deformviz.survey.make import make, plan
    from deformviz.survey.study import Study

    for (name, model), folder in zip(STUDIES.items(), folders, strict=True):
        settings, pictures = plan(model, SCENES)
        made = make(folder, settings, pictures)
        keep_as_shipped(Study(made.path), SHIPPED_STUDIES / name)


if __name__ == "__main__":
    main(sys.argv[1:])
