"""What each decoder layer believes of the query on show, and why an object was missed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from app import controls, runs
from app.views.opened import computed, panel
from deformviz.geometry import Affine
from deformviz.tracing.packing import PackedLayer
from deformviz.tracing.packing_dense import PackedDense
from deformviz.tracing.store import StoredTrace
from deformviz.words import say

if TYPE_CHECKING:
    from deformviz.analysis.layer_beliefs import Belief, Beliefs, Missed

Layer = PackedLayer | PackedDense
DECODER = "decoder."


def layer_beliefs(
    run: StoredTrace, layer: str, selection: controls.Selection, on_show: Mapping[str, Any]
) -> None:
    """The table of beliefs; nothing is computed before somebody asks."""
    opened = panel("beliefs", say("beliefs.expander"), ":material/psychology:")
    if opened is None:
        return
    with opened:
        st.markdown(say("beliefs.what"))
        found = computed("beliefs", "app.tasks.beliefs:believe", selection)
        if found is not None:
            packed = runs.unpacked(run, layer)
            assert isinstance(packed, PackedLayer | PackedDense)
            _believed(found, query_of(found, packed, on_show.get("query")))
            _missed(found, run, packed, on_show)


def query_of(found: Beliefs, layer: Layer, query: int | None) -> int:
    """The decoder query that is meant: the one on show, or in an encoder the one nearest to it."""
    from deformviz.analysis.layer_beliefs import nearest_query

    asked = layer.header["start_query"] if query is None else query
    queries = found.probabilities.shape[1]
    if layer.header["layer"].startswith(DECODER) and asked < queries:
        return int(asked)
    return nearest_query(found, place_of(layer, asked))


def place_of(layer: Layer, query: int) -> np.ndarray:
    """Where a query is, in pixels of the original picture."""
    header, to_original = layer.header, Affine(*layer.header["to_original"])
    if isinstance(layer, PackedLayer):
        return np.asarray(to_original(layer.references[query, 0, :2].astype(float)))
    if layer.boxes is not None:
        padded = Affine(*header["valid_to_padded"])(layer.boxes[query, :2].astype(float))
        return np.asarray(to_original(np.asarray(padded)))
    ((height, width),) = header["levels"]
    row, column = divmod(query, width)
    return np.asarray(to_original(np.array([(column + 0.5) / width, (row + 0.5) / height])))


def _believed(found: Beliefs, query: int) -> None:
    said = found.of_query(query)
    final = found.name(said[-1].label)
    st.markdown(f"**{say('beliefs.of_query', query=query)}**")
    st.dataframe(
        [
            {
                say("beliefs.layer"): say("beliefs.after", layer=one.layer),
                say("beliefs.class"): found.name(one.label),
                say("beliefs.score"): round(one.score, 3),
                say("beliefs.final", name=final): round(one.final_score, 3),
                **_box(one.box_xyxy_px),
                say("beliefs.moved"): _moved(said, one.layer),
            }
            for one in said
        ],
        hide_index=True,
    )
    rank = found.proposals and say("beliefs.rank", rank=query + 1, kept=found.proposals.kept)
    if rank:
        st.caption(rank)


def _box(box_xyxy_px: tuple[float, ...]) -> dict[str, int]:
    """Edges in whole pixels, each in a column of its own."""
    names = (say(f"beliefs.{edge}") for edge in ("left", "top", "right", "bottom"))
    return dict(zip(names, (round(edge) for edge in box_xyxy_px), strict=True))


def _moved(said: list[Belief], layer: int) -> float | None:
    """How far the middle of the box came in this layer, in pixels."""
    if not layer:
        return None
    boxes = [np.array(said[each].box_xyxy_px) for each in (layer - 1, layer)]
    one, two = ((box[:2] + box[2:]) / 2 for box in boxes)
    return round(float(np.linalg.norm(two - one)), 1)


def _missed(found: Beliefs, run: StoredTrace, layer: Layer, on_show: Mapping[str, Any]) -> None:
    """What became of the place that was looked up."""
    from deformviz.analysis.layer_beliefs import why_missed

    st.markdown(f"**{say('beliefs.missed')}**")
    place_px = asked_place(layer, on_show)
    if place_px is None:
        st.markdown(say("beliefs.missed.how"))
        return
    told = why_missed(found, place_px, _samples(found, run))
    st.markdown(verdict_in_words(found, told))
    st.dataframe(
        [
            {
                say("beliefs.layer"): say("beliefs.after", layer=one.belief.layer),
                say("beliefs.query"): one.belief.query,
                say("beliefs.away"): round(one.away_px),
                say("beliefs.class"): found.name(one.belief.label),
                say("beliefs.score"): round(one.belief.score, 3),
                say("beliefs.near", px=round(told.near_px)): (
                    None if one.near_share is None else round(100 * one.near_share)
                ),
                **_box(one.belief.box_xyxy_px),
            }
            for one in told.nearest
        ],
        hide_index=True,
    )


def asked_place(layer: Layer, on_show: Mapping[str, Any]) -> np.ndarray | None:
    """The place that was looked up, or the pinned cell of a dense encoder."""
    if on_show.get("reverse") and on_show.get("lookup") is not None:
        to_original = Affine(*layer.header["to_original"])
        return np.asarray(to_original(np.asarray(on_show["lookup"], float)))
    is_cell = isinstance(layer, PackedDense) and layer.boxes is None and layer.header["levels"]
    if is_cell and on_show.get("pinned"):
        return place_of(layer, int(on_show["query"]))
    return None


def _samples(found: Beliefs, run: StoredTrace) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Where the queries of each decoder layer sample, of layers that do."""
    from deformviz.analysis.layer_beliefs import flat_samples

    known = {}
    for number in range(found.layers):
        if (name := f"{DECODER}{number}") not in run.layers:
            continue
        packed = runs.unpacked(run, name)
        if isinstance(packed, PackedLayer):
            places = Affine(*packed.header["to_original"])(packed.locations.astype(float))
            weights = packed.weights.reshape(*packed.weights.shape[:2], -1)
            known[number] = flat_samples(np.asarray(places), weights)
    return known


def verdict_in_words(found: Beliefs, told: Missed) -> str:
    """Why nothing was found there, in a sentence or two."""
    x, y = (round(each) for each in told.place_px)
    finder = told.finder
    values: dict[str, Any] = {"x": x, "y": y}
    if finder is not None:
        values |= {
            "query": finder.query,
            "name": found.name(finder.label),
            "score": f"{finder.score:.2f}",
        }
    sentences = [say(f"beliefs.verdict.{told.verdict}", **values)]
    if (proposal := told.proposal) is not None:
        key = "kept" if proposal.is_query else "dropped"
        numbers = {"rank": proposal.rank, "count": proposal.count, "kept": proposal.kept}
        sentences.append(say(f"beliefs.proposal.{key}", **numbers))
    elif found.proposals is not None:
        sentences.append(say("beliefs.proposal.none"))
    return " ".join(sentences)
