"""Listening to deformed grids (DAT, lucidrains) and deformable convolutions."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from deformviz.attention.dat import DATAttention
from deformviz.attention.dat_reference import attend, average_knots, sample_knots
from deformviz.attention.lucidrains import index_grid, sample, to_sampling_grid
from deformviz.schema import GridTrace, SpaceTrace
from deformviz.tracing.listening import Keep, Skip, in_backward
from deformviz.tracing.proof import Evidence, in_double

LUCIDRAINS = ("to_offsets", "to_q", "to_k", "to_v", "to_out", "rel_pos_bias")


class DATListener:
    """Our DAT attention makes its trace itself."""

    def __init__(self, module: DATAttention):
        self._module = module

    def attach(self, keep: Keep, skip: Skip) -> list:
        """Hook the module; the handles remove the hooks."""

        def take(_, args: tuple, kwargs: dict, result: tuple) -> None:
            output, trace = result
            if trace is not None and not in_backward():
                features = args[0] if args else kwargs["features"]
                keep(trace, self._evidence(features.detach(), output.detach()))

        return [self._module.register_forward_hook(take, with_kwargs=True)]

    def _evidence(self, features: Tensor, output: Tensor) -> Evidence:
        module = self._module
        to_value, to_output = in_double(module.proj_v), in_double(module.proj_out)
        to_query = in_double(module.proj_q)
        table = module.rpe_table
        depthwise = in_double(table) if isinstance(table, nn.Module) else None
        depthwise = depthwise if module.position_bias == "dwc" else None

        def replay(exact: GridTrace) -> Tensor:
            wide = features.double()
            knots = (
                average_knots(wide, module.stride)
                if module.no_offset
                else sample_knots(wide, exact.positions)
            )
            value = to_value(knots[:, :, None]).squeeze(2)
            attended = attend(exact.attention_weights, value).unflatten(2, wide.shape[-2:])
            if depthwise is not None:
                attended = attended + depthwise(to_query(wide))
            return to_output(attended)

        return Evidence(replay, output, "DAT, Eq. 6 to 9")


def is_lucidrains(module: nn.Module) -> bool:
    """Whether a module has the parts of lucidrains/deformable-attention, ours included."""
    return set(LUCIDRAINS) <= {name for name, _ in module.named_children()}


class LucidrainsListener:
    """Offsets, queries, keys and bias are heard; positions and weights follow from them.

    Source: lucidrains/deformable-attention 0.0.20, 1-D, 2-D and 3-D.
    """

    def __init__(self, module: nn.Module):
        self._module, self._heard = module, {}
        self._mode = getattr(module, "mode", "shipped")
        self._groups = _count_of(module, "groups", "offset_groups")
        self._heads = _count_of(module, "heads")

    def attach(self, keep: Keep, skip: Skip) -> list:
        """Hook the module; the handles remove the hooks."""

        def hear(name: str) -> Callable:
            return lambda _, inputs, output: self._heard.__setitem__(name, output)

        parts = ("to_offsets", "to_q", "to_k", "rel_pos_bias")
        handles = [getattr(self._module, n).register_forward_hook(hear(n)) for n in parts]

        def end(_, args: tuple, kwargs: dict, returned: Any) -> None:
            if not in_backward():
                features = (args[0] if args else next(iter(kwargs.values()))).detach()
                output = returned[0] if isinstance(returned, tuple) else returned
                keep(*self._read(features, output.detach()))
            self._heard.clear()

        return [*handles, self._module.register_forward_hook(end, with_kwargs=True)]

    def _read(self, features: Tensor, output: Tensor) -> tuple[GridTrace | SpaceTrace, Evidence]:
        sizes, heads = tuple(features.shape[2:]), self._heads
        offsets = self._heard["to_offsets"]
        if len(sizes) == 1 and offsets.dim() == 2:
            offsets = offsets[:, None]  # [(batch group) axis knot]
        knot_sizes = tuple(offsets.shape[2:])
        start = index_grid(knot_sizes, offsets)
        reference, positions = (
            to_sampling_grid(indices, knot_sizes, self._mode).flatten(-1 - len(sizes), -2)
            for indices in (start[None].expand_as(offsets), start + offsets)
        )
        query, key = (self._heard[name].flatten(2) for name in ("to_q", "to_k"))
        query, key = (part.unflatten(1, (heads, -1)) for part in (query, key))
        logits = (query.transpose(2, 3) * query.shape[2] ** -0.5) @ key
        bias = self._heard["rel_pos_bias"]
        reference, positions = (
            grid.unflatten(0, (-1, self._groups)) for grid in (reference, positions)
        )
        fields = {
            "attention_weights": (logits + bias).softmax(-1),
            "position_bias": bias,
            "output": output.flatten(2),
            "version": f"lucidrains {self._mode}",
        }
        if len(sizes) == 2:
            reference, positions = reference.flip(-1), positions.flip(-1)
            queries = to_sampling_grid(index_grid(sizes, features), sizes, self._mode)
            queries = queries.flatten(0, -2).flip(-1)
            trace = GridTrace(
                reference,
                positions - reference,
                positions,
                query_grid=queries.expand(len(output), -1, -1),
                grid_hw=knot_sizes,
                query_hw=sizes,
                align_corners=False,
                **fields,
            )
        else:
            trace = SpaceTrace(
                reference,
                positions - reference,
                positions,
                grid_sizes=knot_sizes,
                query_sizes=sizes,
                **fields,
            )
        return trace, self._evidence(features, output, knot_sizes)

    def _evidence(self, features: Tensor, output: Tensor, knot_sizes: tuple) -> Evidence:
        to_value, to_output = (
            in_double(self._module.get_submodule(name)) for name in ("to_v", "to_out")
        )
        groups, heads = self._groups, self._heads

        def replay(exact: GridTrace | SpaceTrace) -> Tensor:
            maps = features.double().unflatten(1, (groups, -1)).flatten(0, 1)
            positions = exact.positions
            if isinstance(exact, GridTrace):
                positions = positions.flip(-1)
            knots = sample(maps, positions.flatten(0, 1).unflatten(1, knot_sizes))
            value = to_value(knots.unflatten(0, (-1, groups)).flatten(1, 2)).flatten(2)
            value = value.unflatten(1, (heads, -1)).transpose(2, 3)
            attended = (exact.attention_weights @ value).transpose(2, 3).flatten(1, 2)
            return to_output(attended.unflatten(2, features.shape[2:]))

        dimensions = features.dim() - 2
        return Evidence(replay, output, f"lucidrains {dimensions}-D, {self._mode}")


def _count_of(module: nn.Module, *names: str) -> int:
    """The first of these attributes that is there."""
    return int(next(vars(module)[name] for name in names if vars(module).get(name)))
