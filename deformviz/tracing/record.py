"""Record what deformable attention does inside any model: hooks, for a while, and a proof.

    with dv.record(model) as recording:
        model(pixels)
    print(recording.verify())

Modules are recognised by their structure (`adapters`), heard while they run (`listening`), read
(`reading`) and proven (`proof`). A class of one's own whose structure does not tell enough is
declared:

    dv.record(model, adapters=[dv.Adapter(applies_to="MyAttention", references="anchors")])
"""

import fnmatch
import re
import sys
import warnings
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from deformviz.attention.dat import DATAttention
from deformviz.attention.deformable import MultiScaleDeformableAttention
from deformviz.tracing.adapters import Adapter, Parts, parts_of
from deformviz.tracing.cores import cores_of
from deformviz.tracing.labels import honesty_label, model_label
from deformviz.tracing.listening import AttentionListener, OwnListener, in_backward
from deformviz.tracing.listening_cores import CoreListener
from deformviz.tracing.listening_grids import DATListener, LucidrainsListener, is_lucidrains
from deformviz.tracing.listening_taps import TapListener, taps_of
from deformviz.tracing.ordinary import on_cpu
from deformviz.tracing.placement import PixelFollower
from deformviz.tracing.proof import Evidence, prove
from deformviz.tracing.recorded_image import RecordedImage, plain_frame
from deformviz.tracing.recording import Pass, RecordError, Recording

LAYER = re.compile(r".*\b(encoder|decoder)\b(?:\.[A-Za-z_]\w*)*?\.(\d+)\b")
VALUES = ("value", "query", "output", "sampled_features")  # fields kept only when asked for


@contextmanager
def record(
    module: nn.Module,
    *,
    keep_values: bool = False,
    layers: Collection[str] | None = None,
    queries: Sequence[int] | None = None,
    passes: str | Path = "last",
    adapters: Sequence[Adapter] = (),
    prove_layers: bool = True,
    placement: int = 0,
) -> Iterator[Recording]:
    """Record every deformable attention layer inside `module` while the block runs.

    What the module computes and returns is not changed, and no hook stays behind, whatever
    happens in the block. Each layer is replayed and compared with what its module returned; one
    that does not agree is refused with the difference.

    Args:
        module: any module; layers below a path like "model.encoder.layers.0.self_attn" are
            called "encoder.0", others by their path. A compiled module runs as it is written
            while the block lasts.
        keep_values: also keep `value`, `query` and `output` of each layer, so that
            `recording.verify()` can replay the traces again.
        layers: names or patterns ("decoder.*") of the layers to record; None = all.
        queries: numbers of the queries to keep; None = all. The proof is about all of them.
        passes: "last" keeps the last forward pass, "all" every one, in `recording.passes`; a Path
            is a folder into which each is saved as a file, so that memory holds one at a time.
        adapters: how to read classes of which the structure does not tell enough.
        placement: how many samples per layer to follow back to the pixels they depend on: the
            proof then says how far these lie from the marks. Gradients are recorded meanwhile.
        prove_layers: False records without proof, in little more than the time of the pass.

    Raises:
        RecordError: nothing below `module` can be recorded, or nothing was, with the reason of
            each module.
        KeyError: a name in `layers` is no layer of this module.
    """
    root = _recordable(module)
    found = _listeners(root, adapters)
    names = layer_names(list(found))
    chosen = _chosen(names, layers)
    recording = Recording(tuple(n for n in names if n in chosen), queries=_indices(queries))
    follower = PixelFollower(placement)
    filing = _Filing(recording, keep_values, passes, prove_layers, follower)
    recording.model, recording.honesty = model_label(root), honesty_label(root)
    handles: list[Any] = [root.register_forward_pre_hook(filing.begin, with_kwargs=True)]
    try:
        handles += follower.attach(root)
        for name, listener in zip(names, found.values(), strict=True):
            if name in chosen:
                listener.keeps_graph = placement > 0
                handles += listener.attach(filing.keeper(name), filing.skipper(name))
        with _as_written(module):
            yield recording
    finally:
        for handle in handles:
            handle.remove()
        follower.leave()
    filing.end()
    _complain(recording, root)


def layer_names(paths: list[str]) -> list[str]:
    """Short names of module paths, "encoder.0"; the path itself where two would be called alike."""
    short = []
    for path in paths:
        match = LAYER.match(path)
        short.append(f"{match[1]}.{match[2]}" if match else path or "attention")
    return [
        path if short.count(name) > 1 else name for path, name in zip(paths, short, strict=True)
    ]


