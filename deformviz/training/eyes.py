"""The eye that all drawn creatures share."""

from deformviz.training.colours import INK, WHITE
from deformviz.training.shapes import ellipse
from deformviz.training.vector_art import Drawing


def eye(art: Drawing, x: float, y: float, radius: float) -> None:
    """Black, with a light that comes from the upper left."""
    art.detail(ellipse(x, y, radius), INK)
    art.detail(ellipse(x - radius * 0.3, y - radius * 0.35, radius * 0.35), WHITE)
