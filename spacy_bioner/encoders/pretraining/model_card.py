"""The model card of a pretrained encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from spacy_bioner.encoders.pretraining.settings import PretrainingSettings
from spacy_bioner.encoders.pretraining.tokens import TokenStream
from spacy_bioner.rawtext.shards import NOT_GIVEN

_OPTIMIZERS = {"adamw": "AdamW", "muon": "Muon, and AdamW for embeddings, norms and biases"}
_CARD = """\
---
library_name: transformers
pipeline_tag: fill-mask
---

# A {model_type} encoder pretrained on raw text

Masked-language training by `spacy bioner pretrain-encoder` of spacy_bioner: spans of whole
words are hidden and guessed (mean {span:g} words a span, {mask_rate:.0%} of the tokens).

| | |
|---|---|
| began from | {start} |
| layers, width, heads | {layers}, {width}, {heads} |
| longest input | {max_length} wordpieces; trained on blocks of {length} |
| parameters, without the masked-language head | {parameters:,} |
| vocabulary | {vocabulary:,} tokens |
| steps, blocks a step | {steps:,}, {batch_size} |
| optimizer | {optimizer} |
| tokens read | {tokens:,} |
| time | {minutes:,.0f} minutes on {device} |
| loss and accuracy at hidden tokens, held-out text | {loss:.3f}, {accuracy:.1%} |

## Trained on

Weight: how often a pass reads the text. Tokens are those of the whole file.

| text | weight | tokens | source | licence |
|---|---|---|---|---|
{sources}

## Limits

It knows what stands in these texts and nothing else, errors and slants of theirs included.
It is made to be fine-tuned, and no judge of what is true or healthy.
"""


def pretrained_card(
    config: Any,
    settings: PretrainingSettings,
    streams: Sequence[TokenStream],
    licences: Mapping[Path, tuple[str, str]],
    facts: Mapping[str, Any],
) -> str:
    """Return the model card, in Markdown.

    config: the encoder's. licences: (repository, licence) by path of the shard. facts: start,
    parameters, max_length, steps, seconds, device, held_out_loss, held_out_accuracy, and
    "grown from", layers, where it was.
    """
    return _CARD.format(
        model_type=config.model_type,
        span=settings.span,
        mask_rate=settings.mask_rate,
        start=_start(facts),
        layers=config.num_hidden_layers,
        width=config.hidden_size,
        heads=config.num_attention_heads,
        max_length=facts["max_length"],
        length=settings.length,
        parameters=facts["parameters"],
        vocabulary=config.vocab_size,
        steps=facts["steps"],
        batch_size=settings.batch_size,
        optimizer=_OPTIMIZERS[settings.optimizer],
        tokens=facts["steps"] * settings.batch_size * settings.length,
        minutes=facts["seconds"] / 60,
        device=facts["device"],
        loss=facts["held_out_loss"],
        accuracy=facts["held_out_accuracy"],
        sources="\n".join(_source_row(stream, licences) for stream in streams),
    )


def _start(facts: Mapping[str, Any]) -> str:
    if "grown from" not in facts:
        return str(facts["start"])
    return f"{facts['start']}, of {facts['grown from']} layers, the upper ones once more on top"


def _source_row(stream: TokenStream, licences: Mapping[Path, tuple[str, str]]) -> str:
    shard = stream.shard
    repository, licence = licences.get(shard.path, (NOT_GIVEN, NOT_GIVEN))
    return (
        f"| {shard.name} | {shard.weight:g} | {len(stream.values):,} | {repository} | {licence} |"
    )
