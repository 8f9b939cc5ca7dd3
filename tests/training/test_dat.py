"""The small DAT's training: it learns, it can be stopped, and it keeps what it promised."""

import json
from dataclasses import replace

import pytest
import torch

from deformviz.models.dat_config import DATConfig, StageConfig
from deformviz.training.dat import (
    DATRecipe,
    DATTraining,
    build_dat,
    classifier_batch,
    evaluate_classifier,
    read_dat_recipe,
)
from deformviz.training.run_folder import RunFolder
from deformviz.training.scenes import CLASSES


def tiny_recipe(**changes):
    stages = (
        StageConfig(channels=8, blocks="L", heads=2, window=4),
        StageConfig(channels=16, blocks="D", heads=2, groups=2, offset_range_factor=2),
    )
    config = DATConfig(
        version="v1",
        stages=stages,
        classes=len(CLASSES),
        class_names=CLASSES,
        image_size=32,
        long_side=32,
        stem_channels=8,
        expansion=2,
        offset_start="zero",
        image_mean=(0.5, 0.5, 0.5),
        image_std=(0.5, 0.5, 0.5),
    )
    recipe = DATRecipe(model=config, iterations=6, images=4, warmup=2, snapshots=(0, 3))
    return replace(recipe, **changes)


def test_a_stopped_run_goes_on_as_if_nothing_had_happened(tmp_path):
    recipe = tiny_recipe()
    whole = DATTraining(recipe, RunFolder(tmp_path / "whole"))
    losses = [record["loss"] for record in whole.run()]

    first = DATTraining(recipe, RunFolder(tmp_path / "parts"))
    records = first.run()
    begun = [next(records)["loss"] for _ in range(3)]
    first.save()
    second = DATTraining(recipe, RunFolder(tmp_path / "parts"))
    assert second.iteration == 3
    assert begun + [record["loss"] for record in second.run()] == pytest.approx(losses)
    for one, other in zip(whole.average.parameters(), second.average.parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_a_run_keeps_its_recipe_and_the_snapshots_of_its_schedule(tmp_path):
    recipe, folder = tiny_recipe(), RunFolder(tmp_path)
    for _ in DATTraining(recipe, folder).run():
        pass
    assert list(folder.snapshots()) == [0, 3, 6]
    about = json.loads(json.dumps(folder.about()))
    assert about["kind"] == "dat" and DATRecipe.from_dict(about["recipe"]) == recipe
    start = folder.load_snapshot(0)["stages.1.attns.0.conv_offset.3.weight"]
    assert not start.any()


def test_the_offset_network_leaves_zero(tmp_path):
    training = DATTraining(tiny_recipe(), RunFolder(tmp_path))
    for _ in training.run():
        pass
    assert training.model.stages[1].attns[0].conv_offset[-1].weight.abs().max() > 1e-4


def test_a_batch_depends_on_seed_and_iteration_alone():
    recipe = tiny_recipe()
    images, labels = classifier_batch(recipe, 5)
    again, _ = classifier_batch(recipe, 5)
    other, _ = classifier_batch(replace(recipe, seed=1), 5)
    assert images.shape == (4, 3, 32, 32) and labels.shape == (4,)
    assert torch.equal(images, again) and not torch.equal(images, other)


def test_a_recipe_with_an_unknown_entry_is_refused():
    with pytest.raises(ValueError, match="unknown entries: speed"):
        DATRecipe.from_dict({"speed": 3})


def test_an_untrained_model_is_right_about_as_often_as_chance():
    recipe, told = tiny_recipe(), []
    accuracy = evaluate_classifier(
        build_dat(recipe).eval(), scenes=24, batch=10, on_progress=lambda *done: told.append(done)
    )
    assert 0 <= accuracy < 0.5
    assert told == [(10, 24), (20, 24), (24, 24)]


def test_a_recipe_of_a_file_names_only_what_differs(tmp_path):
    stages = [{"channels": 24, "blocks": "D", "heads": 3, "stride": 2}]
    told = {"model": {"stages": stages}, "object_sizes": [0.1, 0.2], "iterations": 7}
    (tmp_path / "recipe.json").write_text(json.dumps(told))
    recipe = read_dat_recipe(tmp_path / "recipe.json")
    usual = DATRecipe()
    assert recipe.object_sizes == (0.1, 0.2) and recipe.iterations == 7
    assert [stage.stride for stage in recipe.model.stages] == [2]
    assert replace(recipe.model, stages=usual.model.stages) == usual.model
    assert recipe.images == usual.images
    (tmp_path / "recipe.json").write_text("[]")
    with pytest.raises(ValueError, match=r"recipe\.json holds no recipe"):
        read_dat_recipe(tmp_path / "recipe.json")


def test_objects_of_a_batch_are_of_the_recipes_sizes():
    """The same draw of numbers, so the same scenes but for the size of what stands in them."""
    recipe = tiny_recipe(square_share=1.0)
    usual, labels = classifier_batch(recipe, 3)
    small, same = classifier_batch(replace(recipe, object_sizes=(0.1, 0.12)), 3)
    assert torch.equal(labels, same) and not torch.equal(usual, small)