def _recordable(module: Any) -> nn.Module:
    """The module to hook, or a sentence about what came instead."""
    if not isinstance(module, nn.Module):
        raise RecordError(_no_module(module))
    if isinstance(module, nn.DataParallel) and len(module.device_ids) > 1:
        raise RecordError(
            "DataParallel copies the model to several GPUs for each pass; record what it wraps: "
            "record(model.module), and call model.module."
        )
    module = getattr(module, "_orig_mod", module)  # what torch.compile wrapped
    if any(parameter.is_meta for parameter in module.parameters()):
        raise RecordError(
            f"{type(module).__name__} is on the meta device: its weights hold no numbers, so "
            "there is nothing to record. Load the weights first."
        )
    return module


def _no_module(given: Any) -> str:
    if given is None:
        return "record needs a torch module, got None; was the model loaded?"
    if isinstance(given, str):
        return (
            f"record needs a torch module, got the text {given!r}. Load the model first, "
            f"`model = dv.load({given!r})`."
        )
    inner = getattr(given, "model", None)
    if isinstance(inner, nn.Module):
        return (
            f"{type(given).__name__} is no torch module, but its `.model` is one: "
            "`with dv.record(pipeline.model)`, and call the pipeline in the block."
        )
    return f"record needs a torch module, got {type(given).__name__}."


def _listeners(root: nn.Module, adapters: Sequence[Adapter]) -> dict[str, Any]:
    """How to listen to each deformable attention, by path."""
    found, reasons = {}, []
    for path, child in root.named_modules():
        if any(path.startswith(f"{outer}.") for outer in found if outer):
            continue  # a part of what is heard already
        listener = listener_of(child, adapters)
        if isinstance(listener, str):
            reasons.append(f"{path or type(child).__name__}: {listener}")
        elif listener is not None:
            found[path] = listener
    found |= _core_listeners(root, found, adapters)
    if not found:
        raise RecordError(
            f"{type(root).__name__} holds no deformable attention that can be recorded"
            + (": " + "; ".join(reasons) if reasons else _what_is_recognised())
        )
    return found


def _core_listeners(root: nn.Module, found: dict, adapters: Sequence[Adapter]) -> dict[str, Any]:
    """Listeners at the cores of modules that no adapter fits."""
    heard: dict[str, Any] = {}
    for path, child in root.named_modules():
        within = (_within(path, taken) or _within(taken, path) for taken in (*found, *heard))
        if any(within):
            continue
        if cores := cores_of(child):
            said = next((adapter for adapter in adapters if adapter.fits(child)), None)
            if said is None or said.says_references_alone:
                heard[path] = CoreListener(child, cores, said)
    return heard


def _within(path: str, outer: str) -> bool:
    """Whether a module is another one, or a part of it; "" is the whole."""
    return not outer or f"{path}.".startswith(f"{outer}.")


def listener_of(module: nn.Module, adapters: Sequence[Adapter] = ()) -> Any:
    """What listens to this module; a reason if it looks like one but cannot be read, else None."""
    if isinstance(module, MultiScaleDeformableAttention):
        return OwnListener(module)
    if isinstance(module, DATAttention):
        return DATListener(module)
    if is_lucidrains(module):
        return LucidrainsListener(module)
    if taps_of(module) is not None:
        return TapListener(module)
    parts = parts_of(module, adapters)
    return AttentionListener(parts) if isinstance(parts, Parts) else parts


def _what_is_recognised() -> str:
    return (
        ". Recognised are modules with linear layers for offsets and for weights that are handed "
        "references, deformed grids (DAT, lucidrains) and deformable convolutions. If this model "
        "has one that looks different, declare it: record(model, adapters=[Adapter(...)])."
    )


def _chosen(names: list[str], layers: Collection[str] | None) -> set[str]:
    if layers is None:
        return set(names)
    wanted = (layers,) if isinstance(layers, str) else tuple(layers)
    chosen = set()
    for pattern in wanted:
        matching = fnmatch.filter(names, pattern)
        if not matching:
            raise KeyError(f"This model has no layer {pattern!r}; it has {', '.join(names)}.")
        chosen |= set(matching)
    return chosen


def _indices(queries: Sequence[int] | None) -> tuple[int, ...] | None:
    return None if queries is None else tuple(int(query) for query in queries)


