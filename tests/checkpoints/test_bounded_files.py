"""Files that claim too much, or lie where nothing should: a sentence, and little memory.

All are opened in one process of their own, whose memory is measured, and the time of its
processor, which a busy machine does not stretch as it does that of a clock.
"""

import json
import re
import subprocess
import sys

import pytest

from tests.checkpoints.lying_files import CASES

MOST_MIB, MOST_S = 100, 10
OPEN = """
import json, resource, sys, time
import deformviz as dv
from deformviz.checkpoints.errors import CheckpointError
dv.load("deformable-detr-scenes")  # what every later one needs too
for path in sys.argv[1:]:
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    try:
        said = f"loaded as {type(dv.load(path)).__name__}"
    except CheckpointError as error:
        said = str(error)
    except Exception as error:
        said = f"loaded nothing and crashed: {error!r}"
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(json.dumps([said, grown, time.process_time() - began]), flush=True)
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What each file is answered with, by how many MiB the process grew, and in what time."""
    folder = tmp_path_factory.mktemp("bounded")
    paths = [
        make(folder / f"{number}{'.safetensors' if 'arguments' not in name else '.pth'}")
        for number, (name, (make, _)) in enumerate(CASES.items())
    ]
    run = subprocess.run(
        [sys.executable, "-c", OPEN, *map(str, paths)],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    rows = [json.loads(line) for line in run.stdout.splitlines()]
    return dict(zip(CASES, rows, strict=True))


@pytest.mark.skipif(sys.platform != "linux", reason="reads memory as Linux tells it")
@pytest.mark.parametrize("name", CASES)
def test_it_is_a_sentence_and_costs_little_memory_and_time(answers, name):
    said, grown, seconds = answers[name]
    assert re.search(CASES[name][1], said), said
    assert not said.startswith("loaded") and "\n" not in said and len(said) < 500
    assert grown < MOST_MIB and seconds < MOST_S
