"""A model as a chain of boxes with their sizes, as HTML that fits a wide page and a phone."""

from html import escape

from deformviz.analysis.architecture import Architecture, Part

STYLE = """<style>
ol.dv-parts { display: grid; gap: 0.75rem 1.4rem; margin: 0.25rem 0 0.5rem; padding: 0;
  grid-template-columns: repeat(var(--parts), minmax(0, 1fr)); list-style: none; }
.dv-parts li { position: relative; margin: 0; padding: 0.7rem 0.8rem 0.75rem;
  border: 1px solid rgba(128, 136, 155, 0.35); border-radius: 0.6rem;
  background: rgba(128, 136, 155, 0.07); font-size: 0.85rem; line-height: 1.35; }
.dv-parts li:not(:last-child)::after { content: "→"; position: absolute; right: -1.15rem;
  top: calc(50% - 0.7em); opacity: 0.55; }
.dv-parts b { font-size: 1rem; } .dv-parts .quiet { opacity: 0.72; display: block; }
.dv-parts .bar { display: block; height: 0.35rem; border-radius: 0.2rem; margin-top: 0.3rem;
  background: rgba(128, 136, 155, 0.22); overflow: hidden; }
.dv-parts .bar i { display: block; height: 100%; border-radius: 0.2rem; }
@media (max-width: 68rem) { ol.dv-parts {
  grid-template-columns: repeat(auto-fit, minmax(8.8rem, 1fr)); } }
@media (max-width: 40rem) { ol.dv-parts { grid-template-columns: 1fr; }
  .dv-parts li:not(:last-child)::after { content: "↓"; right: auto; left: 50%; top: auto;
    bottom: -1.15rem; } }
</style>"""
COLOURS = {"parameters": "#3f90da", "multiply-adds": "#e76300"}


def architecture_html(found: Architecture) -> str:
    """The parts in the order of the data, each with its share of parameters and multiply-adds."""
    boxes = "".join(_box(part, found) for part in found.parts)
    return (
        f'{STYLE}<ol class="dv-parts" style="--parts: {len(found.parts)}" '
        f'aria-label="Parts of the model">{boxes}</ol>'
    )


def _box(part: Part, whole: Architecture) -> str:
    repeats = f" × {part.repeats}" if part.repeats > 1 else ""
    return (
        f"<li><b>{escape(part.name)}{repeats}</b>"
        f'<span class="quiet">{escape(part.detail)}</span>'
        f"{_bar('parameters', part.parameters, whole.parameters)}"
        f"{_bar('multiply-adds', part.multiply_adds, whole.multiply_adds)}"
        f'<span class="quiet">→ {escape(part.output)}</span></li>'
    )


def _bar(what: str, amount: int, total: int) -> str:
    share = 100 * amount / total if total else 0.0
    return (
        f'<span>{short_number(amount)} {what}</span><span class="bar" role="img" '
        f'aria-label="{share:.0f} % of all {what}"><i style="width:{share:.1f}%;'
        f'background:{COLOURS[what]}"></i></span>'
    )


def short_number(amount: float) -> str:
    """1234567 -> "1.23 M": three figures and a letter."""
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(amount) >= limit:
            return f"{amount / limit:.3g} {letter}"
    return f"{amount:.3g}"