def _as_written(module: nn.Module) -> Any:
    """Compiled code does not call hooks; while recording it runs uncompiled."""
    compiled = any(
        hasattr(child, "_orig_mod") or getattr(child, "_compiled_call_impl", None) is not None
        for child in module.modules()
    )
    if compiled and "torch._dynamo" in sys.modules:
        return torch.compiler.set_stance("force_eager")
    return nullcontext()


def _complain(recording: Recording, root: nn.Module) -> None:
    """Nothing ends silently: no layer raises, a refused one warns."""
    reasons = "; ".join(f"{name}: {why}" for name, why in recording.skipped.items())
    if not len(recording):
        raise RecordError(
            f"No layer of {type(root).__name__} was recorded. "
            + (reasons or "The block ran no forward pass through them.")
        )
    if recording.skipped:
        warnings.warn(f"Not recorded: {reasons}", stacklevel=4)


class _Filing:
    """Takes traces from listeners, proves them, and files them by pass and layer."""

    def __init__(
        self,
        recording: Recording,
        keep_values: bool,
        passes: str | Path,
        proves: bool,
        follower: PixelFollower,
    ):
        if not isinstance(passes, Path) and passes not in ("last", "all"):
            raise ValueError(f'passes must be "last", "all" or a Path, got {passes!r}.')
        self._recording, self._keep_values = recording, keep_values
        self._all, self._proves, self._follower = passes == "all", proves, follower
        self._folder, self._saved = passes if isinstance(passes, Path) else None, 0
        self._knows_passes = False  # until the recorded module itself is called

    def begin(self, _: nn.Module, args: tuple, kwargs: dict) -> None:
        """A forward pass of the whole module starts."""
        self._knows_passes = True
        self._note_pictures([*args, *kwargs.values()])
        last = self._recording.passes[-1]
        if not in_backward() and (last.traces or last.proofs):
            self._next_pass()

    def _note_pictures(self, given: list) -> None:
        """The size of the batch of pictures that went in, where one did."""
        for pixels in given:
            if isinstance(pixels, torch.Tensor) and pixels.dim() == 4 and pixels.shape[1] == 3:
                frame = plain_frame((int(pixels.shape[2]), int(pixels.shape[3])))
                self._recording.images = [RecordedImage(frame)] * len(pixels)
                return

    def end(self) -> None:
        """The block is over; the last pass joins the others where each is a file."""
        if self._folder is not None and len(self._recording):
            self._folder.mkdir(parents=True, exist_ok=True)
            self._recording.save(self._folder / f"pass-{self._saved:04d}")
            self._saved += 1

    def _next_pass(self) -> None:
        self.end()
        if self._all:
            self._recording.passes.append(Pass())
        else:
            self._recording.passes[-1] = Pass()
        self._recording.skipped.clear()

    def skipper(self, name: str):
        """Notes why a call of a layer has no trace."""
        return lambda reason: self._recording.skipped.__setitem__(name, reason)

    def keeper(self, name: str):
        """Files the traces of one layer."""

        def keep(trace: Any, evidence: Evidence) -> None:
            filed, current = self._free_name(name), self._recording.passes[-1]
            if self._proves:
                proof = prove(filed, trace, evidence, self._follower.distance(trace))
                current.proofs[filed] = proof
                if not proof.agrees:
                    self._recording.skipped[filed] = (
                        f"its replay by {proof.formula} differs from what the module returned by "
                        f"{proof.difference:.1e} of the largest value, more than "
                        f"{proof.tolerance:.0e}; declare an Adapter if its parts are misread."
                    )
                    return
            current.traces[filed] = self._kept(trace)
            if self._keep_values and self._recording.queries is None:
                current.evidence[filed] = replace(evidence, returned=on_cpu(evidence.returned))

        return keep

    def _free_name(self, name: str) -> str:
        """A module that is called again in the same pass gets a number: "decoder.0#2".

        Where only parts of the module are called, a second call begins a pass.
        """
        if not self._knows_passes and name in self._recording.proofs.keys() | {*self._recording}:
            self._next_pass()
        taken = self._recording.passes[-1].proofs.keys() | self._recording.traces.keys()
        number = 1 + sum(known.partition("#")[0] == name for known in taken)
        return name if number == 1 else f"{name}#{number}"

    def _kept(self, trace: Any) -> Any:
        if not self._keep_values:
            names = set(VALUES) & set(trace.__dataclass_fields__)
            trace = replace(trace, **dict.fromkeys(names))
        if self._recording.queries is not None:
            trace = trace.select_queries(self._recording.queries)
        return trace.map(on_cpu)
