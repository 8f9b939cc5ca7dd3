"""The map of all heads on Explore: nothing is loaded before it is opened."""

import json

from tests.app.visit import here, settled, visit


def maps(page):
    """What a map of heads is handed, where there is one."""
    found = [json.loads(each.proto.json) for each in page.get("bidi_component")]
    return [data for data in found if "layers" in data]


def test_the_map_opens_with_every_layer_of_the_run(tiny_server):
    page = settled(visit("explore", model="tiny.safetensors", picture="wide"))
    assert maps(page) == []
    page = settled(visit("explore", model="tiny.safetensors", picture="wide", open="heads"))
    (data,) = maps(page)
    assert not page.exception
    names = [layer["name"] for layer in data["layers"]]
    assert {"encoder.0", "encoder.1", "decoder.0", "decoder.1"} <= set(names)
    assert here(page).layer in names
    title = {layer["name"]: layer["title"] for layer in data["layers"]}["decoder.1"]
    assert title == "decoder 1"
    assert all(layer["url"].endswith(f"/{layer['name']}.bin") for layer in data["layers"])
    assert (data["pair"], data["average"]) == ("looked-at", False)
    page = settled(visit("explore", picture="wide", open="heads,average"))
    assert maps(page)[0]["average"] is True
