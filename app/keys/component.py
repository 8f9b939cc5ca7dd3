"""The Python face of the canvas that compares kinds of attention."""

from pathlib import Path

from app.explorer.kinds import CanvasKind

KEYS_CANVAS = CanvasKind("keys", Path(__file__).parent)
