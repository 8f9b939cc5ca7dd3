"""What a visitor asks of a model is priced before it runs, on every page that runs one."""

from multiprocessing import Pipe

import numpy as np
import pytest
from PIL import Image

from app.tasks.equations import follow
from app.tasks.ladder import climb
from app.tasks.pictures import Seen, trace
from app.worker import Task
from deformviz.analysis.price import TooLarge
from deformviz.schema import AttentionTrace
from deformviz.walkthrough.subject import Subject
from tests.app.conftest import CHECKPOINT


@pytest.fixture
def asked(tiny_model_folder, tmp_path, monkeypatch):
    """Tasks of workers, called here, with a budget of a few KiB."""
    ours, theirs = Pipe()
    Image.fromarray(np.zeros((24, 40, 3), np.uint8)).save(tmp_path / "p.png")
    path, data = str(tiny_model_folder / CHECKPOINT), (tmp_path / "p.png").read_bytes()
    monkeypatch.setenv("DEFORMVIZ_BUDGET_GIB", "0.00001")
    task, seen = Task(tmp_path, theirs), Seen("p", data)
    yield {
        "a picture": lambda: trace(task, "k", seen, path, 0, (AttentionTrace,), "nothing"),
        "the ladder": lambda: climb(task, seen, path, 0),
        "equations": lambda: follow(task, Subject(), data, path, 0, "en"),
    }
    ours.close()


@pytest.mark.parametrize("what", ["a picture", "the ladder", "equations"])
def test_what_would_take_too_much_is_refused_with_the_number(asked, what):
    with pytest.raises(TooLarge, match="GiB|MiB"):
        asked[what]()
