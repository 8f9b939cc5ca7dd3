"""When two studies are the same: integers and words equal, floats to 1e-5 of their size."""

import numpy as np
import pyarrow as pa

from deformviz.survey.rows import TABLES
from deformviz.survey.study import Study

RELATIVE, ABSOLUTE = 1e-5, 1e-9


def assert_same(first: Study, second: Study) -> float:
    """Raises AssertionError naming the column that differs; returns the largest relative gap."""
    largest = 0.0
    for name in TABLES:
        ours, theirs = first.table(name), second.table(name)
        assert ours.schema == theirs.schema and len(ours) == len(theirs) > 0, name
        for column in ours.column_names:
            if pa.types.is_floating(ours.schema.field(column).type):
                a, b = (np.asarray(table[column], np.float64) for table in (ours, theirs))
                close = np.isclose(a, b, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True)
                assert close.all(), f"{name}.{column} differs in {(~close).sum()} rows"
                known = np.isfinite(a) & (np.abs(b) > ABSOLUTE)
                gaps = np.abs(a[known] - b[known]) / np.abs(b[known])
                largest = max(largest, gaps.max(initial=0.0))
            else:
                assert ours[column].to_pylist() == theirs[column].to_pylist(), f"{name}.{column}"
    assert list(first.sums) == list(second.sums)
    for layer, sums in first.sums.items():
        other = second.sums[layer]
        assert (sums.pictures, sums.queries, sums.told) == (
            other.pictures,
            other.queries,
            other.told,
        )
        assert sums.counts.keys() == other.counts.keys()
        for group, counts in sums.counts.items():
            assert np.array_equal(counts, other.counts[group]), f"{layer}, {group}"
            assert np.allclose(sums.weights[group], other.weights[group], rtol=RELATIVE), layer
        assert np.allclose(sums.moments, other.moments, rtol=RELATIVE, atol=1e-6), layer
    return float(largest)
