"""Translating the keys of one code base into ours, and back, by a table of prefixes."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

NUMBER = "{}"  # stands for the number of a layer, level or head
THIRDS = ("q_proj", "k_proj", "v_proj")  # rows of nn.MultiheadAttention's in_proj, in this order

Pair = tuple[str, str]


class Table:
    """Pairs (our prefix, their prefix), in which `{}` stands for a number; the first fits.

    Keys that no pair knows keep their name, to be reported as unexpected.
    """

    def __init__(self, pairs: Iterable[Pair], split: Iterable[Pair] = ()):
        """
        Args:
            pairs: of prefixes that end where a name does.
            split: of modules whose in_proj we keep whole, and they as q_proj, k_proj, v_proj.
        """
        pairs = tuple(pairs)
        self._to_ours = [(_pattern(theirs), ours) for ours, theirs in pairs]
        self._to_theirs = [(_pattern(ours), theirs) for ours, theirs in pairs]
        split = tuple(split)
        self._joined = [(_pattern(f"{theirs}.{THIRDS[0]}"), ours) for ours, theirs in split]
        self._split = [(_pattern(f"{ours}.in_proj", "_"), theirs) for ours, theirs in split]

    def to_ours(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The tensors under our names, projections of query, key and value joined."""
        renamed: dict[str, Any] = {}
        taken: set[str] = set()
        for key, tensor in tensors.items():
            module = _translate(key, self._joined)
            thirds = [key.replace(f".{THIRDS[0]}.", f".{third}.") for third in THIRDS]
            parts = [tensors[third] for third in thirds if third in tensors]
            alike = all(part.shape == tensor.shape for part in parts)
            if module is not None and alike and len(parts) == len(thirds):
                name, _, last = module.rpartition(".")
                renamed[f"{name}.in_proj_{last}"] = torch.cat(parts)
                taken |= set(thirds)
        for key, tensor in tensors.items():
            if key not in taken:
                renamed[_translate(key, self._to_ours) or key] = tensor
        return renamed

    def to_theirs(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The inverse of `to_ours`."""
        renamed: dict[str, Tensor] = {}
        for key, tensor in tensors.items():
            module = _translate(key, self._split)
            if module is None:
                renamed[_translate(key, self._to_theirs) or key] = tensor
                continue
            name, _, last = module.rpartition("_")
            for third, part in zip(THIRDS, tensor.chunk(3), strict=True):
                renamed[f"{name}.{third}.{last}"] = part
        return renamed


def _pattern(prefix: str, end: str = ".") -> re.Pattern:
    numbered = re.escape(prefix).replace(re.escape(NUMBER), r"(\d+)")
    return re.compile(numbered + rf"(?=[{re.escape(end)}._]|$)")


def _translate(key: str, rules: list[tuple[re.Pattern, str]]) -> str | None:
    for pattern, target in rules:
        if match := pattern.match(key):
            return target.format(*match.groups()) + key[match.end() :]
    return None


def layers(ours: str, theirs: str, names: Mapping[str, str]) -> list[Pair]:
    """Pairs for what numbered layers contain: `names` of ours for theirs."""
    return [(f"{ours}.{NUMBER}.{a}", f"{theirs}.{NUMBER}.{b}") for a, b in names.items()]


def same(*names: str) -> list[Pair]:
    """Pairs for what both call the same."""
    return [(name, name) for name in names]
