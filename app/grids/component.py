"""The Python face of the grid canvas."""

from pathlib import Path

from app.explorer.kinds import CanvasKind

GRID_CANVAS = CanvasKind("grid", Path(__file__).parent)
