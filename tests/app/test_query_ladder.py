"""The query ladder on Explore: nothing before it is opened, then every rung with its numbers."""

from app import work
from tests.app.visit import SECONDS, settled, texts, visit


def test_the_ladder_opens_with_the_model_s_own_numbers(tiny_server):
    page = settled(visit("explore", model="tiny.safetensors", picture="wide"))
    assert "Refined box" not in texts(page)
    page.session_state["query_ladder"] = True
    page.run()
    work.settle(SECONDS)
    page.run()
    said = texts(page)
    assert not page.exception
    for words in (
        "Learnt embedding (DETR)** :green-badge[in this checkpoint]",
        "Point by a linear layer (Deformable DETR)** :green-badge[in this checkpoint]",
        "Auxiliary heads (Co-DETR)** :gray-badge[not here]",
        "Here it begins at the point (0.",
        "Which arrows carry gradient",
    ):
        assert words in said, words
    boxes, arrows = (table.value for table in page.dataframe[-2:])
    assert list(boxes[""]) == ["Begins at", "Box after layer 0", "Box after layer 1"]
    assert list(arrows["step of layer 0"]) == ["gradient", "no gradient"]
