"""Checkpoint and Attribution in Chromium: good, wrong and hostile files, and a deletion curve."""

import os

import pytest
import torch

from deformviz.checkpoints.own import save
from tests.models.tiny_detector import tiny_detector

pytestmark = [pytest.mark.browser, pytest.mark.slow]
MS = 240_000


class Touch:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


def test_good_wrong_and_hostile_files_can_be_dropped(server, page, tmp_path):
    (tmp_path / "wrong.pth").write_bytes(b"no weights, just words and words")
    torch.save({"model": Touch(tmp_path / "executed")}, tmp_path / "hostile.pth")
    save(tiny_detector(), tmp_path / "good.safetensors")
    page.goto(f"{server}/checkpoint")
    page.get_by_text("Weights in numbers").first.wait_for(timeout=MS)
    for name, said in (("wrong.pth", "wrong.pth is not a checkpoint"),
                       ("hostile.pth", "nothing of it was executed"),
                       ("good.safetensors", "good.safetensors (yours)")):
        page.locator("input[type=file]").first.set_input_files(tmp_path / name)
        page.get_by_text(said).first.wait_for(timeout=MS)
    assert not (tmp_path / "executed").exists()
    page.get_by_text("Where every head looks by default").wait_for(timeout=MS)


def test_from_a_detection_to_its_deletion_curve(server, page):
    page.goto(f"{server}/attribution")
    page.get_by_role("button", name="Trace it back").click(timeout=MS)
    page.get_by_text("Every method against every layer").wait_for(timeout=2 * MS)
    page.get_by_text("heaviest of 128 points").wait_for()
    page.get_by_text("by attribution:").first.wait_for()
