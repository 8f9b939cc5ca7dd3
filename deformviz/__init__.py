"""deformviz: where vision models with deformable attention look, and the proof of it.

Names load on first use, so that `import deformviz` costs nothing and needs no torch.
"""

from importlib import import_module

from deformviz import systems as _hands_its_records_down  # noqa: F401

__version__ = "0.1.0"

_ROOM_OF = {
    "load": "deformviz.checkpoints.load",
    "run": "deformviz.tracing.run",
    "record": "deformviz.tracing.record",
    "look": "deformviz.tracing.look",
    "figure": "deformviz.figures.studio",
    "open": "deformviz.tracing.recording_file",
    "RecordingError": "deformviz.tracing.recording_file",
    "Adapter": "deformviz.tracing.adapters",
    "RecordError": "deformviz.tracing.recording",
    "save": "deformviz.checkpoints.own",
    "notebook": "deformviz.cli.in_notebook",
    "survey": "deformviz.survey",
    "SurveyError": "deformviz.survey.pictures",
    "ms_deform_attn": "deformviz.attention.op",
    "ms_deform_attn_fused": "deformviz.attention.op",
    "BackendError": "deformviz.attention.backends",
    "CheckpointError": "deformviz.checkpoints.errors",
    "ShapeError": "deformviz.axes",
    "AttentionTrace": "deformviz.schema",
    "Detections": "deformviz.schema",
    "Trace": "deformviz.schema",
}

__all__ = ["__version__"]
__all__ += sorted(_ROOM_OF)


def __getattr__(name: str):
    if name not in _ROOM_OF:
        raise AttributeError(
            f"deformviz has no name {name!r}; it has {', '.join(sorted(_ROOM_OF))}."
        )
    return getattr(import_module(_ROOM_OF[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
