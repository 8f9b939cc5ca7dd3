"""The inference form of a model: the same numbers in less time, for looking at pictures only.

A forward pass of a Deformable DETR spends more than a third of its time on moving numbers about:
frozen norms, activations, sums, positions that are the same for every picture of a size. The
inference form folds, overwrites and remembers. `dv.load` returns the untouched form, which is what
gradients, training, keys and equations are about; the tests hold the two against each other.
"""

import copy
import functools
from collections.abc import Iterator
from itertools import chain
from weakref import WeakKeyDictionary

import torch
from torch import nn
from torch.nn.modules import module as torch_module

from deformviz.attention.deformable import MultiScaleDeformableAttention
from deformviz.models.detector import Detector
from deformviz.models.encoder import EncoderLayer
from deformviz.models.inference_backbone import FoldedBlock, LeanResNet, folded
from deformviz.models.inference_fused import LeanConv2d, LeanLinear
from deformviz.models.inference_transformer import (
    LeanAttention,
    LeanEncoderLayer,
    LeanTransformer,
)
from deformviz.models.resnet import BasicBlock, Bottleneck, ResNet
from deformviz.models.transformer import Transformer

_FORMS: WeakKeyDictionary[nn.Module, tuple[tuple, nn.Module]] = WeakKeyDictionary()


def inference_form(model: nn.Module) -> nn.Module:
    """A module that gives what `model` gives, faster, where no gradient is recorded.

    Attention asks the module it stands for, so what is changed in one of those (formulas, back end)
    holds at once; changed weights make a new form. The model itself comes back where it trains,
    where gradients are recorded, where somebody looks into it by hooks or has replaced a method,
    and where there is nothing to be faster at. Folded convolutions are copies: a form costs as much
    memory as the trunk's weights.
    """
    if torch.is_grad_enabled() or _is_watched(model):
        return model
    state = tuple(_state(model))
    known = _FORMS.get(model)
    if known is None or known[0] != state:
        known = state, _rebuilt(model, {})
        if known[1] is not model:  # else the entry would keep the model alive
            _FORMS[model] = known
    return known[1]


def _is_watched(model: nn.Module) -> bool:
    """Whether anybody would see, or has changed, what happens between modules, or trains them."""
    return bool(torch_module._has_any_global_hook()) or any(
        module.training
        or module._forward_hooks
        or module._forward_pre_hooks
        or any(
            callable(held) and hasattr(type(module), name) for name, held in vars(module).items()
        )
        for module in model.modules()
    )


def _state(model: nn.Module) -> Iterator[tuple]:
    """What tells weights apart from others, and from themselves before a change in place."""
    for tensor in chain(model.parameters(), model.buffers()):
        version = None if tensor.is_inference() else tensor._version
        yield tensor.data_ptr(), version, tensor.dtype, tensor.device


def _rebuilt(module: nn.Module, done: dict[nn.Module, nn.Module]) -> nn.Module:
    """The module with lean parts in place of others; shared parts stay shared, inside and out."""
    if module not in done:
        children = {
            name: None if child is None else _rebuilt(child, done)
            for name, child in module._modules.items()
        }
        kept = all(children[name] is child for name, child in module._modules.items())
        done[module] = _lean(module if kept else _like(module, type(module), children))
    return done[module]


def _lean(module: nn.Module) -> nn.Module:
    """The lean form of one module whose parts are lean already, or the module itself."""
    if isinstance(module, BasicBlock | Bottleneck):
        return FoldedBlock(module)
    if isinstance(module, ResNet):
        stem = {"conv1": folded(module.conv1, module.bn1), "bn1": nn.Identity()}
        return _like(module, _joined(LeanResNet, type(module)), dict(module._modules) | stem)
    if isinstance(module, MultiScaleDeformableAttention):
        parts = _exchanged(module, nn.Linear, LeanLinear)._modules
        lean = _like(module, _joined(LeanAttention, type(module)), parts)
        vars(lean)["_stands_for"] = module
        return lean
    if isinstance(module, EncoderLayer):
        return _like(module, _joined(LeanEncoderLayer, type(module)), module._modules)
    if isinstance(module, Transformer):
        lean = _like(module, _joined(LeanTransformer, type(module)), module._modules)
        vars(lean)["_remembered"] = {}
        return lean
    if isinstance(module, Detector):
        projections = _exchanged(module.input_proj, nn.Conv2d, LeanConv2d)
        return _like(module, type(module), dict(module._modules) | {"input_proj": projections})
    return module


def _exchanged(module: nn.Module, plain: type[nn.Module], lean: type[nn.Module]) -> nn.Module:
    """The module with all parts of exactly one kind as another kind."""
    if type(module) is plain:
        return _like(module, lean, module._modules)
    parts = {
        name: _exchanged(part, plain, lean)
        for name, part in module._modules.items()
        if part is not None
    }
    return _like(module, type(module), dict(module._modules) | parts)


def _like(module: nn.Module, kind: type[nn.Module], parts: dict) -> nn.Module:
    """A module of another kind and with other parts that shares everything else."""
    other = copy.copy(module)
    other.__class__ = kind
    other._modules = parts
    return other


@functools.cache
def _joined(lean: type[nn.Module], kind: type[nn.Module]) -> type[nn.Module]:
    """A class that is `kind` but for what `lean` does otherwise."""
    return type(f"Lean{kind.__name__}", (lean, kind), {})
