"""What a layer costs: the formula of Appendix A.1 beside a count of the real module."""

from deformviz.walkthrough.derivation import NUMBERS, Derivation

DERIVATION = Derivation(
    name="complexity",
    place=8,
    follows=NUMBERS,
    work_out="deformviz.walkthrough.complexity:work_out",
    panel="deformviz.walkthrough.costs:cost_panel",
)
