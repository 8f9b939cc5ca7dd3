"""Shares of a grid on the objects of rendered scenes."""

import torch

from deformviz.analysis.grid_scenes import object_shares
from deformviz.models.dat import DAT
from deformviz.models.dat_presets import dat_scenes
from deformviz.training.scenes import CLASSES


def test_an_undeformed_grid_looks_at_the_object_as_often_as_it_lies_there():
    torch.manual_seed(0)
    model, told = DAT(dat_scenes(CLASSES)).eval(), []
    shares = object_shares(model, scenes=6, batch=4, on_progress=lambda *n: told.append(n))
    assert shares.plain == shares.undeformed
    assert 0 < shares.weighted < 1
    assert told == [(4, 6), (6, 6)]
