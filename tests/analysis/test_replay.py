"""Objects followed through a training: each by its own query, whatever their order."""

import numpy as np
import torch

from deformviz.analysis.replay import FollowedObject, followed_objects, matched_queries
from deformviz.schema import Detections, DetectorOutput, ImageFrame, Trace

FRAME = ImageFrame((60, 160), (30, 80), (30, 80))  # wide: x and y are shares of other sizes
# Three queries, as shares of the picture, and what they answer for in pixels of the original.
BOXES = [[0.25, 0.5, 0.1, 0.4], [0.75, 0.25, 0.2, 0.3], [0.5, 0.8, 0.3, 0.2]]
BOXES_PX = [(32, 18, 48, 42), (104, 6, 136, 24), (56, 42, 104, 54)]


def trace():
    output = DetectorOutput(torch.zeros(3, 2), torch.tensor(BOXES))
    return Trace(layers={}, frame=FRAME, output=output)


def found(index, label=0):
    return FollowedObject(label, "thing", 0.9, tuple(map(float, BOXES_PX[index])))


def test_every_object_is_answered_for_by_the_query_at_its_place():
    for order in ([0, 1, 2], [2, 0, 1], [1, 2], [2]):
        assert matched_queries(trace(), [found(index) for index in order]) == order


def test_objects_without_a_query_of_their_own_have_none():
    queries = matched_queries(trace(), [found(index) for index in (2, 2, 0, 1)])
    assert sorted(query for query in queries if query is not None) == [0, 1, 2]
    assert queries[2:] == [0, 1] and None in queries[:2]


def test_a_query_that_was_found_twice_is_followed_once_with_its_surest_class():
    detections = Detections(
        boxes_xyxy_px=np.array(BOXES_PX, np.float32)[[1, 1, 0]],
        scores=np.array([0.9, 0.8, 0.7]),
        labels=np.array([1, 0, 1]),
        queries=np.array([1, 1, 0]),
        class_names=("cat", "boat"),
    )
    objects = followed_objects(detections)
    assert [(o.class_name, o.box_xyxy_px) for o in objects] == [
        ("boat", BOXES_PX[1]),
        ("boat", BOXES_PX[0]),
    ]
