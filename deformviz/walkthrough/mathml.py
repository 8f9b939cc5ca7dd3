"""Equations as MathML, which browsers draw themselves; terms keep the name of their step.

latex2mathml does the translation. A term is passed through it as a colour nobody sees and comes
out as an element with `data-term`, so that a page can tie it to its tensor.
"""

import re
from functools import lru_cache
from xml.etree import ElementTree

from latex2mathml.converter import convert

from deformviz.walkthrough.step import TERM, Worked, terms_of

NAMESPACE = "http://www.w3.org/1998/Math/MathML"
PRIME = "\u2032"
MARK = "#00{:04x}"
ROMAN = re.compile(r"\\mathrm\{([^{}]*)\}")


def equation_mathml(derivation: Worked, equation: str) -> str:
    """An equation of a derivation, its terms as `<mrow class="term" data-term="name">`."""
    names = list(terms_of(equation))

    def coloured(match: re.Match) -> str:
        mark = MARK.format(names.index(match[1]) + 1)
        return rf"\textcolor{{{mark}}}{{{derivation[match[1]].symbol}}}"

    marks = {MARK.format(index + 1): name for index, name in enumerate(names)}
    return _mathml(TERM.sub(coloured, equation), marks, "block")


@lru_cache(maxsize=512)
def symbol_mathml(latex: str) -> str:
    """A bare symbol or formula, inline."""
    return _mathml(latex, {}, "inline")


def _mathml(latex: str, marks: dict[str, str], display: str) -> str:
    upright = ROMAN.sub(lambda match: rf"\text{{{match[1].replace(chr(92) + ' ', ' ')}}}", latex)
    ElementTree.register_namespace("", NAMESPACE)
    root = ElementTree.fromstring(convert(upright, display=display))
    for element in root.iter(f"{{{NAMESPACE}}}mi"):
        if element.text == PRIME:  # raised twice unless the font is told to use its low one
            element.attrib["class"] = "prime"
    for element in root.iter(f"{{{NAMESPACE}}}mstyle"):
        if name := marks.get(element.attrib.get("mathcolor", "")):
            element.tag = f"{{{NAMESPACE}}}mrow"
            element.attrib = {"class": "term", "data-term": name, "tabindex": "0"}
    return ElementTree.tostring(root, encoding="unicode")
