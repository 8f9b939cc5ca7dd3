"""Every derivation there is: the `DERIVATION` of each file beside this one."""

from importlib import import_module
from pkgutil import iter_modules

from deformviz.walkthrough.derivation import Derivation


def _found() -> list[Derivation]:
    files = (import_module(f"{__name__}.{file.name}") for file in iter_modules(__path__))
    return sorted((file.DERIVATION for file in files), key=lambda record: record.place)


DERIVATIONS: dict[str, Derivation] = {record.name: record for record in _found()}
