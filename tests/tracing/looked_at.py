"""Small random models of transformers looked at with their own processors, one recording each."""

import numpy as np

import deformviz as dv
from tests.tracing.transformers_families import build

PICTURE_HW = (90, 144)
WORDS = "[PAD] [UNK] [CLS] [SEP] . a cat remote dog detect the ,".split()
PROMPT = "a cat. a remote."
BY_SIDES = {"shortest_edge": 48, "longest_edge": 80}
FIXED = {"height": 64, "width": 96}


def picture():
    """Noise, the same each time."""
    return np.random.default_rng(3).integers(0, 256, (*PICTURE_HW, 3), dtype=np.uint8)


def tokenizer():
    """One that knows the words of the prompt."""
    import transformers

    return transformers.BertTokenizer(vocab={word: i for i, word in enumerate(WORDS)})


def processor_of(family):
    """What feeds a family its picture, and its prompt."""
    import transformers as t

    if family == "grounding_dino":
        images = t.GroundingDinoImageProcessorPil(size=BY_SIDES)
        return t.GroundingDinoProcessor(images, tokenizer())
    if family == "mask2former":
        return t.Mask2FormerImageProcessorPil(size=BY_SIDES, size_divisor=32)
    return t.RTDetrImageProcessorPil(size=FIXED)


def looked_at(family, **more):
    """A recording of the picture, proven."""
    prompt = PROMPT if family == "grounding_dino" else None
    return dv.look(build(family), picture(), processor=processor_of(family), prompt=prompt, **more)
