"""Who wants to know what happens inside a forward pass: progress, cancelling, and traces."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

OnLayer = Callable[[str, int, int], None]


class LayerWatch:
    """Which layers keep a trace in one forward pass, and who hears that a stage begins."""

    def __init__(
        self,
        stages: Sequence[str],
        trace_names: Sequence[str],
        traced: bool | Collection[str],
        on_layer: OnLayer | None,
    ):
        """
        Args:
            stages: what the pass consists of, in order: "backbone", "encoder.0", ...
            trace_names: the traces this model can give.
            traced: True for all of them, False for none, or the names wanted.
            on_layer: called as (name, index, count) before each stage; may raise to cancel.

        Raises:
            KeyError: `traced` names a layer that the model does not have.
        """
        if isinstance(traced, bool):
            wanted = trace_names if traced else ()
        else:
            wanted = (traced,) if isinstance(traced, str) else tuple(traced)
            if unknown := sorted(set(wanted) - set(trace_names)):
                raise KeyError(
                    f"traced names {', '.join(unknown)}, which this model does not have; it has "
                    f"{', '.join(trace_names)}."
                )
        self._wanted = frozenset(wanted)
        self._stages = tuple(stages)
        self._on_layer = on_layer
        self.traces: dict[str, Any] = {}

    def begins(self, stage: str) -> None:
        """Tell the listener that a stage begins; what it raises ends the forward pass."""
        if self._on_layer is not None:
            self._on_layer(stage, self._stages.index(stage), len(self._stages))

    def wants(self, name: str) -> bool:
        """Whether the trace of this layer is to be kept."""
        return name in self._wanted

    def keep(self, name: str, trace: Any) -> None:
        """Store a trace; None, from a layer that was not asked for, is dropped."""
        if trace is not None:
            self.traces[name] = trace
