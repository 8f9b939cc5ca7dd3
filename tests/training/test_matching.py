"""Matching and losses on numbers small enough to check by hand."""

import itertools
import math

import pytest
import torch

from deformviz.geometry import cell_centres, cxcywh_to_xyxy
from deformviz.schema import DetectorOutput
from deformviz.training.losses import dense_loss, focal_loss, set_loss
from deformviz.training.matching import (
    BatchTargets,
    LossWeights,
    Targets,
    dense_candidates,
    generalised_iou,
    hungarian,
    hungarian_pairs,
    pair_costs,
)

LEFT, RIGHT, FAR = [0.2, 0.5, 0.2, 0.4], [0.7, 0.5, 0.3, 0.2], [0.5, 0.9, 0.1, 0.1]


def targets(*boxes, labels=None):
    count = len(boxes)
    labels = torch.tensor(labels if labels is not None else [0] * count, dtype=torch.int64)
    return Targets(labels, torch.tensor(boxes).reshape(-1, 4))


def test_overlap_of_equal_touching_and_distant_boxes():
    unit = torch.tensor([0.0, 0.0, 1.0, 1.0])
    others = torch.tensor([[0.0, 0, 1, 1], [1.0, 0, 2, 1], [0.0, 0, 0.5, 1], [3.0, 0, 4, 1]])
    torch.testing.assert_close(
        generalised_iou(unit, others), torch.tensor([1.0, 0.0, 0.5, -0.5]), atol=1e-5, rtol=0
    )


def test_the_cheapest_pairs_win_even_against_the_order_of_queries():
    logits = torch.zeros(3, 2)
    boxes = torch.tensor([RIGHT, FAR, LEFT])
    queries, objects = hungarian(logits, boxes, targets(LEFT, RIGHT), LossWeights())
    assert sorted(zip(queries.tolist(), objects.tolist(), strict=True)) == [(0, 1), (2, 0)]


def test_between_equal_boxes_the_right_class_decides():
    logits = torch.tensor([[2.0, -2.0], [-2.0, 2.0]])
    boxes = torch.tensor([LEFT, LEFT])
    queries, objects = hungarian(logits, boxes, targets(LEFT, labels=[1]), LossWeights())
    assert (queries.tolist(), objects.tolist()) == ([1], [0])


def test_the_cost_of_a_pair_by_hand():
    """Chance one half: class cost (.25 - .75) * .5**2 * ln 2; sides differ by .1; GIoU 2 / 3."""
    wide, narrow = [0.5, 0.5, 0.3, 0.4], [0.5, 0.5, 0.2, 0.4]
    logits, boxes = torch.tensor([[0.0, 9.0]]), torch.tensor([wide])
    for weights in (LossWeights(), LossWeights(3.0, 7.0, 11.0)):
        by_hand = (
            weights.classes * -0.125 * math.log(2) + weights.boxes * 0.1 - weights.overlap * 2 / 3
        )
        objects = BatchTargets.of([targets(narrow, labels=[0])])
        costs = pair_costs(logits[None], boxes[None], objects, weights)
        assert costs.item() == pytest.approx(by_hand, abs=1e-5)


def test_of_boxes_equally_far_off_the_one_that_overlaps_is_taken():
    """Both differ by 0.4 in all; one is moved away, the other grew around the object."""
    moved, grown = [0.6, 0.5, 0.2, 0.4], [0.2, 0.5, 0.4, 0.6]
    assert all(
        sum(abs(a - b) for a, b in zip(box, LEFT, strict=True)) == pytest.approx(0.4)
        for box in (moved, grown)
    )
    queries, _ = hungarian(
        torch.zeros(2, 1), torch.tensor([moved, grown]), targets(LEFT), LossWeights()
    )
    assert queries.tolist() == [1]


def test_every_picture_is_held_to_its_own_objects():
    """Two pictures whose objects differ in number, place and class, each answered perfectly."""
    logits = torch.full((2, 2, 3), -9.0)
    logits[0, 0, 2] = logits[1, 0, 0] = logits[1, 1, 1] = 9.0
    boxes = torch.tensor([[LEFT, FAR], [RIGHT, FAR]])
    output = DetectorOutput(logits, boxes)
    own = [targets(LEFT, labels=[2]), targets(FAR, RIGHT, labels=[1, 0])]
    right = set_loss(output, own, LossWeights())
    wrong = set_loss(output, own[::-1], LossWeights())
    assert sum(right.values()) < 1e-3 < 0.1 < sum(wrong.values())
    assert right["classes"] < 1e-3 < wrong["classes"]


