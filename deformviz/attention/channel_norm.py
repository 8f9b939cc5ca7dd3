"""Layer normalisation of feature maps, over channels."""

from torch import Tensor, nn


class ChannelNorm(nn.Module):
    """LayerNorm over the channels of every pixel of a map [batch channel height width].

    The checkpoints of DAT call the wrapped layer `norm`; epsilon 1e-5.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, features: Tensor) -> Tensor:
        """[batch channel height width] -> the same, each pixel normalised."""
        return self.norm(features.movedim(1, -1)).movedim(3, 1)
