"""Several processes that train one model: who I am, what we add up together.

Started by `torchrun`, which sets RANK and WORLD_SIZE; without it a process is alone and nothing
here costs anything. Gradients are summed, not averaged: every process divides its loss by the
count of boxes of all processes, so that the sum is the gradient of the whole batch.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn


def this_rank() -> int:
    """Number of this process, 0 where it trains alone or writes the records."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank()
    return int(os.environ.get("RANK", 0))


@dataclass(frozen=True)
class World:
    """The processes that train together; by default one."""

    rank: int = 0
    size: int = 1
    device: torch.device = torch.device("cpu")

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def share(self, items: Sequence) -> Sequence:
        """The part of a batch that is this process's: every `size`-th picture."""
        return items[self.rank :: self.size]

    def total(self, count: float) -> float:
        """A number added up over all processes."""
        return self.totals([count])[0]

    def totals(self, numbers: Iterable[float]) -> list[float]:
        """Several numbers, each added up over all processes, in double precision."""
        numbers = list(numbers)
        if self.size == 1:
            return numbers
        summed = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        dist.all_reduce(summed)
        return summed.tolist()

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by its sum over all processes, in one message.

        A parameter no process used keeps no gradient, as it would alone.
        """
        if self.size == 1:
            return
        parameters = list(parameters)
        used = torch.tensor([float(p.grad is not None) for p in parameters])
        parts = [p.new_zeros(p.numel()) if p.grad is None else p.grad.flatten() for p in parameters]
        message = torch.cat([used.to(parts[0]), *parts])
        dist.all_reduce(message)
        self._hand_out(message, parameters)

    @staticmethod
    @torch.no_grad()
    def _hand_out(message: Tensor, parameters: list[nn.Parameter]) -> None:
        used, message = message[: len(parameters)].tolist(), message[len(parameters) :]
        parts = message.split([p.numel() for p in parameters])
        for parameter, part, count in zip(parameters, parts, used, strict=True):
            if count:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                parameter.grad.copy_(part.view_as(parameter.grad))


@contextmanager
def joined(device: str | torch.device = "cpu") -> Iterator[World]:
    """The world `torchrun` started this process in; left again at the end of the block.

    Args:
        device: "cuda" gives each process of a machine a GPU of its own and speaks NCCL, "cpu"
            speaks gloo.
    """
    size = int(os.environ.get("WORLD_SIZE", 1))
    device = torch.device(device)
    if device.type == "cuda" and device.index is None:
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
        torch.cuda.set_device(device)
    if size == 1:
        yield World(device=device)
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield World(dist.get_rank(), size, device)
        dist.barrier()  # nobody hangs up while another one still adds up
    finally:
        dist.destroy_process_group()
