"""Many pictures: tables and verdicts that merge. `dv.survey(model, images)` calls this room."""

import sys
from types import ModuleType
from typing import Any


class _Survey(ModuleType):
    """This room, which is itself what `dv.survey` calls: a name of the front door and a package."""

    def __call__(self, model: Any, images: Any, **asked: Any) -> Any:
        from deformviz.survey.call import survey

        return survey(model, images, **asked)


survey = sys.modules[__name__]
survey.__class__ = _Survey
