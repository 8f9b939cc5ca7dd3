"""How many weights three kinds of convolution have."""

from deformviz.walkthrough.derivation import NUMBERS, Derivation

DERIVATION = Derivation(
    name="convolutions",
    place=9,
    follows=NUMBERS,
    work_out="deformviz.walkthrough.convolutions:work_out",
)