def test_an_image_without_objects_matches_nothing():
    queries, objects = hungarian(torch.zeros(3, 2), torch.rand(3, 4), targets(), LossWeights())
    assert len(queries) == len(objects) == 0


def test_a_prediction_that_is_not_finite_does_not_stop_the_matching():
    boxes = torch.tensor([[math.nan] * 4, LEFT])
    queries, _ = hungarian(torch.zeros(2, 1), boxes, targets(LEFT), LossWeights())
    assert queries.tolist() == [1]


def test_focal_loss_by_hand():
    loss = focal_loss(torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 0.0]]))
    assert loss.item() == pytest.approx(0.25 * math.log(2))  # (.25 + .75) * .5**2 * ln 2


def test_perfect_boxes_cost_nothing_and_every_layer_counts():
    perfect = DetectorOutput(torch.full((1, 2, 1), 9.0), torch.tensor([[LEFT, RIGHT]]))
    terms = set_loss(perfect, [targets(LEFT, RIGHT)], LossWeights())
    assert terms["boxes"].item() == 0 and abs(terms["overlap"].item()) < 1e-5
    shifted = DetectorOutput(perfect.logits, perfect.boxes_cxcywh + 0.01)
    once = set_loss(shifted, [targets(LEFT, RIGHT)], LossWeights())["boxes"]
    both = DetectorOutput(shifted.logits, shifted.boxes_cxcywh, auxiliary=(shifted,))
    twice = set_loss(both, [targets(LEFT, RIGHT)], LossWeights())["boxes"]
    assert once.item() == pytest.approx(5 * 4 * 0.01, rel=1e-4)
    assert twice.item() == pytest.approx(2 * once.item())


def test_the_count_of_all_processes_normalises():
    output = DetectorOutput(torch.zeros(1, 2, 1), torch.tensor([[FAR, RIGHT]]))
    alone = set_loss(output, [targets(LEFT)], LossWeights())
    shared = set_loss(output, [targets(LEFT)], LossWeights(), total=lambda count: 4 * count)
    for name in alone:
        torch.testing.assert_close(alone[name], 4 * shared[name])


def test_a_batch_without_any_object_still_trains_the_classes():
    logits = torch.zeros(1, 2, 1, requires_grad=True)
    output = DetectorOutput(logits, torch.rand(1, 2, 4))
    sum(set_loss(output, [targets()], LossWeights()).values()).backward()
    assert (logits.grad > 0).all()


def test_dense_candidates_lie_inside_their_object():
    centres = torch.as_tensor(cell_centres((5, 7)), dtype=torch.float32)
    boxes = torch.cat([centres, torch.full_like(centres, 0.25)], dim=1)[None]
    wanted = targets([0.25, 0.5, 0.3, 0.5], RIGHT)
    pairs = dense_candidates(
        torch.zeros(1, 35, 1), boxes, centres, BatchTargets.of([wanted]), LossWeights(), 2
    )
    corners = cxcywh_to_xyxy(wanted.boxes_cxcywh)[pairs.object]
    inside = (centres[pairs.query] >= corners[:, :2]) & (centres[pairs.query] <= corners[:, 2:])
    assert inside.all() and pairs.object.bincount().tolist() == [2, 2]
    assert len(set(pairs.query.tolist())) == 4


def test_a_cheaper_token_outside_of_the_object_is_not_taken():
    """One token lies inside; the one outside is sure of the class and has the very box."""
    centres = torch.tensor([[0.2, 0.5], [0.9, 0.9]])
    boxes = torch.tensor([[[0.2, 0.5, 0.3, 0.5], LEFT]])
    logits = torch.tensor([[[-3.0], [8.0]]])
    objects = BatchTargets.of([targets(LEFT)])
    assert dense_candidates(logits, boxes, centres, objects, LossWeights(), 1).query.tolist() == [0]
    both = dense_candidates(logits, boxes, centres, objects, LossWeights(), 2)
    assert sorted(both.query.tolist()) == [0, 1]  # too few lie inside


def test_dense_loss_is_named_apart_and_falls_for_better_boxes():
    centres = torch.tensor([[0.2, 0.5], [0.7, 0.5]])
    good = DetectorOutput(torch.zeros(1, 2, 1), torch.tensor([[LEFT, RIGHT]]))
    bad = DetectorOutput(torch.zeros(1, 2, 1), torch.tensor([[FAR, FAR]]))
    losses = [dense_loss(o, centres, [targets(LEFT, RIGHT)], LossWeights(), 1) for o in (good, bad)]
    assert losses[0]["dense_boxes"] == 0 < losses[1]["dense_boxes"]


