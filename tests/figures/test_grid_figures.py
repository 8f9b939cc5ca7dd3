"""Charts of grids: every number is drawn, nothing else."""

import numpy as np

from deformviz.analysis.grid_versions import undeformed_grids
from deformviz.figures import grid


def test_head_maps_show_every_knot_on_one_scale():
    values = np.arange(30.0).reshape(2, 15)
    figure = grid.head_maps(values, (3, 5), [1, 4], name="attention")
    assert [trace.zmin for trace in figure.data] == [0, 0]
    assert [trace.zmax for trace in figure.data] == [29, 29]
    np.testing.assert_array_equal(figure.data[1].z, values[1].reshape(3, 5))
    assert [title.text for title in figure.layout.annotations] == ["head 1", "head 4"]


def test_undeformed_grids_draw_knots_starts_and_cells():
    grids = undeformed_grids((4, 6), 2)
    figure = grid.undeformed_grids(
        {g.title: g.knots_xy for g in grids}, {g.title: g.starts_xy for g in grids}, (4, 6)
    )
    assert len(figure.data) == 3 * len(grids)
    cells, starts, knots = figure.data[:3]
    assert (len(cells.x), len(starts.x), len(knots.x)) == (24, 24, 6)
    np.testing.assert_allclose(np.column_stack([knots.x, knots.y]), grids[0].knots_xy * [6, 4])
