"""The model card that goes with a made encoder."""

from __future__ import annotations

from collections.abc import Sequence

from spacy_bioner.encoders.shape import EncoderShape
from spacy_bioner.encoders.vocabulary import Vocabulary

_CARD = """\
---
library_name: transformers
tags:
- random-weights
- untrained
---

# A {architecture} encoder with random weights

**This encoder is untrained.** Its weights are random numbers drawn from seed {seed}; it
has never seen a text and knows no language. Only its vocabulary was learnt from texts.
It stands in for a pretrained encoder where none can be had, and has to be trained.

| | |
|---|---|
| architecture | {architecture} |
| layers | {layers} |
| width | {width} |
| heads | {heads} |
| feed-forward width | {feed_forward} |
| longest input | {max_length} wordpieces |
| dropout | {dropout} |
| parameters | {parameters} |
| vocabulary | {vocabulary} tokens |
| characters left out of the vocabulary | {left_out} |

The vocabulary was learnt from {texts} texts of:

{sources}

Made by `spacy bioner make-encoder` of spacy_bioner.
"""


def model_card(
    shape: EncoderShape,
    vocabulary: Vocabulary,
    *,
    parameters: int,
    seed: int,
    sources: Sequence[str],
) -> str:
    """Return the model card, in Markdown: what the encoder is and is not."""
    layers = str(shape.layers)
    if shape.architecture == "bart":
        layers += f" ({shape.layers // 2} encoder, {shape.layers // 2} decoder)"
    return _CARD.format(
        architecture=shape.architecture,
        layers=layers,
        width=shape.width,
        heads=shape.heads,
        feed_forward=shape.feed_forward,
        max_length=shape.max_length,
        dropout=shape.dropout,
        parameters=parameters,
        vocabulary=len(vocabulary.tokens),
        left_out=vocabulary.characters_left_out,
        texts=vocabulary.texts,
        seed=seed,
        sources="\n".join(f"- {source}" for source in sources) or "- (sources not given)",
    )
