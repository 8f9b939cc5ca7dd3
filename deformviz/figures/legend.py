"""What colours and shapes of sampling points mean, in one line beside any number of charts."""

from html import escape

from deformviz.figures.theme import LEVEL_MARKS, head_colour


def marks_legend(colours: int, levels: int = 1, *, of: str = "head", more: str = "") -> str:
    """HTML that names each colour and each shape.

    Args:
        colours: how many heads there are, or whatever `of` says.
        levels: how many levels; one needs no shapes.
        more: what else is drawn, in words.
    """
    parts = [
        f"{escape(of)} "
        + " ".join(f'<b style="color:{head_colour(index)}">{index}</b>' for index in range(colours))
    ]
    if levels > 1:
        parts.append(
            "level "
            + " ".join(
                f"{LEVEL_MARKS[level % len(LEVEL_MARKS)][0]}&nbsp;{level}"
                for level in range(levels)
            )
        )
    if more:
        parts.append(escape(more))
    spans = "".join(f'<span style="margin-right:1.5rem">{part}</span>' for part in parts)
    return f'<p style="margin:0;font-size:0.95rem">{spans}</p>'
