"""Boxes as a head predicts them: a step in logits from a reference."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPSILON = 1e-5


def inverse_sigmoid(share: Tensor, epsilon: float = EPSILON) -> Tensor:
    """Logits of values in [0, 1], with both odds kept above `epsilon`.

    Source: 1e-5 is Deformable DETR's, 1e-3 that of DAB-DETR and DINO; it shows at the border.
    """
    share = share.clamp(0, 1)
    return torch.log(share.clamp(min=epsilon) / (1 - share).clamp(min=epsilon))


def refine(step: Tensor, references: Tensor | None, epsilon: float = EPSILON) -> Tensor:
    """A head's step added to the references in logits: boxes [... cxcywh], 0 to 1.

    step [... cxcywh], references [... cxcywh] or, for points, [... xy], where w and h are the
    step's alone (Deformable DETR Appendix A.3 and A.4); without references (DETR) all four are.
    """
    if references is None:
        return step.sigmoid()
    start = inverse_sigmoid(references, epsilon)
    if references.shape[-1] == 2:
        start = F.pad(start, (0, 2))
    return (step + start).sigmoid()


class MLP(nn.Module):
    """Linear layers with ReLU between them."""

    def __init__(self, inputs: int, hidden: int, outputs: int, depth: int):
        super().__init__()
        widths = [inputs, *[hidden] * (depth - 1), outputs]
        self.layers = nn.ModuleList(
            nn.Linear(a, b) for a, b in zip(widths[:-1], widths[1:], strict=True)
        )

    def forward(self, features: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            features = F.relu(layer(features))
        return self.layers[-1](features)
