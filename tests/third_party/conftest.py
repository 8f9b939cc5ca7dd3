"""A folder of packages that only these tests know, in reach while they run."""

import os
import re
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def third_party():
    """The folder's packages can be imported."""
    folder = Path(os.environ.get("DEFORMVIZ_THIRD_PARTY", "."))
    if not (folder / "rfdetr").is_dir():
        pytest.skip("no third-party packages; DEFORMVIZ_THIRD_PARTY names their folder")
    sys.path.append(str(folder))
    library = _name_torchvisions_operators(folder)
    yield folder
    sys.path.remove(str(folder))
    del library


def _name_torchvisions_operators(folder):
    """torchvision's wheel is built for CUDA; beside a CPU build of torch its operators are missing.

    Its Python part, which is all these packages need here, only asks that they are named.
    """
    import torch

    text = (folder / "torchvision" / "_meta_registrations.py").read_text()
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in set(re.findall(r'(?:register_meta\(|"torchvision::)"?(\w+)"\)', text)):
        if not hasattr(torch.ops.torchvision, name):
            library.define(f"{name}(Tensor x) -> Tensor")
    return library
