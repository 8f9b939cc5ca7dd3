"""What importing the op must not cost."""

import subprocess
import sys

PROGRAM = """
import sys
import torch
import deformviz.attention.op
print([name for name in ("torch._dynamo", "torch._inductor") if name in sys.modules])
"""


def test_the_compiler_is_not_imported_for_those_who_never_compile():
    said = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "[]"
