"""Equations as MathML, which browsers draw themselves; terms keep the name of their step.

latex2mathml does the translation. A term is passed through it as a colour nobody sees and comes
out as an element with `data-term`, so that a page can tie it to its tensor.
"""

import re
from functools import lru_cache
from xml.etree import ElementTree

from latex2mathml.converter import convert

from deformviz.walkthrough.step import PART, TERM, Worked, terms_of

NAMESPACE = "http://www.w3.org/1998/Math/MathML"
PRIME = "\u2032"
MARK = "#00{:04x}"
ROMAN = re.compile(r"\\mathrm\{([^{}]*)\}")


def equation_mathml(derivation: Worked, equation: str) -> str:
    """An equation of a derivation, its terms as `<mrow class="term" data-term="name">`.

    A sum is the term of the step that adds up.
    """
    signs = (match[1] for match in PART.finditer(equation))
    names = list(dict.fromkeys([*terms_of(equation), *signs]))

    def coloured(name: str, latex: str) -> str:
        return rf"\textcolor{{{MARK.format(names.index(name) + 1)}}}{{{latex}}}"

    marks = {MARK.format(index + 1): name for index, name in enumerate(names)}
    spelled = PART.sub(lambda match: coloured(match[1], match[2]), equation)
    spelled = TERM.sub(lambda match: coloured(match[1], derivation[match[1]].symbol), spelled)
    return _mathml(spelled, marks, "block")


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
