"""Which pictures a study looks at: folders, lists, COCO files, scenes; what is wrong with them."""

import json

import numpy as np
import pytest
from PIL import Image

from deformviz.survey.matching import box_ious, match
from deformviz.survey.pictures import SurveyError, list_pictures


def paint(path, size=(9, 7)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, "red").save(path)


def test_a_folder_is_searched_through_and_sorted(tmp_path):
    for name in ("b.png", "a/c.jpg", "a/notes.txt"):
        paint(tmp_path / name) if not name.endswith("txt") else (tmp_path / name).write_text("x")
    assert [picture.name for picture in list_pictures(tmp_path)] == ["a/c.jpg", "b.png"]


def test_a_list_names_pictures_beside_it(tmp_path):
    paint(tmp_path / "one.png")
    (tmp_path / "list.txt").write_text("# mine\n\none.png\n")
    (picture,) = list_pictures(tmp_path / "list.txt")
    assert (picture.name, picture.path) == ("one.png", str(tmp_path / "one.png"))


COCO = {
    "images": [{"id": 5, "file_name": "b.jpg"}, {"id": 3, "file_name": "a.jpg"}],
    "categories": [{"id": 17, "name": "cat"}],
    "annotations": [
        {"image_id": 5, "category_id": 17, "bbox": [1, 2, 3, 4]},
        {"image_id": 5, "category_id": 17, "bbox": [0, 0, 9, 9], "iscrowd": 1},
        {"image_id": 5, "category_id": 99, "bbox": [2, 2, 2, 2]},
    ],
}


def test_a_coco_file_brings_boxes_as_corners_and_leaves_crowds_out(tmp_path):
    (tmp_path / "ours.json").write_text(json.dumps(COCO))
    paint(tmp_path / "a.jpg")
    first, second = list_pictures(tmp_path / "ours.json")
    assert [first.name, second.name] == ["a.jpg", "b.jpg"]
    assert first.objects.names == () and first.objects.boxes_xyxy_px.shape == (0, 4)
    assert second.objects.names == ("cat", "category 99")
    assert second.objects.boxes_xyxy_px.tolist() == [[1, 2, 4, 6], [2, 2, 4, 4]]


def test_a_coco_file_without_annotations_knows_nothing_of_its_pictures(tmp_path):
    told = {name: COCO[name] for name in ("images", "categories")}
    (tmp_path / "ours.json").write_text(json.dumps(told))
    assert [one.objects for one in list_pictures(tmp_path / "ours.json", root=tmp_path)] == [
        None
    ] * 2


def test_what_a_coco_file_says_of_pictures_that_it_does_not_list_is_left_out(tmp_path):
    (tmp_path / "ours.json").write_text(json.dumps(COCO | {"images": COCO["images"][1:]}))
    (picture,) = list_pictures(tmp_path / "ours.json", root=tmp_path)
    assert picture.name == "a.jpg" and picture.objects.names == ()


def test_pictures_of_a_coco_file_that_lie_elsewhere_are_found_by_root(tmp_path):
    (tmp_path / "ours.json").write_text(json.dumps(COCO))
    with pytest.raises(SurveyError, match="--root"):
        list_pictures(tmp_path / "ours.json")
    found = list_pictures(tmp_path / "ours.json", root=tmp_path / "far")
    assert found[0].path == str(tmp_path / "far" / "a.jpg")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("x.json", "[1]", "no COCO annotation file"),
        ("x.json", '{"images": [{"id": 1}]}', "no COCO annotation file"),
        ("x.txt", b"\xff\xfe\x00\x01", "no list of pictures"),
        ("x.txt", "\n", "names no picture"),
    ],
)
def test_what_is_no_set_of_pictures_gets_a_sentence(tmp_path, name, content, says):
    data = content if isinstance(content, bytes) else content.encode()
    (tmp_path / name).write_bytes(data)
    with pytest.raises(SurveyError, match=says):
        list_pictures(tmp_path / name)


def test_a_place_that_is_not_there_and_scenes_that_are_no_number(tmp_path):
    with pytest.raises(SurveyError, match="neither a folder nor a file"):
        list_pictures(tmp_path / "nowhere")
    with pytest.raises(SurveyError, match="scenes:2000"):
        list_pictures("scenes:many")


def test_a_scene_is_the_same_whenever_it_is_rendered():
    picture = list_pictures("scenes:4:9")[3]
    (first, objects), (second, _) = picture.read(), picture.read()
    assert np.array_equal(first, second)
    assert first.shape == (160, 256, 3) and len(objects.names) == len(objects.boxes_xyxy_px) >= 1


def test_ious_by_hand():
    ious = box_ious([[0, 0, 2, 2], [5, 5, 5, 9]], [[1, 0, 3, 2], [0, 0, 2, 2], [9, 9, 9, 9]])
    assert ious == pytest.approx(np.array([[1 / 3, 1, 0], [0, 0, 0]]))


def test_the_better_detection_has_the_object_and_the_second_is_wrong():
    true = np.array([[0, 0, 10, 10], [20, 0, 30, 10]])
    found = match(
        np.array([[0, 0, 10, 9], [0, 0, 10, 10], [20, 0, 30, 10]]),
        ["cat", "cat", "dog"],
        true,
        ["cat", "cat"],
    )
    assert [(m.object, m.right) for m in found] == [(0, True), (-1, False), (-1, False)]
    assert [m.iou for m in found] == pytest.approx([0.9, 1.0, 1.0])
