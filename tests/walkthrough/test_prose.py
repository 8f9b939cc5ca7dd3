"""Texts and cards are complete, and what they name exists."""

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from deformviz.attention.dat import DATAttention
from deformviz.walkthrough.breaking import locations_without_half
from deformviz.walkthrough.complexity import AttentionSizes, complexity
from deformviz.walkthrough.convolutions import convolutions
from deformviz.walkthrough.dat import dat
from deformviz.walkthrough.decoder import decoder
from deformviz.walkthrough.gradients import gradients, layer_gradients
from deformviz.walkthrough.mathml import equation_mathml, symbol_mathml
from deformviz.walkthrough.mistakes import MISTAKES
from deformviz.walkthrough.multi_head import multi_head
from deformviz.walkthrough.multi_scale import multi_scale, single_scale
from deformviz.walkthrough.myths import CARDS, TOPICS
from deformviz.walkthrough.proposals import proposals
from deformviz.walkthrough.prose import FOLDER, RELATED, read_prose
from deformviz.walkthrough.toy import toy_inputs, toy_module
from deformviz.words import say

ROOT = Path(__file__).parents[2]


def every_derivation(seen):
    """One of each kind, on one model."""
    module, inputs = seen.module("decoder.0"), seen.attention["decoder.0"]
    layer = seen.model.transformer.decoder.layers[0]
    queries = seen.traces["decoder.0.self"].query
    found = layer_gradients(seen.model, seen.images, "decoder.0")
    yield multi_scale(module, inputs, 0)
    yield multi_scale(toy_module(), toy_inputs(), 0)
    yield single_scale(module, inputs, 0, 1)
    yield gradients(found, 0, 0, 0, 0)
    yield gradients(replace(found, locate=locations_without_half), 0, 0, 0, 0)
    yield decoder(seen, 0, 0)
    yield multi_head(layer.self_attn, queries, queries, seen.decoder.layer_contents[0], 0)
    if seen.model.config.two_stage:
        yield proposals(seen, 0)
    grid = DATAttention(8, heads=2, groups=1, query_hw=(4, 6), version="v1")
    yield dat(grid, torch.randn(1, 8, 4, 6), 3)
    yield complexity(AttentionSizes(3, 20, 8, 2, 2), (4, 5))
    yield convolutions()


def test_every_step_has_a_text_and_every_text_a_step(seen):
    for derivation in every_derivation(seen):
        sections = read_prose(derivation.name).sections
        missing = {step.name for step in derivation} - set(sections)
        assert not missing, f"{derivation.name} has no text for {missing}"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("zh/*.md")), ids=lambda path: path.stem)
def test_a_translated_text_has_the_sections_and_formulas_of_english(path):
    english, told = read_prose(path.stem, "en"), read_prose(path.stem, "zh")
    assert list(told.sections) == list(english.sections) and told.title != english.title
    for name, text in english.sections.items():
        assert re.findall(r"`.+?`|\$.+?\$", told.sections[name]) == re.findall(
            r"`.+?`|\$.+?\$", text
        ), name


def test_no_text_is_left_over(shipped_seen):
    used = {}
    for derivation in every_derivation(shipped_seen):
        used.setdefault(derivation.name, set()).update(step.name for step in derivation)
    used["multi_scale"] |= used["single_scale"]
    used["bilinear"] = used["gradients"]
    used["decoder"] |= {"query_embed"}  # of models with one stage
    for name in set(used) - set(RELATED):
        left = set(read_prose(name).sections) - used[name]
        assert not left - {"reference_points", "reference_boxes", "offset_normaliser"}, left


def test_every_equation_becomes_mathml_without_a_rest_of_latex(shipped_seen):
    for derivation in every_derivation(shipped_seen):
        for text in [step.equation for step in derivation] + [derivation.whole or "n"]:
            drawn = equation_mathml(derivation, text)
            shown = re.sub("<.*?>", " ", drawn)
            assert not re.search(r"[\\$]|\bterm\b|_", shown), shown
            assert "mathcolor" not in drawn
            assert drawn.count("data-term=") == len(re.findall(r"\\(term|part){", text))
        assert not any("\\" in symbol_mathml(step.symbol) for step in derivation)


def test_symbols_in_texts_are_marked_as_such():
    for path in FOLDER.glob("en/*.md"):
        prose = read_prose(path.stem)
        for text in (prose.introduction, *prose.sections.values()):
            plain = re.sub(r"`.*?`|\$.*?\$|grid_sample|align_corners|im2col_step", "", text)
            assert not re.search(r"\b\w_\w", plain), f"{path.name}: {plain}"


def test_every_mistake_has_a_text():
    assert set(read_prose("mistakes").sections) == set(MISTAKES)


def test_every_text_begins_with_a_title_and_what_it_is_about():
    for path in FOLDER.glob("en/*.md"):
        prose = read_prose(path.stem)
        assert prose.title and prose.introduction, path.name


def test_there_are_forty_three_cards_with_a_myth_and_an_answer():
    assert [card.number for card in CARDS] == list(range(1, 44))
    assert len({card.title for card in CARDS}) == 43
    for card in CARDS:
        assert card.myth and card.answer and card.myth != card.answer
        assert card.view or card.message, f"card {card.number} shows nothing"


def test_every_card_has_one_topic_and_every_topic_a_name():
    assert sorted(number for numbers in TOPICS.values() for number in numbers) == list(range(1, 44))
    assert len({say(f"card.topic.{topic}") for topic in TOPICS}) == len(TOPICS)
    for card in CARDS:
        assert card.number in TOPICS[card.topic]
        if card.view:
            assert say(f"card.link.{card.view.link or card.view.page}")


def test_a_search_finds_words_anywhere_on_a_card():
    found = [card.number for card in CARDS if card.matches("padded BATCHES")]
    assert 14 in found and 1 not in found


@pytest.mark.parametrize(
    "card", [card for card in CARDS if card.message], ids=lambda card: str(card.number)
)
def test_a_card_shows_what_deformviz_itself_says(card):
    assert len(card.message()) > 20


def test_every_test_a_card_names_is_collected():
    for name in sorted({card.test for card in CARDS}):
        path, _, function = name.partition("::")
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert Path(path).name.startswith("test_") and function.startswith("test_"), name
        assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_the_question_of_the_wrong_gpu_is_asked_where_there_is_a_gpu():
    path, _, name = CARDS[30].test.partition("::")
    source = (ROOT / path).read_text(encoding="utf-8")
    assert f"@pytest.mark.gpu\ndef {name}(" in source


def test_a_step_that_does_not_exist_is_named():
    derivation = convolutions()
    with pytest.raises(KeyError, match="it has plain, separable, grouped"):
        derivation["typo"]
    assert replace(derivation, module_output=torch.tensor(0.0)).difference == 2304