def random_boxes(*axes, generator):
    centres = 0.2 + 0.6 * torch.rand(*axes, 2, generator=generator, dtype=torch.float64)
    sizes = 0.05 + 0.3 * torch.rand(*axes, 2, generator=generator, dtype=torch.float64)
    return torch.cat([centres, sizes], dim=-1)


@pytest.fixture
def crowd():
    """Three pictures with two, no and five objects, and predictions of two layers for them."""
    generator = torch.Generator().manual_seed(5)
    wanted = [
        Targets(
            torch.randint(0, 4, (count,), generator=generator),
            random_boxes(count, generator=generator),
        )
        for count in (2, 0, 5)
    ]
    layers = [
        DetectorOutput(
            torch.randn(3, 7, 4, generator=generator, dtype=torch.float64),
            random_boxes(3, 7, generator=generator),
        )
        for _ in range(2)
    ]
    return wanted, layers


def by_hand(logits, boxes_cxcywh, queries, wanted):
    """Focal, L1 and GIoU loss of one picture of one layer, pair by pair."""
    chance, classes = logits.sigmoid(), 0.0
    labels = dict(zip(queries, wanted.labels.tolist(), strict=True))
    for query, kind in itertools.product(range(len(logits)), range(logits.shape[1])):
        p = chance[query, kind]
        is_it = labels.get(query) == kind
        classes -= 0.25 * (1 - p) ** 2 * p.log() if is_it else 0.75 * p**2 * (1 - p).log()
    distance = overlap = 0.0
    for query, box in zip(queries, wanted.boxes_cxcywh, strict=True):
        distance += (boxes_cxcywh[query] - box).abs().sum()
        overlap += 1 - generalised_iou(cxcywh_to_xyxy(boxes_cxcywh[query]), cxcywh_to_xyxy(box))
    return 2 * classes, 5 * distance, 2 * overlap


def test_the_loss_of_a_batch_is_the_sum_over_pictures_and_layers(crowd):
    wanted, layers = crowd
    terms = set_loss(
        DetectorOutput(layers[1].logits, layers[1].boxes_cxcywh, auxiliary=(layers[0],)),
        wanted,
        LossWeights(),
    )
    sums = torch.zeros(3, dtype=torch.float64)
    for layer, (image, found) in itertools.product(layers, enumerate(wanted)):
        logits, boxes = layer.logits[image], layer.boxes_cxcywh[image]
        queries, objects = hungarian(logits, boxes, found, LossWeights())
        ordered = queries[objects.argsort()].tolist()
        sums += torch.tensor([float(part) for part in by_hand(logits, boxes, ordered, found)])
    torch.testing.assert_close(torch.stack([*terms.values()]), sums / 7)


def test_no_other_assignment_is_cheaper(crowd):
    wanted, layers = crowd
    costs = pair_costs(
        layers[0].logits, layers[0].boxes_cxcywh, BatchTargets.of(wanted), LossWeights()
    )
    pairs = hungarian_pairs(
        layers[0].logits, layers[0].boxes_cxcywh, BatchTargets.of(wanted), LossWeights()
    )
    assert pairs.image.tolist() == [0, 0, 2, 2, 2, 2, 2]
    for image, count in ((0, 2), (2, 5)):
        cheapest = min(
            sum(costs[image, query, thing].item() for thing, query in enumerate(order))
            for order in itertools.permutations(range(7), count)
        )
        mine = pairs.image == image
        found = costs[image, pairs.query[mine], pairs.object[mine]].sum().item()
        assert found == pytest.approx(cheapest)


def test_dense_candidates_of_a_batch_are_those_of_its_pictures(crowd):
    wanted, layers = crowd
    centres = torch.rand(7, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    logits, boxes = layers[0].logits, layers[0].boxes_cxcywh
    together = dense_candidates(logits, boxes, centres, BatchTargets.of(wanted), LossWeights(), 2)
    for image, found in enumerate(wanted):
        alone = dense_candidates(
            logits[image][None],
            boxes[image][None],
            centres,
            BatchTargets.of([found]),
            LossWeights(),
            2,
        )
        mine = together.image == image
        assert together.query[mine].tolist() == alone.query.tolist()
        assert together.object[mine].tolist() == alone.object.tolist()
    assert (together.image == 2).any() and not (together.image == 1).any()
