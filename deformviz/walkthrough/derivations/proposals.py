"""How one encoder token became a decoder query (two-stage)."""

from deformviz.walkthrough.derivation import BOX, DECODER, REFERENCE, Derivation
from deformviz.walkthrough.mistakes import MISTAKES

DERIVATION = Derivation(
    name="proposals",
    place=5,
    follows=DECODER,
    work_out="deformviz.walkthrough.proposals:work_out",
    mistakes=MISTAKES,
    parts={REFERENCE: ("anchor", "proposal"), BOX: ("box_step",)},
    otherwise="decoder",
)
