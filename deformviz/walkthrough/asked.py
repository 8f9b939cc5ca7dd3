"""One layer as one query meets it: what every derivation of it starts from."""

from dataclasses import dataclass

from torch import Tensor

from deformviz.attention.dat import DATAttention
from deformviz.attention.deformable import MultiScaleDeformableAttention
from deformviz.schema import AttentionTrace
from deformviz.walkthrough.observe import AttentionInputs, Observation


@dataclass(frozen=True)
class Asked:
    """A deformable attention layer, of a model on a picture or of the toy."""

    module: MultiScaleDeformableAttention  # with its mistake or its edit
    inputs: AttentionInputs
    trace: AttentionTrace  # of one image, with its value
    query: int
    head: int
    level: int
    point: int
    layer: str = ""  # "decoder.0"; "" for the toy
    pass_: Observation | None = None  # everything else that ran; None for the toy

    @property
    def sample(self) -> tuple[int, int, int, int]:
        """query, head, level, point."""
        return self.query, self.head, self.level, self.point

    @property
    def seen(self) -> Observation:
        """The whole forward pass.

        Raises:
            ValueError: the toy has none.
        """
        if self.pass_ is None:
            raise ValueError("The toy is one layer; there is no model around it to follow.")
        return self.pass_

    @property
    def number(self) -> int:
        """Which layer of its stack it is, from 0."""
        return int(self.layer.split(".")[1])


@dataclass(frozen=True)
class AskedGrid:
    """An attention of DAT, and the map it read [batch channel height width]."""

    module: DATAttention
    features: Tensor
    query: int  # pixel of the map, row by row
