"""Derivation of parameter counts: a convolution, a depthwise-separable one, a grouped one."""

import torch
from torch import Tensor, nn

from deformviz.analysis.cost import convolution_parameters, separable_parameters
from deformviz.walkthrough.blackboard import Blackboard
from deformviz.walkthrough.step import Check, Worked
from deformviz.walkthrough.subject import Subject

SOURCE = "counted in torch.nn.Conv2d, biases excluded"


def work_out(subject: Subject) -> Worked:
    """The counts of the usual sizes."""
    return convolutions()


def convolutions(inputs: int = 16, outputs: int = 32, kernel: int = 3, groups: int = 2) -> Worked:
    """Weights of three kinds of convolution, each compared with the real layer."""
    board = Blackboard("convolutions")
    separable = nn.Sequential(
        nn.Conv2d(inputs, inputs, kernel, groups=inputs, bias=False),
        nn.Conv2d(inputs, outputs, 1, bias=False),
    )
    sizes = (inputs, outputs, kernel)
    _write(
        board,
        "plain",
        convolution_parameters,
        sizes,
        r"C_{in} C_{out} k^2",
        "n",
        nn.Conv2d(inputs, outputs, kernel, bias=False),
    )
    _write(
        board,
        "separable",
        separable_parameters,
        sizes,
        r"C_{in} k^2 + C_{in} C_{out}",
        "n_{dw}",
        separable,
    )
    grouped = nn.Conv2d(inputs, outputs, kernel, groups=groups, bias=False)
    _write(
        board,
        "grouped",
        convolution_parameters,
        (*sizes, groups),
        r"C_{in} C_{out} k^2 \,/\, g",
        "n_g",
        grouped,
    )
    return board.finished(torch.tensor(float(counted(grouped)), dtype=torch.float64))


def counted(layer: nn.Module) -> int:
    """Parameters of a layer."""
    return sum(parameter.numel() for parameter in layer.parameters())


def _write(board, name, compute, sizes, equation, symbol, layer) -> None:
    def as_tensor(number: int) -> Tensor:
        return torch.tensor(float(number), dtype=torch.float64)

    def as_counted(value: Tensor) -> tuple[Check, ...]:
        real = counted(layer)
        return (Check(f"the real layer has {real}", int(value) == real),)

    board.write(
        name,
        compute,
        *sizes,
        symbol=symbol,
        equation=equation,
        axes="",
        source=SOURCE,
        unit="weights",
        pick=as_tensor,
        checks=as_counted,
    )
